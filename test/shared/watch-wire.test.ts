/** The words of watching: positions as text, and round trips as a byte. */
import t from "tap";
import { Check } from "typebox/value";
import { formatRanges, readRanges } from "../../shared/ranges.ts";
import { bucketMs, rttBucket, SweepSchema } from "../../shared/watch-wire.ts";
import { makePlan } from "../../shared/plan.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";
import { silentOf, sweepOf } from "../helpers/watch-fixtures.ts";

t.test("positions are written as runs, and read back", async (t) => {
  for (const [positions, text] of [
    [[], ""],
    [[0], "0"],
    [[0, 1, 2], "0-2"],
    [[0, 2, 3, 9], "0,2-3,9"],
    [[70_000], "70000"],
  ] as const) {
    t.equal(formatRanges(positions), text);
    t.strictSame(readRanges(text, 80_000), positions);
  }
});

t.test("what no agent writes is not read", async (t) => {
  for (const text of [
    "1-0",
    "2,1",
    "1,1",
    "0-2,2",
    "a",
    "1,",
    ",1",
    "-1",
    "1.5",
    "0x1",
    "5",
    "0-5",
    "99999999999",
  ])
    t.equal(readRanges(text, 5), undefined, text);
});

t.test("a round trip is a byte, and at most 5 % off", async (t) => {
  for (let ms = 0.011; ms < 20_000; ms *= 1.013) {
    const bucket = rttBucket(ms);
    t.ok(Math.abs(bucketMs(bucket) / ms - 1) < 0.05, `${ms} ms`);
  }
  t.equal(rttBucket(0), 1, "an answer is never no answer");
  t.equal(rttBucket(Number.NaN), 1);
  t.equal(rttBucket(1e9), 170);
  t.ok(bucketMs(170) > 20_000);
});

t.test("a sweep in which all is well passes its schema, and so does one that tells of much", async (t) => {
  const plan = makePlan(
    clusterOf(specOf({ flows: [flowOf("gossip")] }), nodesOf(["peer"], ["peer"])),
    "runtime",
  );
  t.ok(Check(SweepSchema, sweepOf(plan, 0)));
  t.ok(Check(SweepSchema, sweepOf(plan, 0, { odd: [silentOf("0", "9000")], cut: "0", late: true })));
  t.notOk(Check(SweepSchema, sweepOf(plan, 0, { rtt: "not base64!" })));
  t.notOk(Check(SweepSchema, { ...sweepOf(plan, 0), seq: 0 }));
  t.notOk(Check(SweepSchema, { ...sweepOf(plan, 0), target: "10.0.0.1" }));
});
