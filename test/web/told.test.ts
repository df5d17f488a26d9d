/** What the dashboard tells in words: news, comparisons, the past of a pair, lists, and the ticks of the time line. */
import t from "tap";
import type { PathDetail, TransitionState } from "../../shared/api.ts";
import { codeOf } from "../../shared/reason-codes.ts";
import { changedPairs } from "../../web/model/changed-pairs.ts";
import { grouped } from "../../web/model/grouped.ts";
import { bucketsOf, changeBeside, ticksOf } from "../../web/model/history.ts";
import { newsOf } from "../../web/model/news.ts";
import { pathsAt } from "../../web/model/past-paths.ts";
import { together } from "../../web/model/together.ts";

const [reachable, dropped, slow] = [codeOf("reachable"), codeOf("dropped"), codeOf("slow")];
const minute = 60_000;
const start = Date.parse("2026-11-21T12:00:00Z");
const momentOf = (ms: number): string => new Date(start + ms).toISOString();

function transition(parts: Partial<TransitionState>): TransitionState {
  return {
    id: 1,
    at: momentOf(0),
    from: "n1",
    to: "n2",
    isOutside: false,
    spec: "s",
    flow: "rpc",
    transport: "tcp",
    ports: "9000",
    expected: "open",
    before: { verdict: "pass", reason: "reachable" },
    after: { verdict: "fail", reason: "dropped" },
    isFlapping: false,
    isLate: false,
    evidence: null,
    ...parts,
  };
}

t.test("what shares an end is told in one line", async (t) => {
  const pairs = ["n1", "n2", "n3"].map((from) => ({ from, to: "n9" }));
  const more = ["n4", "n5", "n6"].map((to) => ({ from: "n7", to }));
  t.same(
    together([...pairs, ...more, { from: "a", to: "b" }]).map(({ from, to }) => `${from} → ${to}`),
    ["3 nodes → n9", "n7 → 3 nodes", "a → b"],
  );
});

t.test("a filter that closes a port is one piece of news, and what came long before another", async (t) => {
  const closed = ["n1", "n2", "n3"].map((from, index) =>
    transition({ id: index, from, to: "n9", at: momentOf(minute - index * 1_000) }),
  );
  const earlier = transition({ id: 9, at: momentOf(0), after: { verdict: "unknown", reason: "stale" } });
  const joined = ["n1", "n2", "n3"].map((node, id) => ({
    id,
    node,
    at: momentOf(-minute),
    kind: "joined" as const,
    text: `${node} joined`,
  }));
  const gap = {
    id: 5,
    node: "n1",
    at: momentOf(-2 * minute),
    kind: "gap" as const,
    text: "2 sweeps were lost",
  };
  const transitions = [...closed, earlier];
  const told = newsOf({ transitions, isCut: false }, [...joined, gap], 10);
  t.same(
    told.map(({ text, after }) => [text, after]),
    [
      ["3 nodes → n9, rpc: dropped", "fail"],
      ["n1 → n2, rpc: stale", "stale"],
      ["3 agents joined", undefined],
      ["2 sweeps were lost", undefined],
    ],
  );
  const cut = newsOf({ transitions: closed, isCut: true }, [], 10);
  t.equal(cut[0]!.text, "3 nodes or more → n9, rpc: dropped", "more of them were not asked for");
});

t.test("two moments differ pair by pair, also when nodes came and went", async (t) => {
  const before = {
    nodes: ["a", "b", "c"].map((name) => ({ name, group: "g" })),
    cells: { size: 3, codes: Uint8Array.of(0, reachable, dropped, reachable, 0, slow, 0, 0, 0) },
  };
  const after = {
    nodes: ["c", "a", "d"].map((name) => ({ name, group: "g" })),
    cells: { size: 3, codes: Uint8Array.of(0, dropped, 0, reachable, 0, 0, 0, 0, 0) },
  };
  t.same(changedPairs(before, after), {
    worse: [{ from: "c", to: "a", before: "none", after: "fail", says: "dropped" }],
    better: [{ from: "a", to: "c", before: "fail", after: "pass", says: "reachable" }],
    otherwise: [],
    added: ["d"],
    removed: ["b"],
  });
});

t.test("a path stood as the last change before left it, or as the first one after found it", async (t) => {
  const there = ["rpc", "web", "dns"].map(
    (flow) =>
      ({ path: { spec: "s", flow, expected: "open", verdict: "pass", reason: "served" } }) as PathDetail,
  );
  const seen = { source: { outcome: "silent" }, target: { agent: "alive" } } as PathDetail["evidence"];
  const before = [
    transition({ at: momentOf(2), evidence: seen }),
    transition({ at: momentOf(1), after: { verdict: "warn", reason: "slow" } }),
  ];
  const after = [
    transition({ at: momentOf(9), flow: "web", before: { verdict: "unknown", reason: "never-probed" } }),
  ];
  t.match(pathsAt(there, before, after), [
    { path: { reason: "dropped" }, evidence: seen, since: momentOf(2) },
    { path: { reason: "never-probed" }, evidence: null, since: undefined },
    { path: { reason: "served" }, evidence: null, since: undefined },
  ]);
});

t.test("lists stand by what is worst", async (t) => {
  const items = [
    { host: "a", verdict: "pass" as const },
    { host: "b", verdict: "pass" as const },
    { host: "b", verdict: "fail" as const },
  ];
  t.match(
    grouped(items, ({ host }) => host),
    [
      { key: "b", worst: "fail", count: 1, items: [{ verdict: "fail" }, { verdict: "pass" }] },
      { key: "a", worst: "pass", count: 1 },
    ],
  );
});

t.test("steps in time go from change to change, past those that came at once", async (t) => {
  const items = [0, 200, 5_000, 5_300, 60_000].map((ms) => ({ at: momentOf(ms) }));
  t.equal(changeBeside(items, start + 60_000, -1), start + 5_300);
  t.equal(changeBeside(items, start + 5_300, -1), start + 200);
  t.equal(changeBeside(items, start + 200, 1), start + 5_300);
  t.equal(changeBeside(items, start + 60_000, 1), undefined);
});

t.test("ticks are round moments, and never too many", async (t) => {
  const ticks = ticksOf(start + 7 * minute, start + 67 * minute, 6);
  t.same(
    ticks.map((at) => (at - start) / minute),
    [10, 20, 30, 40, 50, 60],
  );
  for (const minutes of [15, 60, 360, 1_440, 10_080, 43_200])
    t.ok(ticksOf(start, start + minutes * minute, 8).length <= 9, `${minutes} minutes`);
});

t.test("a change of many paths at once counts as many", async (t) => {
  const at = "2026-01-02T00:00:30.000Z";
  const began = Date.parse("2026-01-02T00:00:00.000Z");
  const failed = { verdict: "fail", reason: "dropped" } as const;
  const well = { verdict: "pass", reason: "reachable" } as const;
  const buckets = bucketsOf(
    [
      { at, after: well },
      { at, after: failed, others: 499 },
    ],
    began,
    began + 60_000,
    2,
  );
  t.strictSame(buckets, [
    { count: 0, verdict: undefined },
    { count: 501, verdict: "fail" },
  ]);
});
