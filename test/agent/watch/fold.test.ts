/** What a sweep says in few words, and that it never says too many. */
import t from "tap";
import { Check } from "typebox/value";
import type { ProbeOrder } from "../../../agent/prober.ts";
import { Fold } from "../../../agent/watch/fold.ts";
import { firstDelayMs, pauseMs } from "../../../agent/watch/schedule.ts";
import { maxFrameBytes } from "../../../shared/link.ts";
import type { Outcome } from "../../../shared/outcome.ts";
import { hasPort, readPorts } from "../../../shared/ports.ts";
import { readRanges } from "../../../shared/ranges.ts";
import { OddGroupSchema, rttBucket, type OddGroup } from "../../../shared/watch-wire.ts";

const own = "10.0.0.1";

function orderOf(id: number, more: Partial<ProbeOrder> = {}): ProbeOrder {
  return { id, from: 0, to: 1, address: "10.0.0.2", protocol: "tcp", serverName: "x", ports: [], ...more };
}

function proven(port: number, proof: Partial<Outcome["proof"]> = {}, rttMs = 1): Outcome {
  const whole = { node: 1, port, seenAddress: own, seenPort: 40_000 + port, clientVerified: false, ...proof };
  return { kind: "open", phase: "answer", elapsedMs: 2, attempts: 1, rttMs, proof: whole };
}

function failed(kind: Outcome["kind"], more: Partial<Outcome> = {}): Outcome {
  return { kind, phase: "connect", elapsedMs: 1, attempts: 1, ...more };
}

/** How often the groups name a port of a target. */
function named(groups: readonly OddGroup[], target: number, port: number, size = 70_000): number {
  return groups.filter(
    ({ targets, ports }) => readRanges(targets, size)!.includes(target) && hasPort(readPorts(ports)!, port),
  ).length;
}

t.test("the same fate of many ports and targets is one group, with the longest time", async (t) => {
  const fold = new Fold([own]);
  for (const id of [3, 1, 2, 7])
    for (const port of [9_002, 9_000, 9_001])
      fold.add({
        order: orderOf(id),
        port,
        outcome: failed("silent", { elapsedMs: 4_000 + id, attempts: 2 }),
      });
  fold.add({ order: orderOf(2), port: 80, outcome: failed("refused", { code: "ECONNREFUSED" }) });
  const { odd, untold } = fold.groups();
  t.strictSame(untold, []);
  t.match(
    odd.toSorted((a, b) => a.kind.localeCompare(b.kind)),
    [
      { targets: "2", ports: "80", kind: "refused", code: "ECONNREFUSED" },
      { targets: "1-3,7", ports: "9000-9002", kind: "silent", elapsedMs: 4_007, attempts: 2 },
    ],
  );
  t.equal(odd.length, 2);
  t.strictSame(fold.groups((target) => target !== 2).odd.length, 2);
  t.strictSame(
    fold.groups((target) => target === 2).odd.map(({ targets }) => targets),
    ["1,3,7"],
  );
});

t.test(
  "an unreachable that came at once is told apart from one that took the neighbour's time-out",
  async (t) => {
    const fold = new Fold([own]);
    for (const elapsedMs of [2, 3_060])
      fold.add({ order: orderOf(elapsedMs), port: 80, outcome: failed("unreachable", { elapsedMs }) });
    t.equal(fold.groups().odd.length, 2);
  },
);

t.test("what is as expected leaves the bucket of its median, and everything else is odd", async (t) => {
  const fold = new Fold([own]);
  for (const [index, rttMs] of [9, 1, 5].entries())
    fold.add({ order: orderOf(0), port: 80 + index, outcome: proven(80 + index, {}, rttMs) });
  const service = { service: { exchange: "http" as const, tls: false } };
  const answer: Outcome = { ...failed("open"), exchange: "http", rttMs: 2 };
  fold.add({ order: orderOf(1, service), port: 80, outcome: answer });
  fold.add({
    order: orderOf(2, { protocol: "mtls" }),
    port: 80,
    outcome: proven(80, { clientVerified: true }),
  });
  t.strictSame(fold.groups().odd, []);
  t.strictSame([...fold.latencies(4)], [rttBucket(5), rttBucket(2), rttBucket(1), 0]);
  const oddities: [number, ProbeOrder, Outcome][] = [
    [80, orderOf(3), proven(80, { node: 2 })],
    [443, orderOf(4), proven(8_022)],
    [80, orderOf(5), proven(80, { seenAddress: "192.0.2.9" })],
    [80, orderOf(6, { protocol: "mtls" }), proven(80)],
    [80, orderOf(7), answer],
    [80, orderOf(8, service), failed("silent")],
  ];
  for (const [port, order, outcome] of oddities) fold.add({ order, port, outcome });
  const { odd } = fold.groups();
  for (const [port, { id }] of oddities) t.equal(named(odd, id, port), 1, `target ${id}`);
  t.match(
    odd.find(({ targets }) => targets === "4"),
    { proof: { node: 1, port: 8_022, seenPort: 0 } },
    "the redirect shows",
  );
});

t.test("a whole range behind a NAT is one group, whose proofs name the probed port by 0", async (t) => {
  const fold = new Fold([own]);
  for (let port = 30_000; port < 32_768; port++)
    fold.add({ order: orderOf(0), port, outcome: proven(port, { seenAddress: "192.0.2.9" }) });
  t.match(fold.groups().odd, [{ ports: "30000-32767", proof: { port: 0, seenAddress: "192.0.2.9" } }]);
});

t.test("a target is told in at most 64 parts, whatever answers there", async (t) => {
  const fold = new Fold([own]);
  for (let port = 1_000; port < 3_000; port++) {
    const outcome =
      port % 3 === 0
        ? proven(port + 5_000)
        : failed(port % 3 === 1 ? "wrong-answer" : "upgrade-refused", {
            code: `HTTP_${port}`,
            detail: `page ${port}`,
          });
    fold.add({ order: orderOf(0), port, outcome });
  }
  const { odd } = fold.groups();
  t.ok(odd.length <= 64, `${odd.length} parts`);
  for (let port = 1_000; port < 3_000; port++) if (named(odd, 0, port, 1) !== 1) t.fail(`${port}`);
  for (const group of odd) t.ok(Check(OddGroupSchema, group));
});

t.test("texts that differ each time do not make groups without end", async (t) => {
  const fold = new Fold([own]);
  for (let id = 0; id < 2_000; id++)
    fold.add({
      order: orderOf(id),
      port: 80,
      outcome: failed("local-error", { code: "EPOLICY", detail: `${id}` }),
    });
  const { odd } = fold.groups();
  t.ok(odd.length <= 65, `${odd.length} groups`);
  t.equal(odd.filter(({ detail }) => detail === undefined).length, 1);
});

t.test("what does not fit into a frame is said to be untold, and the most is told", async (t) => {
  const fold = new Fold([own]);
  for (let id = 0; id < 600; id++)
    for (let port = 30_000; port < 32_768; port++)
      if ((port * (id + 7)) % 13 < 5 || (port ^ id) % 3 === 0)
        fold.add({ order: orderOf(id), port, outcome: failed("silent") });
  const { odd, untold } = fold.groups();
  t.ok(JSON.stringify(odd).length < maxFrameBytes / 2 + 10);
  t.ok(untold.length > 0);
  const told = new Set(odd.flatMap(({ targets }) => readRanges(targets, 600)!));
  t.equal(told.size + new Set(untold).size, 600);
});

t.test("sweeps begin spread by name, and never further apart than the interval", async (t) => {
  const delays = Array.from({ length: 1_000 }, (_, index) => firstDelayMs(`n${index}`, 30_000));
  t.ok(delays.every((delay) => delay >= 0 && delay < 30_000));
  const thirds = [0, 1, 2].map(
    (third) => delays.filter((delay) => Math.floor(delay / 10_000) === third).length,
  );
  t.ok(
    thirds.every((count) => count > 280 && count < 390),
    thirds.join(),
  );
  t.equal(firstDelayMs("n1", 30_000), firstDelayMs("n1", 30_000));
  t.strictSame([pauseMs(1_000, 0), pauseMs(1_000, 1)], [1_000, 900]);
});
