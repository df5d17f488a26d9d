import t from "tap";
import type { NodeFacts } from "../../../shared/node-facts.ts";
import type { PlannedNode } from "../../../shared/plan.ts";
import { checkFor } from "../../../shared/requirements/index.ts";
import { contextOf, plannedNode, plannedRequirement } from "../../helpers/host-fixtures.ts";

const row = { kind: "address", key: "static-ipv4", expected: "static" } as const;

function judged(node: PlannedNode, facts?: Partial<NodeFacts>): unknown {
  const planned = plannedRequirement(row, [node]);
  return checkFor(planned.row)!.judge(
    planned,
    contextOf([node], facts === undefined ? {} : { facts: [facts] }),
  );
}

function on(address: string, lease: { leased?: boolean; from?: string }): Partial<NodeFacts> {
  return { interfaces: [{ name: "eth0", mtu: 1_500, addresses: [{ address, prefix: 24, ...lease }] }] };
}

t.test("a private IPv4 address of the node's own is met, and a leased one is not", async (t) => {
  const node = plannedNode(0);
  t.match(judged(node), [{ verdict: "pass", node: "n1", actual: "10.0.0.1, not leased", from: "ip addr" }]);
  t.match(judged(node, on("10.0.0.1", { leased: true, from: "ip addr: valid for another 120 s" })), [
    {
      verdict: "fail",
      reason: "unmet",
      actual: "10.0.0.1 is leased by DHCP",
      from: "ip addr: valid for another 120 s",
      remedy: "configure 10.0.0.1/24 on eth0 without DHCP",
    },
  ]);
});

t.test("where nothing tells it is unknown, also behind a NAT and without an agent", async (t) => {
  const node = plannedNode(0);
  t.match(judged(node, on("10.0.0.1", {})), [{ verdict: "unknown", actual: /nothing tells/ }]);
  t.match(judged(node, on("10.0.0.9", { leased: false })), [
    { verdict: "unknown", actual: /on no interface/ },
  ]);
  const planned = plannedRequirement(row, [node]);
  t.match(checkFor(planned.row)!.judge(planned, contextOf([node], { facts: [undefined] })), [
    { verdict: "unknown", reason: "agent-missing" },
  ]);
});

t.test("public and IPv6 addresses alone are not what is asked for", async (t) => {
  for (const [address, verdict] of [
    ["10.255.0.1", "pass"],
    ["172.16.0.1", "pass"],
    ["172.31.255.1", "pass"],
    ["192.168.0.1", "pass"],
    ["172.15.0.1", "fail"],
    ["172.32.0.1", "fail"],
    ["100.64.0.1", "fail"],
    ["203.0.113.1", "fail"],
    ["110.0.0.1", "fail"],
    ["fd00::1", "fail"],
  ] as const)
    t.match(judged(plannedNode(0, [], { addresses: [address] })), [{ verdict }], address);
});

t.test("one good address is enough, and nodes on loopback have none of their own", async (t) => {
  const node = plannedNode(0, [], { addresses: ["fd00::1", "10.0.0.1"] });
  t.match(judged(node, on("10.0.0.1", { leased: false })), [{ verdict: "pass" }]);
  t.match(judged(plannedNode(0, [], { addresses: ["127.77.0.1"] })), { stated: /loopback/ });
});

t.test("other rows about addresses are for people", async (t) => {
  const planned = plannedRequirement({ kind: "address", expected: "none is fixed" }, [plannedNode(0)]);
  t.match(checkFor(planned.row)!.judge(planned, contextOf([plannedNode(0)])), { stated: String });
  t.match(checkFor(planned.row)!.how(planned.row), { stated: String });
});
