/** What links of a known rate are found to carry, by the real check; and what it costs. */
import t from "tap";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReportRequirement } from "../../shared/report.ts";
import { runLabCheck, type LabCheckOptions } from "./check.ts";
import { Lab } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(300_000);

function optionsFor(
  names: readonly string[],
  value: number,
  parts: Partial<LabCheckOptions> = {},
): LabCheckOptions {
  const spec = labSpec({
    flows: [{ name: "gossip", transport: "tcp", ports: "9000" }],
    requirements: [
      {
        name: "speed",
        kind: "bandwidth",
        expected: `at least ${value} Mbps`,
        minimum: { value, unit: "Mbit/s" },
      },
    ],
  });
  const nodes = names.map((name) => ({ name }));
  return { specs: [{ spec }], nodes, control: names[0]!, skip: ["endpoints"], ...parts };
}

async function labOf(names: readonly string[]): Promise<Lab> {
  return Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
}

const speeds = (requirements: readonly ReportRequirement[]): ReportRequirement[] =>
  requirements.filter(({ name }) => name === "speed");

/** Bits per second of `47.9 Mbit/s`, maybe with words around. */
function rateIn(text: string): number {
  const [, figure, prefix] = /([0-9.]+) ([kMGT])bit\/s/.exec(text)!;
  return Number(figure) * 1_000 ** " kMGT".indexOf(prefix!);
}

t.test("a slow link is found by its rate in each direction, and no other pair is slowed by it", async (t) => {
  const names = ["n1", "n2", "n3", "n4"];
  await using lab = await labOf(names);
  const shaped = { from: 20e6, to: 60e6 };
  await lab.shape("n4", shaped);
  const { report, peakRss, progress } = await runLabCheck(lab, optionsFor(names, 100));
  const found = speeds(report.requirements);
  const slow = found.filter(({ reason }) => reason === "low-bandwidth");
  const others = names.slice(0, -1);
  t.strictSame(
    slow.map(({ node, toward }) => `${node}>${toward}`).toSorted(),
    [...others.map((name) => `${name}>n4`), ...others.map((name) => `n4>${name}`)].toSorted(),
    progress,
  );
  for (const { node, toward, actual } of slow) {
    const ratio = rateIn(actual) / (node === "n4" ? shaped.from : shaped.to);
    // Of a full packet (1,514 bytes for tc) 1,448 are payload.
    t.ok(ratio > 0.86 && ratio < 1, `${node} to ${toward}: ${actual}`);
  }
  const good = found.filter(({ reason }) => reason === "met");
  t.match(good, [{ actual: / is the lowest of 6 pairs, / }]);
  t.equal(found.length, 7);
  t.comment(`largest agent ${Math.round(Math.max(...peakRss.values()) / 1e6)} MB`);
});

t.test("no more bytes cross a link than the cluster file allows", async (t) => {
  const names = ["n1", "n2"];
  await using lab = await labOf(names);
  const megabytes = 200;
  // Long enough that the bytes are used up first.
  const probing = { bandwidth: { duration: "20s", megabytes } };
  const before = await lab.carried("n2");
  const { report } = await runLabCheck(lab, optionsFor(names, 1, { probing }));
  const after = await lab.carried("n2");
  t.match(speeds(report.requirements), [{ reason: "met", actual: /lowest of 2 pairs/ }]);
  for (const way of ["from", "to"] as const) {
    const carried = after[way] - before[way];
    t.ok(carried > megabytes * 1e6, `${carried} bytes ${way} n2`);
    // Headers, acknowledgements, and all the rest of a check.
    t.ok(carried < 1.1 * megabytes * 1e6 + 1e6, `and no more than headers and a check add`);
  }
});

t.test("an agent that is killed in the middle is told, and all other pairs are measured", async (t) => {
  const names = ["n1", "n2", "n3", "n4"];
  await using lab = await labOf(names);
  // Slow enough to be met in the middle.
  for (const name of names) await lab.shape(name, { from: 200e6, to: 200e6 });
  const { report, progress } = await runLabCheck(
    lab,
    optionsFor(names, 10, {
      probing: { bandwidth: { duration: "2s" } },
      async during(agents) {
        const before = await lab.carried("n4");
        const deadline = performance.now() + 90_000;
        // More than probes bring: a stream is under way.
        while ((await lab.carried("n4")).to - before.to < 10e6) {
          if (performance.now() > deadline) throw new Error("n4 did not stream");
          await sleep(20);
        }
        agents.get("n4")!.kill("SIGKILL");
      },
    }),
  );
  const found = speeds(report.requirements);
  const unknown = found.filter(({ reason }) => reason === "never-probed");
  t.ok(unknown.length > 0, progress);
  for (const { node, toward, actual } of unknown) {
    t.ok([node, toward].includes("n4"), `${node} to ${toward}`);
    t.match(actual, /there is no agent on n4|broke off|went away|cannot connect/);
  }
  t.ok(
    unknown.some(({ actual }) => /broke off|went away/.test(actual)),
    "a stream was under way",
  );
  const good = found.find(({ reason }) => reason === "met");
  const pairs = Number(/lowest of ([0-9]+) pairs/.exec(good!.actual)![1]);
  t.ok(pairs >= 6 && pairs + unknown.length === 12, `${pairs} were measured`);
  t.equal(found.length, unknown.length + 1, "and nothing else is said");
});
