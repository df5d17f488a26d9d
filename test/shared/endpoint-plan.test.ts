import t from "tap";
import { hostsOf, routeOf } from "../../shared/endpoint-plan.ts";
import type { CheckPhase, RouteName } from "../../shared/names.ts";
import { planFor, type Plan } from "../../shared/plan.ts";
import { formatPorts } from "../../shared/ports.ts";
import {
  clusterOf,
  endpointRowOf,
  flowOf,
  nodesOf,
  specOf,
  type SpecParts,
} from "../helpers/domain-fixtures.ts";

const host = { description: "Host", type: "host" as const };
const roles = { peer: {}, client: {}, internet: { place: "outside" as const } };
const nodes = nodesOf(["peer"], ["peer"], ["client"]);

function planOf(
  parts: SpecParts,
  choices: Record<string, unknown> = {},
  { phase = "install", routes = [] }: { phase?: CheckPhase; routes?: RouteName[] } = {},
): Plan {
  return planFor({ ...clusterOf(specOf({ roles, ...parts }), nodes, choices), routes }, phase, []);
}

/** `n1 flows/time ntp.example udp/123 direct`, a line an endpoint. */
function linesOf(plan: Plan): string[] {
  return plan.endpoints.map(
    ({ from, section, row, host: name, transport, ports, anyOf, route }) =>
      `${plan.nodes[from]!.name} ${section}/${row} ${name} ${transport}/${formatPorts(ports)}${anyOf ? " any" : ""} ${route}`,
  );
}

t.test("each node of a role visits each host of the row", async (t) => {
  const plan = planOf({
    endpoints: [endpointRowOf("updates", { hosts: ["a.example", "b.example"], addresses: ["192.0.2.1"] })],
  });
  t.strictSame(
    linesOf(plan),
    ["n1", "n2"].flatMap((node) =>
      ["a.example", "b.example", "192.0.2.1"].map(
        (name) => `${node} endpoints/updates ${name} tcp/443 direct`,
      ),
    ),
  );
  t.strictSame(
    plan.endpoints.map(({ id }) => id),
    [0, 1, 2, 3, 4, 5],
  );
});

t.test(
  "hosts that stand for an outside role are visited for its flow, on the user's port where one is given",
  async (t) => {
    const parts = {
      options: { servers: host },
      flows: [
        flowOf("time", {
          from: ["client"],
          to: ["internet"],
          transport: "udp",
          anyOf: [123, 1_123],
          supplied: { option: "servers" },
        }),
      ],
    };
    t.strictSame(linesOf(planOf(parts, { servers: ["ntp.example", "10.9.9.9:4123"] })), [
      "n3 flows/time ntp.example udp/123,1123 any direct",
      "n3 flows/time 10.9.9.9 udp/4123 direct",
    ]);
    const unset = planOf(parts);
    t.strictSame(linesOf(unset), []);
    t.strictSame(
      unset.statements.map(({ row, why }) => [row, why]),
      [
        [
          "time",
          "no agent stands outside the cluster as internet; the cluster file names no host for it either: set the option servers",
        ],
      ],
    );
  },
);

t.test("a flow whose hosts are endpoints is shown by them", async (t) => {
  const parts = {
    flows: [flowOf("platform", { to: ["internet"], endpoints: ["updates"] })],
    endpoints: [endpointRowOf("updates")],
  };
  t.strictSame(planOf(parts).statements, []);
  const skipped = planFor({ ...clusterOf(specOf({ roles, ...parts }), nodes), routes: [] }, "install", [
    "endpoints",
  ]);
  t.strictSame(
    skipped.statements.map(({ row, why }) => [row, why]),
    [
      ["platform", "no agent stands outside the cluster as internet; endpoints were left out of this check"],
      ["updates", "endpoints were left out of this check"],
    ],
  );
});

t.test("what the product itself answers is not asked for before it is there", async (t) => {
  const parts = {
    options: { domain: host },
    endpoints: [endpointRowOf("web", { supplied: { option: "domain" }, to: ["client"] })],
  };
  const choices = { domain: "web.example" };
  const before = planOf(parts, choices);
  t.strictSame(linesOf(before), []);
  t.match(before.statements, [
    { why: "before the installation nobody answers there for client: check it with --phase runtime" },
  ]);
  t.equal(planOf(parts, choices, { phase: "runtime" }).endpoints.length, 2);
});

t.test("the first proxy that the document allows and the cluster file has stands between", async (t) => {
  const row = endpointRowOf("updates", { proxies: ["socks5", "http"] });
  t.equal(routeOf(row, []), "direct");
  t.equal(routeOf(row, ["http"]), "http");
  t.equal(routeOf(row, ["http", "socks5"]), "socks5");
  t.equal(routeOf(endpointRowOf("plain"), ["http"]), "direct");
  t.equal(routeOf(flowOf("flow"), ["http"]), "direct");
});

t.test("where TLS must stay unopened is said, and mutual TLS says it", async (t) => {
  const plan = planOf({
    endpoints: [
      endpointRowOf("plain"),
      endpointRowOf("through", { passthrough: true }),
      endpointRowOf("mutual", { security: "mtls" }),
    ],
  });
  t.strictSame(
    plan.endpoints.filter(({ from }) => from === 0).map(({ row, passthrough }) => [row, passthrough]),
    [
      ["plain", false],
      ["through", true],
      ["mutual", true],
    ],
  );
});

t.test("icmp has no ports, and needs no proxy to an address", async (t) => {
  const plan = planOf(
    {
      endpoints: [endpointRowOf("ping", { transport: "icmp", addresses: ["192.0.2.1"], proxies: ["http"] })],
    },
    {},
    { routes: ["http"] },
  );
  t.strictSame(linesOf(plan), [
    "n1 endpoints/ping 192.0.2.1 icmp/ direct",
    "n2 endpoints/ping 192.0.2.1 icmp/ direct",
  ]);
});

t.test("a row without hosts has none to visit", async (t) => {
  t.strictSame(hostsOf(flowOf("gossip"), {}), []);
  t.strictSame(hostsOf(endpointRowOf("web", { supplied: { option: "domain" } }), {}), []);
});
