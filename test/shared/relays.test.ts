import t from "tap";
import { makePlan } from "../../shared/plan.ts";
import { relaysOf } from "../../shared/relays.ts";
import { clusterOf, flowOf, nodesOf, specOf, type NodeParts } from "../helpers/domain-fixtures.ts";

const secured = (name: string, ports: number | string) =>
  flowOf(name, { ports, application: "https", security: "tls" });

function relaysFor(flows: Parameters<typeof specOf>[0], nodes: readonly NodeParts[]): string[] {
  return relaysOf(makePlan(clusterOf(specOf(flows), nodes), "install"));
}

t.test("ports of TLS flows come first, and every node has its turn before one has a second", async (t) => {
  const flows = [flowOf("plain", { ports: "9000-9010" }), secured("api", 9443)];
  t.strictSame(relaysFor({ flows }, nodesOf(["peer"], ["peer"])), [
    "10.0.0.1:9443",
    "10.0.0.2:9443",
    "10.0.0.1:9000",
    "10.0.0.2:9000",
  ]);
});

t.test("the port that more peers must reach comes first", async (t) => {
  const flows = [
    { ...secured("few", 9001), from: ["lonely"] },
    { ...secured("many", 9002), from: ["peer"] },
  ];
  const nodes = nodesOf(["peer"], ["peer"], ["peer", "lonely"]);
  t.equal(relaysFor({ roles: { peer: {}, lonely: {} }, flows }, nodes)[0], "10.0.0.1:9002");
});

t.test("zones take turns, and no more than 16 are named", async (t) => {
  const nodes = Array.from({ length: 20 }, (_, index) => ({
    name: `n${index + 1}`,
    address: `10.0.0.${index + 1}`,
    roles: ["peer"],
    zone: index < 18 ? "a" : "b",
  }));
  const relays = relaysFor({ flows: [secured("api", 443)] }, nodes);
  t.equal(relays.length, 16);
  t.strictSame(relays.slice(0, 4), ["10.0.0.1:443", "10.0.0.19:443", "10.0.0.2:443", "10.0.0.20:443"]);
});

t.test("UDP, localhost rows and ports that must be closed are of no use", async (t) => {
  const flows = [
    flowOf("gossip", { transport: "udp", ports: 7000 }),
    flowOf("local", { scope: "localhost", ports: 7001 }),
  ];
  t.strictSame(relaysFor({ flows }, nodesOf(["peer"], ["peer"])), []);
});

t.test("an address of the other family is named as well", async (t) => {
  const nodes = [1, 2].map((n) => ({
    name: `n${n}`,
    addresses: [`10.0.0.${n}`, `fd00::${n}`],
    roles: ["peer"],
  }));
  t.strictSame(relaysFor({ flows: [secured("api", 443)] }, nodes), [
    "10.0.0.1:443",
    "10.0.0.2:443",
    "[fd00::1]:443",
    "[fd00::2]:443",
  ]);
});
