/** The table that holds the paths of large clusters: its ids, and what it takes. */
import t from "tap";
import { makePlan } from "../../shared/plan.ts";
import { readShippedSpec } from "../../shared/spec-folder.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";

const mixed = clusterOf(
  specOf({
    roles: { peer: { everyNode: true }, server: {}, client: {} },
    flows: [
      flowOf("gossip", { ports: "9000-9002" }),
      flowOf("query", { from: ["client"], to: ["server"], ports: 9_100, security: "tls" }),
      flowOf("control", { scope: "localhost", ports: 9_200 }),
    ],
  }),
  [
    ...nodesOf(["server"], ["client"], [], ["client", "server"]),
    { name: "n5", addresses: ["10.0.0.5", "fd00::5"], roles: ["server"] },
    { name: "n6", address: "fd00::6", roles: ["client"] },
  ],
);

t.test("ids are positions, and lead to the pair and row that they were counted from", async (t) => {
  const { pairs, nodes } = makePlan(mixed, "install");
  let path = 0;
  let target = 0;
  for (const from of nodes.keys()) {
    t.equal(pairs.pathsFrom(from)[0], path);
    t.equal(pairs.targetsFrom(from)[0], target);
    for (const to of nodes.keys()) {
      const rows = pairs.rows(from, to);
      t.equal(pairs.firstPath(from, to), path, `${from} ${to}`);
      t.equal(pairs.firstTarget(from, to), target);
      for (const row of rows.paths)
        t.match(pairs.path(path++), { id: path - 1, from, to, flow: row.flow, ports: row.ports });
      for (const row of rows.targets)
        t.match(pairs.target(target++), { id: target - 1, from, to, protocol: row.protocol });
    }
    t.equal(pairs.pathsFrom(from)[1], path);
    t.equal(pairs.targetsFrom(from)[1], target);
  }
  t.equal(pairs.pathCount, path);
  t.equal(pairs.targetCount, target);
  for (const id of [-1, path, 2 ** 32, Number.NaN, 0.5]) t.equal(pairs.path(id), undefined, `${id}`);
  t.equal(pairs.target(target), undefined);
});

t.test("a target has the address of its own far node", async (t) => {
  const { pairs, nodes, paths } = makePlan(mixed, "install");
  for (const { to, from, targets } of paths) {
    const addresses = targets.map((id) => pairs.target(id)!.address);
    if (from === to) t.match(addresses, [/^(127\.0\.0\.1|::1)$/]);
    else t.ok(addresses.every((address) => nodes[to]!.addresses.includes(address)));
  }
  const ofBoth = pairs.rows(4, 5).paths.find(({ flow }) => flow === "gossip")!;
  t.equal(ofBoth.targets.length, 1, "the far node has one family");
  t.equal(pairs.rows(0, 5).paths.find(({ flow }) => flow === "gossip")!.targets.length, 0, "none in common");
});

t.test("a thousand nodes take little more than their pairs do", async (t) => {
  const names = Array.from({ length: 1_000 }, (_, index) => ({
    name: `n${index + 1}`,
    address: `10.0.${index >> 8}.${index & 255}`,
    roles: ["cluster-nodes"],
  }));
  const cluster = clusterOf(readShippedSpec("dynatrace-managed")!, names);
  const { pairs } = makePlan(cluster, "runtime", ["endpoints", "requirements", "bandwidth"]);
  const ofPair = pairs.rows(0, 1);
  t.ok(ofPair.paths.length >= 10);
  t.equal(pairs.pathCount, 999_000 * ofPair.paths.length + 1_000 * pairs.rows(0, 0).paths.length);
  t.equal(pairs.distinctRows.length, 2);
  t.match(pairs.path(pairs.pathCount - 1), {
    from: 999,
    to: pairs.rows(999, 999).paths.length > 0 ? 999 : 998,
  });
});
