import t from "tap";
import { nodesOf, requirementOf } from "../../helpers/domain-fixtures.ts";
import { factsOf, linesOf } from "../../helpers/requirement-fixtures.ts";

const nodes = nodesOf(["peer"], ["peer"]);
const requirement = requirementOf("room", "subnet");

function of(...prefixes: (number | undefined)[]): string[] | string {
  const told = nodes.flatMap(({ name, address }, index) => {
    const prefix = prefixes[index];
    if (prefix === undefined) return [];
    const addresses = [
      { address: address!, prefix },
      { address: "172.17.0.1", prefix: 30 },
    ];
    return [[name, factsOf({ interfaces: [{ name: "eth0", mtu: 1_500, addresses }] })] as const];
  });
  return linesOf({ requirement, nodes, told: Object.fromEntries(told) });
}

t.test("a subnet that the nodes fill has no room", async (t) => {
  t.strictSame(of(30, 30), [
    "n1 fail unmet: 10.0.0.0/30 has 2 addresses for hosts, and 2 nodes",
    "n2 fail unmet: 10.0.0.0/30 has 2 addresses for hosts, and 2 nodes",
  ]);
});

t.test("of a larger one people have to say how much is free", async (t) => {
  t.equal(
    of(24, 24),
    "10.0.0.0/24: 2 of 254 addresses are nodes'; how many are free, only who hands them out can tell",
  );
});

t.test("an address without a subnet around it, as in clouds, says nothing of the room", async (t) => {
  t.equal(of(32, 32), "how many are free, only who hands them out can tell");
  t.equal(
    of(32, 24),
    "10.0.0.0/24: 1 of 254 addresses are nodes'; how many are free, only who hands them out can tell",
  );
});

t.test("without agents nothing is known", async (t) => {
  t.match(of(), [/^n1 unknown/, /^n2 unknown/]);
});
