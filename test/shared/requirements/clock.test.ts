import t from "tap";
import { ClockSpread } from "../../../shared/requirements/clock-spread.ts";
import { checkFor } from "../../../shared/requirements/index.ts";
import type { ReportEndpoint } from "../../../shared/report.ts";
import {
  contextOf,
  plannedNode,
  plannedRequirement,
  type ContextParts,
} from "../../helpers/host-fixtures.ts";

function judged(
  count: number,
  parts: ContextParts,
): { verdict: string; actual: string; from?: string; remedy?: string; expected: string }[] {
  const nodes = Array.from({ length: count }, (_, index) => plannedNode(index));
  const planned = plannedRequirement({ kind: "clock", expected: "kept by NTP" }, nodes);
  return checkFor(planned.row)!.judge(planned, contextOf(nodes, parts)) as ReturnType<typeof judged>;
}

const at = (aheadMs: number, errorMs = 1) => ({ aheadMs, errorMs });
const verdictsOf = (aheadMs: readonly number[]): string[] =>
  judged(aheadMs.length, { clock: aheadMs.map((ahead) => at(ahead)) }).map(({ verdict }) => verdict);

t.test("of clocks that are apart, the one that is alone is wrong", async (t) => {
  t.strictSame(verdictsOf([0, 1, 5_000]), ["pass", "pass", "fail"]);
  t.strictSame(verdictsOf([0, 1, -5_000]), ["pass", "pass", "fail"]);
  t.strictSame(verdictsOf([5_000, 4_999, 0, 5_001]), ["pass", "pass", "fail", "pass"]);
  t.strictSame(verdictsOf([0, 100, 200, 298]), ["pass", "pass", "pass", "pass"]);
  t.strictSame(verdictsOf([0, 5_000, 10_000]), ["fail", "fail", "fail"], "nobody agrees with anybody");
});

t.test("of two nobody knows who is wrong, so both are", async (t) => {
  t.strictSame(verdictsOf([0, 1, 5_000, 5_001]), ["fail", "fail", "fail", "fail"]);
  t.strictSame(verdictsOf([0, 400]), ["fail", "fail"]);
  t.strictSame(verdictsOf([0.1, 700.7]), ["fail", "fail"]);
  t.strictSame(verdictsOf([0, 298]), ["pass", "pass"]);
});

t.test("the finding has figures with their error, and whom it was compared with", async (t) => {
  const [, , third] = judged(3, { clock: [at(0), at(1), at(5_000)] });
  t.match(third, {
    verdict: "fail",
    expected: "within 300 ms of the other nodes and kept by a time service",
    actual: "5000 ms (± 2 ms) ahead of n1; synchronized",
    from: "compared through the coordinator, timedatectl",
    remedy: "timedatectl set-ntp true",
  });
});

t.test("what the error of the measurement hides is unknown", async (t) => {
  t.strictSame(
    judged(2, { clock: [at(0, 200), at(150, 200)] }).map(({ verdict }) => verdict),
    ["unknown", "unknown"],
  );
  t.strictSame(
    judged(2, { clock: [at(0), undefined] }).map(({ verdict, actual }) => [verdict, actual]),
    [
      ["unknown", "not compared with other nodes; synchronized"],
      ["unknown", "not compared with other nodes; synchronized"],
    ],
  );
});

t.test("a time service has to keep it", async (t) => {
  const [one, two, three] = judged(3, {
    clock: [at(0), at(1), at(2)],
    facts: [
      { clock: { synchronized: false, from: "chronyc tracking", detail: "Not synchronised" } },
      { clock: {} },
      { clock: { synchronized: true, from: "chronyc tracking", aheadMs: -5_000 } },
    ],
  });
  t.match(one, {
    verdict: "fail",
    actual: /; not synchronized \(Not synchronised\)$/,
    remedy: "chronyc makestep",
  });
  t.match(two, { verdict: "unknown", actual: /; no time service was found to ask$/ });
  t.match(three, { verdict: "fail", actual: /; 5000 ms behind its source$/ });
  t.match(judged(1, {}), [{ verdict: "pass", expected: "kept by a time service", actual: "synchronized" }]);
});

/** An endpoint of n1 with the answers of a time server. */
function served(...clocks: { aheadMs: number; errorMs: number; stratum: number }[]): ReportEndpoint {
  const attempts = clocks.map((clock) => ({ clock }));
  return { from: "n1", host: "time.example", evidence: { attempts } } as unknown as ReportEndpoint;
}

t.test("what a time server answered counts, and more than silence of the host", async (t) => {
  const good = { aheadMs: 4, errorMs: 10, stratum: 2 };
  const inContainer = { facts: [{ clock: {} }] };
  t.match(judged(1, { ...inContainer, endpoints: [served(good)] }), [
    { verdict: "pass", actual: "4 ms (± 10 ms) ahead of time.example", from: "NTP to time.example" },
  ]);
  t.match(judged(1, { endpoints: [served({ ...good, aheadMs: -900 })] }), [
    { verdict: "fail", actual: "900 ms (± 10 ms) behind time.example; synchronized" },
  ]);
  // Servers without a time of their own say nothing, and the most exact answer counts.
  const useless = { aheadMs: 9_000, errorMs: 1, stratum: 16 };
  const vague = { aheadMs: 800, errorMs: 900, stratum: 1 };
  t.match(judged(1, { ...inContainer, endpoints: [served(useless, vague, good)] }), [{ verdict: "pass" }]);
  t.match(judged(1, { ...inContainer, endpoints: [served(useless)] }), [{ verdict: "unknown" }]);
});

t.test("a large cluster is judged in no time", async (t) => {
  const offsets = Array.from({ length: 60_000 }, (_, index) => at(index % 100));
  const spread = new ClockSpread(offsets.keys(), (node) => offsets[node]);
  for (const node of offsets.keys()) spread.worstOf(node);
  t.match(spread.worstOf(99), { aheadMs: 99, errorMs: 2 });
  t.match(spread.worstOf(0), { aheadMs: -99, errorMs: 2 });
});
