/** Kinds that are judged by the cluster file: topology, load-balancer, domain, public-address. */
import t from "tap";
import { flowOf, nodesOf, requirementOf } from "../../helpers/domain-fixtures.ts";
import { pathOf } from "../../helpers/report-fixtures.ts";
import { findingsOf, linesOf } from "../../helpers/requirement-fixtures.ts";

const three = { value: 3, unit: "nodes" };
const inZones = (...zones: (string | undefined)[]) =>
  nodesOf(...zones.map(() => ["peer"])).map((node, index) => ({
    ...node,
    ...(zones[index] === undefined ? {} : { zone: zones[index] }),
  }));

t.test("as many nodes as are asked for must have the role", async (t) => {
  const requirement = requirementOf("several", "topology", { minimum: three });
  const roles = { peer: {}, other: {} };
  const of = (count: number) =>
    linesOf({
      requirement,
      roles,
      nodes: nodesOf(["other"], ...Array.from({ length: count }, () => ["peer"])),
    });
  t.strictSame(of(3), ["cluster pass met: 3 with the role peer"]);
  t.strictSame(of(2), ["cluster fail unmet: 2 with the role peer"]);
  t.strictSame(
    of(0),
    ["cluster fail unmet: 0 with the role peer"],
    "none is too few, not out of the question",
  );
});

t.test("data centers are the zones of the cluster file, and balanced where that is asked for", async (t) => {
  const minimum = { value: 2, unit: "data centers" };
  const of = (zones: (string | undefined)[], key?: string) =>
    linesOf({
      requirement: requirementOf("centers", "topology", { minimum, ...(key === undefined ? {} : { key }) }),
      nodes: inZones(...zones),
    });
  t.strictSame(of(["a", "b", "b"]), ["cluster pass met: 2 zones (a: 1, b: 2)"]);
  t.strictSame(of(["a", "b", "b"], "balanced"), ["cluster fail unmet: 2 zones (a: 1, b: 2)"]);
  t.strictSame(of(["a", "b", "a", "b"], "balanced"), ["cluster pass met: 2 zones (a: 2, b: 2)"]);
  t.strictSame(of(["a", "a"], "balanced"), ["cluster fail unmet: 1 zones (a: 2)"]);
  t.equal(
    of(["a", undefined, undefined]),
    "the cluster file does not say where n2 and n3 stand: set their zone",
  );
});

t.test(
  "what must run first is shown by its own service, an agent in its place shows the way only",
  async (t) => {
    const requirement = requirementOf("first", "topology", { key: "running", flows: ["gossip"] });
    const of = (...reasons: ["pass" | "fail", "served" | "reachable" | "dropped"][]) =>
      linesOf({
        requirement,
        flows: [flowOf("gossip")],
        nodes: nodesOf(["peer"], ["peer"]),
        paths: reasons.map(([verdict, reason]) => pathOf({ flow: "gossip", verdict, reason })),
      });
    t.strictSame(of(["pass", "served"]), ["n2 pass met: 1 of 1 paths open"]);
    t.equal(
      of(["pass", "reachable"]),
      "the way is open, and no service answers yet on n2: only an agent does",
    );
    t.strictSame(of(["fail", "dropped"]), ["n2 fail unmet: 1 of 1 paths not open: gossip from n1 (dropped)"]);
    t.equal(of(), "nothing was probed of the flow gossip");
  },
);

t.test("a load balancer is left to people, but for how many there are to balance", async (t) => {
  const requirement = requirementOf("balanced", "load-balancer", { minimum: three });
  const own = "how the load balancer spreads what comes in shows only in its own configuration";
  t.strictSame(linesOf({ requirement, nodes: nodesOf(["peer"], ["peer"]) }), [
    "cluster fail unmet: 2 with the role peer",
  ]);
  t.equal(
    linesOf({ requirement, nodes: nodesOf(["peer"], ["peer"], ["peer"]) }),
    `3 with the role peer; ${own}`,
  );
  t.equal(linesOf({ requirement: requirementOf("bare", "load-balancer"), nodes: nodesOf(["peer"]) }), own);
});

t.test("an agent on a load balancer shows that it reaches what stands behind it", async (t) => {
  const situation = {
    requirement: requirementOf("before", "load-balancer", { flows: ["web"] }),
    roles: { peer: {}, balancer: { place: "outside" as const } },
    flows: [flowOf("web", { from: ["balancer"] })],
    nodes: nodesOf(["peer"], ["balancer"]),
  };
  const path = pathOf({ flow: "web", from: "n2", to: "n1" });
  t.strictSame(linesOf({ ...situation, paths: [path] }), ["n1 pass met: 1 of 1 paths open"]);
  t.strictSame(linesOf({ ...situation, paths: [{ ...path, verdict: "fail", reason: "dropped" }] }), [
    "n1 fail unmet: 1 of 1 paths not open: web from n2 (dropped)",
  ]);
  t.match(linesOf(situation), /no agent runs on it$/);
});

t.test("domains are names, and differ or are the same where that is asked for", async (t) => {
  const option = { description: "Name", type: "host" as const };
  const of = (choices: Record<string, unknown>, key?: string) =>
    linesOf({
      requirement: requirementOf("names", "domain", {
        supplied: key === "differs" ? ["one", "other"] : ["one"],
        ...(key === undefined ? {} : { key }),
      }),
      options: { one: option, other: option },
      nodes: nodesOf(["peer"]),
      choices,
    });
  t.strictSame(of({ one: "a.example" }), ["cluster pass met: a.example"]);
  t.strictSame(of({ one: "10.0.0.9" }), ["cluster fail unmet: 10.0.0.9"]);
  t.equal(of({}), "the cluster file does not name it: set the option one");
  t.strictSame(of({ one: "a.example:443", other: "b.example" }, "differs"), [
    "cluster pass met: a.example, b.example",
  ]);
  t.strictSame(of({ one: "a.example", other: "A.example" }, "differs"), [
    "cluster fail unmet: a.example, a.example",
  ]);
  t.equal(of({ one: "a.example" }, "differs"), "the cluster file does not name it: set the option other");
  t.strictSame(of({ one: ["a.example", "a.example:8443"] }, "same"), [
    "cluster pass met: a.example, a.example",
  ]);
  t.strictSame(of({ one: ["a.example", "b.example"] }, "same"), ["cluster fail unmet: a.example, b.example"]);
});

t.test("a node is public by an address of its own or by the one that leads to it", async (t) => {
  const nodes = [
    { name: "own", addresses: ["10.0.0.1", "2606:4700::1"], roles: ["peer"] },
    { name: "natted", address: "10.0.0.2", publicAddress: "1.1.1.1", roles: ["peer"] },
    { name: "private", address: "10.0.0.3", publicAddress: "100.64.0.1", roles: ["peer"] },
  ];
  const situation = { requirement: requirementOf("public", "public-address"), nodes };
  t.strictSame(linesOf(situation), [
    "own pass met: 2606:4700::1",
    "natted pass met: 1.1.1.1",
    "private fail unmet: 100.64.0.1, 10.0.0.3: not reachable from the Internet",
  ]);
  t.match(findingsOf(situation), [{}, {}, { remedy: /set the node's publicAddress/ }]);
});
