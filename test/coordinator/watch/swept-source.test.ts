/** What one frame of a node says of each of its ports: that all is well unless it says otherwise. */
import t from "tap";
import { SweptSource } from "../../../coordinator/watch/swept-source.ts";
import { formatPorts, portSetOf } from "../../../shared/ports.ts";
import { makePlan, type Target } from "../../../shared/plan.ts";
import { bucketMs } from "../../../shared/watch-wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../../helpers/domain-fixtures.ts";
import { refusedOf, silentOf, sweepOf } from "../../helpers/watch-fixtures.ts";

/** Targets of n1, by position: n2 over tcp on 9000-9003 and over tls on 9443, then the same of n3. */
const plan = makePlan(
  clusterOf(
    specOf({
      flows: [flowOf("gossip", { ports: "9000-9003" }), flowOf("web", { ports: 9_443, security: "tls" })],
    }),
    nodesOf(["peer"], ["peer"], ["peer"]),
  ),
  "runtime",
);
const first = plan.pairs.targetsFrom(0)[0];
const targetAt = (position: number): Target => plan.pairs.target(first + position)!;
const source = (isService = false): SweptSource => new SweptSource(plan, 0, () => isService);

/** When sweeps ended, and for how long ranges may be swept. */
const now = Date.UTC(2026, 10, 21);
const budgetMs = 60_000;

t.test("before a sweep nothing is known", async (t) => {
  t.equal(source().outcome(targetAt(0), 9_000), undefined);
  t.equal(source().rttMs(targetAt(0)), undefined);
  t.equal(source().signature(1), "");
});

t.test("what a sweep does not mention answered with its proof", async (t) => {
  const swept = source();
  t.equal(swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0,2", "9001-9002")] }), now, budgetMs), undefined);
  for (const port of [9_000, 9_003])
    t.match(swept.outcome(targetAt(0), port), {
      kind: "open",
      rttMs: bucketMs(43),
      proof: { node: 1, port, seenAddress: "", clientVerified: false },
    });
  t.match(swept.outcome(targetAt(3), 9_443), { kind: "open", proof: { node: 2, port: 9_443 } });
  for (const position of [0, 2])
    t.match(swept.outcome(targetAt(position), 9_001), { kind: "silent", phase: "connect", attempts: 2 });
  t.equal(formatPorts(swept.failures(targetAt(2))), "9001-9002");
  t.equal(formatPorts(swept.oddAt(2)!.ports), "9001-9002");
  t.strictSame([...swept.oddNodes], [1, 2]);
});

t.test("a real service answered, and proved nothing", async (t) => {
  const swept = source(true);
  swept.sweep(sweepOf(plan, 0), now, budgetMs);
  const outcome = swept.outcome(targetAt(0), 9_000);
  t.equal(outcome?.kind, "open");
  t.equal(outcome?.proof, undefined);
});

t.test("of nodes that were not probed nothing is known, and least that they are well", async (t) => {
  const swept = source();
  swept.sweep(sweepOf(plan, 0, { skipped: [1] }), now, budgetMs);
  t.equal(swept.outcome(targetAt(0), 9_000), undefined);
  t.equal(swept.outcome(targetAt(2), 9_000)?.kind, "open");
  t.equal(swept.signature(1), "skipped");
  t.equal(swept.signature(2), "");
});

t.test("a new sweep takes the place of the one before", async (t) => {
  const swept = source();
  swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0", "9001")], skipped: [2] }), now, budgetMs);
  swept.sweep(sweepOf(plan, 0, { seq: 2 }), now, budgetMs);
  t.equal(swept.outcome(targetAt(0), 9_001)?.kind, "open");
  t.equal(swept.outcome(targetAt(2), 9_001)?.kind, "open");
});

t.test("the same story has the same signature, however long it took", async (t) => {
  const one = source();
  one.sweep(sweepOf(plan, 0, { odd: [silentOf("0", "9001"), refusedOf("1", "9443")] }), now, budgetMs);
  const other = source();
  other.sweep(
    sweepOf(plan, 0, {
      odd: [silentOf("0", "9001", { elapsedMs: 3_900, attempts: 3 }), refusedOf("1", "9443")],
    }),
    now,
    budgetMs,
  );
  t.equal(one.signature(1), other.signature(1));
  for (const odd of [
    [silentOf("0", "9002"), refusedOf("1", "9443")],
    [silentOf("0", "9001"), refusedOf("1", "9443", { code: "ECONNRESET" })],
    [silentOf("0", "9001")],
    [silentOf("1", "9443"), refusedOf("0", "9001")],
  ]) {
    const third = source();
    third.sweep(sweepOf(plan, 0, { odd }), now, budgetMs);
    t.not(third.signature(1), one.signature(1), JSON.stringify(odd));
  }
});

t.test("a second look replaces what it was asked for, and no more", async (t) => {
  const swept = source();
  swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0", "9001-9003"), silentOf("2", "9000")] }), now, budgetMs);
  const asked = new Map([[0, portSetOf([9_001, 9_002])]]);
  t.equal(swept.again(asked, [refusedOf("0", "9002")]), undefined);
  t.equal(swept.outcome(targetAt(0), 9_001)?.kind, "open");
  t.equal(swept.outcome(targetAt(0), 9_002)?.kind, "refused");
  t.equal(swept.outcome(targetAt(0), 9_003)?.kind, "silent");
  t.equal(swept.outcome(targetAt(2), 9_000)?.kind, "silent");
  t.match(swept.again(asked, [refusedOf("2", "9000")]), /not asked for/);
});

t.test("a frame that names what the node has not counts for nothing", async (t) => {
  const swept = source();
  swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0", "9001")] }), now, budgetMs);
  const bad = {
    "a target too many": { odd: [silentOf("0-4", "9001")] },
    "a target of nobody": { odd: [silentOf("12345", "9001")] },
    "ports that are none": { odd: [silentOf("0", "all")] },
    "no ports": { odd: [silentOf("0", "")] },
    "targets that fall": { odd: [silentOf("2,0", "9001")] },
    "a cut of another node": { cut: "4" },
    "latencies of fewer targets": { rtt: "" },
    "a measurement of nobody": { poor: [{ target: 4, ports: "9000", sent: 10, lost: 0 }] },
    "more lost than sent": { poor: [{ target: 0, ports: "9000", sent: 1, lost: 2 }] },
    "one target in very many parts": { odd: Array.from({ length: 70 }, () => silentOf("0", "9001")) },
  };
  for (const [what, parts] of Object.entries(bad)) {
    t.type(swept.sweep(sweepOf(plan, 0, parts), now, budgetMs), "string", what);
    t.equal(swept.outcome(targetAt(0), 9_001)?.kind, "silent", "and what was known stays");
  }
});

t.test("measurements hold until there are others", async (t) => {
  const swept = source();
  const poor = [{ target: 0, ports: "9000-9001", sent: 50, lost: 5, rttMs: 80 }];
  swept.sweep(sweepOf(plan, 0, { poor }), now, budgetMs);
  swept.sweep(sweepOf(plan, 0, { seq: 2 }), now, budgetMs);
  t.strictSame(swept.quality(targetAt(0), 9_000), { sent: 50, lost: 5, rttMs: 80 });
  t.equal(swept.quality(targetAt(1), 9_443), undefined);
  t.match(swept.signature(1), /80/);
  swept.sweep(sweepOf(plan, 0, { seq: 3, poor: [] }), now, budgetMs);
  t.equal(swept.quality(targetAt(0), 9_000), undefined);
});

t.test("what all ports of an address did tells of the host behind it", async (t) => {
  const swept = source();
  swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0", "9000-9003"), silentOf("1", "9443")] }), now, budgetMs);
  t.match(swept.hostSigns.of(0, "10.0.0.2", 1), { silentConnect: true, proved: false });
  swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0", "9000-9002"), silentOf("1", "9443")] }), now, budgetMs);
  t.match(swept.hostSigns.of(0, "10.0.0.2", 1), { silentConnect: true, proved: true });
});

t.test("a range that was cut short is told, since not all of its ports were probed", async (t) => {
  const swept = source();
  swept.sweep(sweepOf(plan, 0, { cut: "0,2" }), now, budgetMs);
  t.ok(swept.isCut(targetAt(0)));
  t.notOk(swept.isCut(targetAt(1)));
  t.equal(swept.signature(1), "0 cut");
});

t.test(
  "what a far end saw is told for as long as the target is as it was, and nobody is asked anew",
  async (t) => {
    const swept = source();
    const sweep = (ports: string): void =>
      void swept.sweep(sweepOf(plan, 0, { odd: [silentOf("0,2", ports)] }), now, budgetMs);
    sweep("9001");
    const seen = [targetAt(0), targetAt(2)].map(({ id }) => ({ id, asked: portSetOf([9_001]) }));
    swept.sightings.record(
      seen,
      {
        type: "sightings",
        look: 1,
        answers: seen.map(() => ({ saw: "9001", mute: "", absent: "" })),
        stalledMs: 0,
        longestStallMs: 0,
      },
      4_000,
    );
    const saw = (position: number): boolean | undefined =>
      swept.sightings.at(targetAt(position).id, 9_001)?.sawRequest;
    sweep("9001");
    t.strictSame([saw(0), saw(2)], [true, true]);
    swept.forgetSightings([1]);
    t.strictSame([saw(0), saw(2)], [undefined, true], "it is asked anew");
    t.equal(swept.again(new Map([[0, portSetOf([9_001])]]), []), undefined);
    t.equal(saw(2), true, "another target was looked at again");
    sweep("9001-9002");
    t.equal(saw(2), undefined, "something is odd otherwise");
  },
);
