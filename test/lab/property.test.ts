/**
 * Random networks with random faults: every verdict is right, and all but a hundredth of the reasons. A failure names
 * the seed; `PORTMESH_PROPERTY_SEED=SEED PORTMESH_PROPERTY_SETS=1` runs that one set again.
 */
import { randomInt } from "node:crypto";
import t from "tap";
import { verdictOf, type Reason } from "../../shared/names.ts";
import { eachPort, readPorts, type PortSet } from "../../shared/ports.ts";
import type { Report, ReportPath } from "../../shared/report.ts";
import { breakOne, startStranger, strangerName } from "./break-world.ts";
import { runLabCheck } from "./check.ts";
import type { Fault } from "./faults.ts";
import { Lab } from "./lab.ts";
import { randomWorld } from "./random-world.ts";
import { truthOf, type Truth } from "./truth.ts";
import { worldSpec, type World } from "./world.ts";

const sets = Number(process.env["PORTMESH_PROPERTY_SETS"] ?? 12);
const firstSeed = Number(process.env["PORTMESH_PROPERTY_SEED"] ?? randomInt(1_000_000));
const rightReasons = 0.99;
/** Networks at a time: most of the time of a check is spent waiting. */
const atOnce = 2;

t.setTimeout(sets * 60_000);

t.test(`${sets} random networks from seed ${firstSeed}`, async (t) => {
  t.comment(`PORTMESH_PROPERTY_SEED=${firstSeed} PORTMESH_PROPERTY_SETS=${sets}`);
  const total = { paths: 0, verdicts: 0, reasons: 0 };
  const seeds = Array.from({ length: sets }, (_, index) => firstSeed + index).values();
  const checkNext = async (): Promise<void> => {
    for (const seed of seeds) await checkSeed(seed);
  };
  await Promise.all(Array.from({ length: atOnce }, checkNext));
  t.equal(total.verdicts, total.paths, "every verdict is right");
  t.ok(total.reasons >= rightReasons * total.paths, `${total.reasons} of ${total.paths} reasons are right`);

  async function checkSeed(seed: number): Promise<void> {
    const startedAt = performance.now();
    const world = randomWorld(seed);
    const { report, unmet } = await checkWorld(world);
    const { paths, differing } = compare(truthOf(world), report);
    const verdicts = paths - differing.filter(({ isVerdict }) => isVerdict).length;
    total.paths += paths;
    total.verdicts += verdicts;
    total.reasons += paths - differing.length;
    t.equal(
      verdicts,
      paths,
      `seed ${seed}: ${paths} paths, ${world.faults.length} faults, ${Math.round(performance.now() - startedAt)} ms`,
    );
    t.strictSame(unmet, [], "every fault was met");
    if (differing.length === 0) return;
    t.comment(`seed ${seed}: ${JSON.stringify(world.nodes)}`);
    for (const fault of world.faults) t.comment(`  fault ${JSON.stringify(fault)}`);
    for (const { text } of differing) t.comment(`  ${text}`);
  }
});

/** The report of the world's check, and the faults that no packet ever met. */
async function checkWorld(world: World): Promise<{ report: Report; unmet: object[] }> {
  const hosts = [...world.nodes, { name: strangerName, zone: "elsewhere" }];
  await using lab = await Lab.create({ hosts: hosts.map(({ name, zone }) => ({ name, zone })) });
  if (world.faults.some(({ kind }) => kind === "stranger")) await startStranger(lab);
  const installed: [object, Fault][] = [];
  for (const fault of world.faults) {
    const handle = await breakOne(lab, fault);
    if (handle !== undefined) installed.push([fault, handle]);
  }
  const absent = world.faults.flatMap((fault) => (fault.kind === "absent" ? [fault.node] : []));
  const { report } = await runLabCheck(lab, {
    specs: [{ spec: worldSpec }],
    nodes: world.nodes,
    control: "n1",
    absent,
    args: absent.length === 0 ? [] : ["--wait", "8s"],
  });
  const unmet: object[] = [];
  for (const [fault, handle] of installed) if ((await handle.packets()) === 0) unmet.push(fault);
  return { report, unmet };
}

interface Difference {
  /** Whether more than the reason is wrong. */
  isVerdict: boolean;
  text: string;
}

function compare(truth: Truth, report: Report): { paths: number; differing: Difference[] } {
  const found = new Map(report.paths.map((path) => [`${path.from}>${path.to} ${path.flow}`, path]));
  const differing = [...new Set([...truth.keys(), ...found.keys()])].flatMap((name): Difference[] => {
    const [expected, path] = [truth.get(name), found.get(name)];
    if (expected === undefined || path === undefined)
      return [{ isVerdict: true, text: `${name} is ${path === undefined ? "missing" : "too much"}` }];
    const actual = reasonsOf(path);
    const wrong = [...expected].filter(([port, reason]) => actual.get(port) !== reason);
    if (wrong.length === 0) return [];
    const isVerdict = wrong.some(
      ([port, reason]) =>
        actual.get(port) === undefined || verdictOf(actual.get(port)!) !== verdictOf(reason),
    );
    const list = wrong.map(([port, reason]) => `${port} ${actual.get(port)} instead of ${reason}`);
    return [{ isVerdict, text: `${name}: ${list.join(", ")} ${JSON.stringify(path.evidence)}` }];
  });
  return { paths: truth.size, differing };
}

/** The reason of each port, from the intervals where there are any. */
function reasonsOf({ ports, reason, intervals = [] }: ReportPath): Map<number, Reason> {
  const parts = intervals.length === 0 ? [{ ports, reason }] : intervals;
  return new Map(
    parts.flatMap((part) =>
      Array.from(eachPort(portsOf(part.ports)), (port): [number, Reason] => [port, part.reason]),
    ),
  );
}

function portsOf(text: string): PortSet {
  const ports = readPorts(text);
  if (ports === undefined) throw new Error(`a report has the ports ${text}`);
  return ports;
}
