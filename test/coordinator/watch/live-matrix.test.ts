/** The byte of each path, and counts that are never walked for. */
import t, { type Test } from "tap";
import {
  LiveMatrix,
  reasonOfCode,
  verdictOfCode,
  worseCode,
} from "../../../coordinator/watch/live-matrix.ts";
import { codeOf, reasonCodes } from "../../../shared/api.ts";
import { reasonsByVerdict, verdictOf, verdicts, type Reason } from "../../../shared/names.ts";
import { makePlan } from "../../../shared/plan.ts";
import { clusterOf, flowOf, specOf } from "../../helpers/domain-fixtures.ts";

const plan = makePlan(
  clusterOf(
    specOf({
      roles: { peer: { everyNode: true }, server: {} },
      flows: [flowOf("gossip"), flowOf("query", { to: ["server"], ports: 9_100 })],
    }),
    [
      { name: "n1", address: "10.0.0.1", roles: ["server"], zone: "a" },
      { name: "n2", address: "10.0.0.2", roles: ["server"], zone: "b" },
      { name: "n3", address: "10.0.0.3", roles: [], zone: "b" },
      { name: "n4", address: "10.0.0.4", roles: [], zone: "b" },
    ],
  ),
  "runtime",
);
const { pairs, nodes } = plan;

function set(matrix: LiveMatrix, from: number, to: number, index: number, reason: Reason): void {
  const row = pairs.rows(from, to).paths[index]!;
  matrix.set(from, to, row, pairs.firstPath(from, to) + index, codeOf(reason));
}

/** Counts everything anew, path by path. */
function expectCounts(t: Test, matrix: LiveMatrix, what: string): void {
  const zero = (): number[] => verdicts.map(() => 0);
  const total = zero();
  const out = nodes.map(zero);
  const into = nodes.map(zero);
  const groups = new Map<string, number[]>();
  const far = new Map<string, number[]>();
  for (const from of nodes.keys())
    for (const to of nodes.keys())
      for (const [index, row] of pairs.rows(from, to).paths.entries()) {
        const verdict = verdicts.indexOf(verdictOfCode(matrix.code(from, pairs.firstPath(from, to) + index)));
        const group = `${row.flow} ${matrix.groups[matrix.groupOf[from]!]} ${matrix.groups[matrix.groupOf[to]!]}`;
        const at = `${to} ${row.flow}`;
        for (const counts of [
          total,
          out[from]!,
          into[to]!,
          groups.get(group) ?? groups.set(group, zero()).get(group)!,
          far.get(at) ?? far.set(at, zero()).get(at)!,
        ])
          counts[verdict]! += 1;
      }
  t.strictSame([...matrix.total], total, what);
  for (const node of nodes.keys()) {
    t.strictSame([...matrix.outOf(node)], out[node]);
    t.strictSame([...matrix.into(node)], into[node]);
    for (const row of pairs.rows((node + 1) % nodes.length, node).paths)
      t.strictSame([...matrix.atFarEnd(node, row)], far.get(`${node} ${row.flow}`));
  }
  const shown = new Map(
    Array.from(matrix.byGroup(), ({ row, from, to, counts }) => [`${row.flow} ${from} ${to}`, [...counts]]),
  );
  t.strictSame(shown, groups);
}

t.test("every reason has a code of its own, and codes are never given to another", async (t) => {
  const all = verdicts.flatMap((verdict): Reason[] => [...reasonsByVerdict[verdict]]);
  t.strictSame(new Set(reasonCodes), new Set(all));
  t.equal(reasonCodes.length, all.length);
  for (const reason of all) {
    t.equal(reasonOfCode(codeOf(reason)), reason);
    t.equal(verdictOfCode(codeOf(reason)), verdictOf(reason));
  }
  // Histories keep these bytes.
  t.equal(codeOf("reachable"), 1);
  t.equal(codeOf("dropped"), 10);
  t.equal(codeOf("impaired"), 33);
});

t.test("at first nothing is known, and counts follow whatever is said", async (t) => {
  const matrix = new LiveMatrix(plan);
  t.equal(matrix.total[verdicts.indexOf("unknown")], pairs.pathCount);
  expectCounts(t, matrix, "at first");
  set(matrix, 0, 1, 0, "reachable");
  set(matrix, 0, 1, 1, "dropped");
  set(matrix, 2, 1, 1, "slow");
  set(matrix, 3, 0, 0, "reachable");
  expectCounts(t, matrix, "after some judgements");
  set(matrix, 0, 1, 1, "reachable");
  set(matrix, 0, 1, 1, "reachable");
  expectCounts(t, matrix, "after one was taken back");
});

t.test("what a silent node said last is kept and shown as stale", async (t) => {
  const matrix = new LiveMatrix(plan);
  set(matrix, 0, 1, 0, "reachable");
  set(matrix, 0, 2, 0, "dropped");
  matrix.setStale(0, true);
  matrix.setStale(0, true);
  t.equal(matrix.code(0, pairs.firstPath(0, 1)), codeOf("stale"));
  t.equal(matrix.codes[pairs.firstPath(0, 1)], codeOf("reachable"));
  expectCounts(t, matrix, "while it is silent");
  set(matrix, 0, 2, 0, "reachable");
  expectCounts(t, matrix, "whatever is found out meanwhile");
  matrix.setStale(0, false);
  t.equal(matrix.code(0, pairs.firstPath(0, 2)), codeOf("reachable"));
  expectCounts(t, matrix, "and when it is back");
});

t.test("what was known before a restart is stale until it is told again", async (t) => {
  const codes = new Uint8Array(pairs.pathCount).fill(codeOf("reachable"));
  const matrix = new LiveMatrix(plan, codes);
  t.equal(matrix.total[verdicts.indexOf("pass")], 0, "nothing is green without a fresh proof");
  matrix.setStale(1, false);
  expectCounts(t, matrix, "one is back");
  t.equal(matrix.outOf(1)[verdicts.indexOf("pass")], pairs.pathsFrom(1)[1] - pairs.pathsFrom(1)[0]);
});

t.test("a cell is the worst of its paths, of all flows or of one", async (t) => {
  const matrix = new LiveMatrix(plan);
  for (const index of [0, 1]) set(matrix, 2, 0, index, "reachable");
  set(matrix, 2, 1, 0, "dropped");
  set(matrix, 2, 1, 1, "slow");
  const cell = (cells: Uint8Array, from: number, to: number): Reason | undefined =>
    reasonOfCode(cells[from * nodes.length + to]!);
  const all = matrix.worst();
  t.equal(all.length, nodes.length ** 2);
  t.equal(cell(all, 2, 0), "reachable");
  t.equal(cell(all, 2, 1), "dropped");
  t.equal(cell(all, 2, 2), undefined, "no path from a node to itself");
  t.equal(
    cell(
      matrix.worst(({ flow }) => flow === "query"),
      2,
      1,
    ),
    "slow",
  );
  t.equal(
    cell(
      matrix.worst(({ flow }) => flow === "query"),
      2,
      3,
    ),
    undefined,
  );
  matrix.setStale(2, true);
  t.equal(cell(matrix.worst(), 2, 1), "stale");
});

t.test("of two codes the worse verdict counts, the first of equals, and no path is no verdict", async (t) => {
  const [pass, warn, fail, unknown] = [
    codeOf("reachable"),
    codeOf("slow"),
    codeOf("dropped"),
    codeOf("stale"),
  ];
  t.equal(worseCode(pass, warn), warn);
  t.equal(worseCode(unknown, warn), unknown);
  t.equal(worseCode(unknown, fail), fail);
  t.equal(worseCode(codeOf("rejected"), fail), codeOf("rejected"));
  t.equal(worseCode(0, pass), pass);
  t.equal(worseCode(pass, 0), pass);
});

t.test("nodes are grouped by roles and zone, and a cluster of too many kinds has an end", async (t) => {
  t.strictSame(new LiveMatrix(plan).groups, ["server/a", "server/b", "nodes/b"]);
  const many = Array.from({ length: 100 }, (_, index) => ({
    name: `n${index}`,
    address: `10.0.1.${index + 1}`,
    roles: ["peer"],
    zone: `z${index}`,
  }));
  const { groups, groupOf } = new LiveMatrix(
    makePlan(clusterOf(specOf({ flows: [flowOf("gossip")] }), many), "runtime"),
  );
  t.equal(groups.length, 64);
  t.equal(groups[groupOf[99]!], "other");
});
