/** Patterns in words: each failing path is explained once, by the largest pattern. */
import t from "tap";
import { findingsOf, type FailingPath, type FindingSource } from "../../shared/findings.ts";

const nodes = ["n1", "n2", "n3", "n4"].map((name, index) => ({
  name,
  group: `workers/${index < 2 ? "a" : "b"}`,
}));
const rows = [
  { spec: "s", flow: "rpc", ports: "tcp/9042" },
  { spec: "s", flow: "web", ports: "tcp/443" },
];

/** Every node has both flows to every other one. */
function found(
  isFailing: (path: FailingPath) => boolean,
  between = nodes,
): [kind: string, text: string, explains: number][] {
  const all = between.flatMap((_from, from) =>
    between.flatMap((_to, to) => (from === to ? [] : rows.map((_row, row) => ({ from, to, row })))),
  );
  const count = (isMeant: (path: FailingPath) => boolean): number => all.filter(isMeant).length;
  const source: FindingSource = {
    nodes: between,
    rows,
    failing: all.filter(isFailing),
    into: (node, row) => count((path) => path.to === node && (row === undefined || path.row === row)),
    outOf: (node) => count((path) => path.from === node),
    between: (from, to, row) =>
      count(
        (path) => between[path.from]!.group === from && between[path.to]!.group === to && path.row === row,
      ),
  };
  const findings = findingsOf(source);
  t.equal(
    findings.reduce((sum, { explains }) => sum + explains, 0),
    source.failing.length,
    "each path once",
  );
  return findings.map(({ kind, text, explains }) => [kind, text, explains]);
}

t.test("a node that nobody reaches is down, and the rest is told apart from it", async (t) => {
  t.same(
    found(({ from, to, row }) => to === 2 || (from === 0 && to === 1 && row === 0)),
    [
      ["node-down", "n3 is unreachable from all 3 peers on all 2 flows: node down?", 6],
      ["pair", "n1 does not reach n2 on tcp/9042", 1],
    ],
  );
});

t.test("a node that reaches nobody is mute", async (t) => {
  t.same(
    found(({ from }) => from === 0),
    [["node-egress", "n1 reaches none of its 3 peers: its own firewall, or its route?", 6]],
  );
});

t.test("a port that is blocked everywhere, at one node, and between two groups", async (t) => {
  t.same(
    found(({ row }) => row === 1),
    [["port-everywhere", "tcp/443 (web) is blocked between all nodes: a filter on the port?", 12]],
  );
  t.same(
    found(({ to, row }) => to === 3 && row === 0),
    [
      [
        "node-ingress",
        "n4 answers none of its 3 peers on tcp/9042: blocked at its host, or not listening?",
        3,
      ],
    ],
  );
  t.same(
    found(({ from, to, row }) => from < 2 && to >= 2 && row === 0),
    [["zone-pair", "workers/a does not reach workers/b on tcp/9042: a filter between them?", 4]],
  );
});

t.test("several pairs that share an end are one finding", async (t) => {
  t.same(
    found(({ from, row }) => from === 0 && row === 0),
    [["node-egress", "n1 does not reach 3 of its peers on tcp/9042", 3]],
  );
  t.same(
    found(
      ({ from, to, row }) => from !== 4 && to === 0 && row === 1,
      [...nodes, { name: "n5", group: "workers/b" }],
    ),
    [["node-ingress", "n1 is not reached by 3 of its peers on tcp/443", 3]],
  );
});

t.test("where nothing fails there is nothing to say", async (t) => {
  t.same(
    found(() => false),
    [],
  );
});
