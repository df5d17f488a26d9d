/** The edges of what is blocked in a range of which only samples were probed. */
import t from "tap";
import { findEdges, type Point } from "../../agent/bisect.ts";
import { alwaysWell } from "../../agent/health.ts";
import { defaultLimits, type ProbeOrder, type ProbeResult } from "../../agent/prober.ts";
import { protocols } from "../../agent/protocols/index.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { countPorts, eachPort, hasPort, portSetOf, type PortSet } from "../../shared/ports.ts";
import { createFixture, type Fixture } from "../helpers/agent-fixtures.ts";
import { Random } from "../lab/random.ts";

const never = new AbortController().signal;

/** What is probed after these samples, where a function says what the network lets through. */
async function search(
  fixture: Fixture,
  sampled: readonly Point[],
  isOpen: (order: number, port: number) => boolean,
): Promise<ProbeResult[]> {
  const outcome = (kind: Outcome["kind"]): Outcome => ({
    kind,
    phase: "connect",
    elapsedMs: 1,
    attempts: 1,
  });
  const probe: (typeof protocols)["tcp"]["probe"] = ({ to, port }) =>
    Promise.resolve(outcome(isOpen(to, port) ? "open" : "silent"));
  const results: ProbeResult[] = [];
  await findEdges(
    sampled,
    {
      protocols: { ...protocols, tcp: { name: "tcp", transport: "tcp", probe } },
      context: await fixture.probing("zero"),
      limits: { ...defaultLimits, ratePerSecond: 1e6, ratePerNodePerSecond: 1e6 },
      health: alwaysWell,
    },
    (result) => results.push(result),
    never,
  );
  return results;
}

function orderOf(id: number, ports: PortSet): ProbeOrder {
  return { id, from: 0, to: id, address: "127.0.0.1", protocol: "tcp", serverName: "x", ports };
}

/** Every `step`th port of an order, and the last. */
function sample(order: ProbeOrder, step: number, isOpen: (port: number) => boolean): Point[] {
  const all = [...eachPort(order.ports)];
  const some = all.filter((_, index) => index % step === 0 || index === all.length - 1);
  return some.map((port) => ({ order, port, isOpen: isOpen(port) }));
}

/** Pairs of neighbours in the list of which one is open and the other is not. */
function edgesOf(ports: readonly number[], isOpen: (port: number) => boolean): string[] {
  return ports.flatMap((port, index) => {
    const before = ports[index - 1];
    return before === undefined || isOpen(before) === isOpen(port) ? [] : [`${before}/${port}`];
  });
}

t.test("every edge that lies between two samples is found to the port, with few probes", async (t) => {
  using fixture = await createFixture();
  const random = new Random(7);
  for (let run = 0; run < 60; run++) {
    // Lists with holes are ranges of what they have.
    const ports = portSetOf(
      Array.from({ length: random.between(300, 3_000) }, (_, index) => 10_000 + index).filter(
        (port) => run % 2 === 0 || port % 100 < 60,
      ),
    );
    const all = [...eachPort(ports)];
    const order = orderOf(1, ports);
    const step = random.between(8, 64);
    // As samples are `step` apart, longer intervals are seen by one at least.
    const blocked: [number, number][] = [];
    for (let at = random.between(0, 200); at < all.length; at += random.between(4 * step, 900)) {
      const end = Math.min(all.length - 1, at + random.between(step, 3 * step));
      blocked.push([all[at]!, all[end]!]);
      at = end;
    }
    const isOpen = (port: number): boolean => !hasPort(blocked, port);
    const sampled = sample(order, step, isOpen);
    const results = await search(fixture, sampled, (_, port) => isOpen(port));
    const probed = portSetOf([...sampled, ...results].map(({ port }) => port));
    const edges = edgesOf(all, isOpen);
    const found = edgesOf([...eachPort(probed)], isOpen);
    const allowed = edges.length * (1.5 * Math.log2(step) + 3);
    const isRight = found.join() === edges.join() && results.length <= allowed;
    if (isRight && countPorts(probed) === sampled.length + results.length) continue;
    t.strictSame(found, edges, `run ${run}`);
    t.ok(results.length <= allowed, `run ${run}: ${results.length} probes for ${edges.length} edges`);
    t.equal(countPorts(probed), sampled.length + results.length, "no port is probed twice");
    return;
  }
  t.pass("in 60 networks");
});

t.test("intervals between two samples that a search meets by chance are found as well", async (t) => {
  using fixture = await createFixture();
  const order = orderOf(1, [[1_000, 1_999]]);
  const blocked: PortSet = [
    [1_240, 1_260],
    [1_740, 1_999],
  ];
  const isOpen = (port: number): boolean => !hasPort(blocked, port);
  const ends = [1_000, 1_999].map((port): Point => ({ order, port, isOpen: isOpen(port) }));
  const results = await search(fixture, ends, (_, port) => isOpen(port));
  const probed = portSetOf([...ends, ...results].map(({ port }) => port));
  t.strictSame(edgesOf([...eachPort(probed)], isOpen), ["1239/1240", "1260/1261", "1739/1740"]);
});

t.test("each order has edges of its own, and where all is alike nothing is probed", async (t) => {
  using fixture = await createFixture();
  const [mixed, open, shut] = [1, 2, 3].map((id) => orderOf(id, [[2_000, 2_999]])) as [
    ProbeOrder,
    ProbeOrder,
    ProbeOrder,
  ];
  const isOpen = (order: number, port: number): boolean => order === 2 || (order === 1 && port < 2_345);
  const sampled = [mixed, open, shut].flatMap((order) => sample(order, 50, (port) => isOpen(order.id, port)));
  const results = await search(fixture, sampled, isOpen);
  t.ok(results.every(({ order }) => order.id === 1));
  const probed = portSetOf(
    [...sampled.filter(({ order }) => order.id === 1), ...results].map(({ port }) => port),
  );
  t.strictSame(
    edgesOf([...eachPort(probed)], (port) => isOpen(1, port)),
    ["2344/2345"],
  );
});

t.test("what changes with every port is noise, and has a limit", async (t) => {
  using fixture = await createFixture();
  const order = orderOf(1, [[1, 60_000]]);
  const random = new Random(3);
  const sampled = sample(order, 100, () => random.chance(0.5));
  const results = await search(fixture, sampled, () => random.chance(0.5));
  t.ok(results.length <= 64 * 3 * 8, `${results.length} probes`);
});

t.test("a search that is cancelled ends", async (t) => {
  using fixture = await createFixture();
  const order = orderOf(1, [[1, 60_000]]);
  const points = [1, 60_000].map((port): Point => ({ order, port, isOpen: port === 1 }));
  const controller = new AbortController();
  let probes = 0;
  const probe: (typeof protocols)["tcp"]["probe"] = () => {
    if (++probes === 2) controller.abort();
    return Promise.resolve({ kind: "open", phase: "answer", elapsedMs: 1, attempts: 1 });
  };
  await findEdges(
    points,
    {
      protocols: { ...protocols, tcp: { name: "tcp", transport: "tcp", probe } },
      context: await fixture.probing("zero"),
      limits: defaultLimits,
      health: alwaysWell,
    },
    () => {},
    controller.signal,
  );
  t.ok(probes <= 3, `${probes} probes`);
});
