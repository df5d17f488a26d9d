/** How plan, endpoints, requirements and statements of Dynatrace Managed grow with its deployment stages. */
import t from "tap";
import type { CheckPhase } from "../../shared/names.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import { formatPorts } from "../../shared/ports.ts";
import { readShippedSpec } from "../../shared/spec-folder.ts";
import { clusterOf, mistakesOf, type NodeParts } from "../helpers/domain-fixtures.ts";

const spec = readShippedSpec("dynatrace-managed")!;
const stages = [
  "internal",
  "environment-activegate",
  "cluster-activegate",
  "load-balancer-and-proxy",
  "high-availability",
] as const;
type Stage = (typeof stages)[number];

/** Two cluster nodes, an ActiveGate of either kind, and agents where traffic comes from. */
const nodes: NodeParts[] = [
  { name: "c1", address: "10.0.0.1", roles: ["cluster-nodes"], zone: "a" },
  { name: "c2", address: "10.0.0.2", roles: ["cluster-nodes"], zone: "b" },
  { name: "env", address: "10.0.0.3", roles: ["environment-activegates"] },
  { name: "gate", address: "10.0.0.4", roles: ["cluster-activegates"], publicAddress: "1.1.1.1" },
  { name: "desk", address: "10.9.0.1", roles: ["users"] },
  { name: "world", address: "10.9.0.2", roles: ["external-sources"] },
  { name: "balancer", address: "10.9.0.3", roles: ["load-balancer"] },
];

function planAt(stage: Stage, more: Record<string, unknown> = {}, phase: CheckPhase = "runtime"): Plan {
  return makePlan(clusterOf(spec, nodes, { stage, ...more }), phase);
}

/** `env>c1 443`, of paths that must be open and begin or end at something that is no cluster node. */
function waysOf(plan: Plan): string[] {
  const nameOf = (index: number): string => plan.nodes[index]!.name;
  return plan.paths
    .filter(({ open, from, to }) => open && !(from < 2 && to < 2))
    .map(({ from, to, ports }) => `${nameOf(from)}>${nameOf(to)} ${formatPorts(ports)}`)
    .toSorted();
}

function requirementsOf(plan: Plan): string[] {
  return plan.requirements.map(({ row }) => row.name);
}

/** What a stage asks for beyond the stage before. */
function addedAt(stage: Stage): { ways: string[]; requirements: string[]; endpoints: string[] } {
  const before = stages[stages.indexOf(stage) - 1];
  const [now, then] = [planAt(stage), before === undefined ? undefined : planAt(before)];
  const added = (of: (plan: Plan) => string[]): string[] => {
    const known = then === undefined ? [] : of(then);
    return [...new Set(of(now))].filter((each) => !known.includes(each));
  };
  return {
    ways: added(waysOf),
    requirements: added(requirementsOf),
    endpoints: added((plan) => plan.endpoints.map(({ row }) => row)),
  };
}

t.test("inside of the network, users reach the nodes and the nodes Mission Control", async (t) => {
  t.strictSame(addedAt("internal"), {
    ways: ["desk>c1 443", "desk>c2 443"],
    requirements: ["mission-control-certificate", "web-ui-certificate", "web-ui-valid-certificate"],
    endpoints: ["mission-control-addresses", "mission-control-https", "mission-control-wss"],
  });
});

t.test("an Environment ActiveGate reaches the nodes, of which there are several", async (t) => {
  t.strictSame(addedAt("environment-activegate"), {
    ways: ["env>c1 443", "env>c2 443"],
    requirements: ["several-cluster-nodes"],
    endpoints: [],
  });
});

t.test("a Cluster ActiveGate takes in the world under a public address and a certificate", async (t) => {
  t.strictSame(addedAt("cluster-activegate"), {
    ways: ["gate>c1 443", "gate>c2 443", "world>gate 443"],
    requirements: [
      "cluster-activegate-in-between",
      "cluster-activegate-public-address",
      "cluster-activegate-certificate",
    ],
    endpoints: [],
  });
});

t.test("behind a load balancer the world meets that instead", async (t) => {
  t.strictSame(addedAt("load-balancer-and-proxy"), {
    ways: ["balancer>gate 443"],
    requirements: ["load-balancer-before-cluster-activegates"],
    endpoints: [],
  });
  t.notOk(waysOf(planAt("load-balancer-and-proxy")).includes("world>gate 443"));
});

t.test("high availability is two data centers that are balanced", async (t) => {
  t.strictSame(addedAt("high-availability"), { ways: [], requirements: ["two-data-centers"], endpoints: [] });
});

t.test("rows of later stages are said to be left out, with the stages that they are for", async (t) => {
  const said = (stage: Stage): number =>
    planAt(stage).statements.filter(({ applies, why }) => !applies && why.includes("stage is")).length;
  const numbers = stages.map(said);
  t.strictSame(
    numbers.toSorted((a, b) => b - a),
    numbers,
    "ever fewer",
  );
  const why = planAt("internal").statements.find(({ row }) => row === "two-data-centers")?.why;
  t.equal(why, "applies only where stage is high-availability");
});

t.test(
  "a stage whose nodes are missing says so: too few nodes are unmet, the rest has no node",
  async (t) => {
    const few = nodes.filter(({ name }) => name === "c1");
    const plan = makePlan(clusterOf(spec, few, { stage: "cluster-activegate" }), "runtime");
    const counted = plan.requirements
      .filter(({ row }) => row.kind === "topology")
      .map(({ row, on }) => [row.name, on.length]);
    t.strictSame(counted, [
      ["several-cluster-nodes", 1],
      ["cluster-activegate-in-between", 0],
    ]);
    const whyOf = (name: string): string | undefined => plan.statements.find(({ row }) => row === name)?.why;
    t.equal(whyOf("cluster-activegate-public-address"), "no node has the role cluster-activegates");
    t.equal(whyOf("cluster-activegate-to-cluster"), "no node has the role cluster-activegates");
  },
);

t.test("domains are visited at runtime, by whoever dials them, and compared", async (t) => {
  const domains = { "web-ui-domain": "ui.example", "cluster-activegate-domain": "gate.example" };
  const visits = (phase: CheckPhase): string[] => {
    const plan = planAt("cluster-activegate", domains, phase);
    return plan.endpoints
      .filter(({ supplied }) => supplied)
      .map(({ from, host }) => `${plan.nodes[from]!.name} ${host}`);
  };
  t.strictSame(visits("runtime"), ["desk ui.example", "world gate.example"]);
  t.strictSame(visits("install"), []);
  const asked = requirementsOf(planAt("cluster-activegate", domains));
  for (const name of [
    "web-ui-domain-name",
    "cluster-activegate-domain-name",
    "cluster-activegate-domain-differs",
  ])
    t.ok(asked.includes(name), name);
});

t.test("a high load asks for several alike", async (t) => {
  const more = { "high-load": true, "cluster-activegate-domain": "gate.example" };
  const plain = requirementsOf(planAt("cluster-activegate", { "cluster-activegate-domain": "gate.example" }));
  const asked = requirementsOf(planAt("cluster-activegate", more)).filter((name) => !plain.includes(name));
  t.strictSame(asked, [
    "shared-cluster-activegate-domain",
    "shared-cluster-activegate-certificate",
    "load-balanced-cluster-activegates",
  ]);
});

t.test(
  "an Environment ActiveGate may take the way through a Cluster ActiveGate, which then comes first",
  async (t) => {
    const more = { "environment-activegate-route": "cluster-activegate" };
    const plan = planAt("cluster-activegate", more, "install");
    t.strictSame(
      waysOf(plan).filter((way) => way.startsWith("env")),
      ["env>gate 443"],
    );
    t.ok(requirementsOf(plan).includes("cluster-activegate-first"));
    t.ok(requirementsOf(plan).includes("cluster-activegate-suitable-address"));
    const running = planAt("cluster-activegate", more);
    t.notOk(requirementsOf(running).includes("cluster-activegate-first"));
  },
);

t.test("an unprivileged port takes the place of 443 in every stage", async (t) => {
  const ways = waysOf(planAt("cluster-activegate", { "web-port": "8022" }));
  t.strictSame(ways, [
    "desk>c1 8022",
    "desk>c2 8022",
    "env>c1 8022",
    "env>c2 8022",
    "gate>c1 8022",
    "gate>c2 8022",
    "world>gate 443",
  ]);
});

t.test("every row of the table of traffic types asks for what is printed in it", async (t) => {
  const publicOnly = ["public-address"];
  const certificateOnly = ["certificate"];
  const both = ["public-address", "certificate"];
  const table: Record<string, string[]> = {
    "oneagent-on-premises": [],
    "oneagent-external": publicOnly,
    "rum-on-premises": [],
    "rum-external": [],
    "agentless-rum-on-premises": certificateOnly,
    "agentless-rum-external": both,
    "mobile-rum-on-premises": certificateOnly,
    "mobile-rum-external": both,
    synthetic: certificateOnly,
  };
  const base = requirementsOf(planAt("cluster-activegate", { traffic: [] }));
  t.strictSame(Object.keys(table), spec.options["traffic"]?.values);
  for (const [traffic, kinds] of Object.entries(table)) {
    const plan = planAt("cluster-activegate", { traffic: [traffic] });
    const added = plan.requirements.filter(({ row }) => !base.includes(row.name)).map(({ row }) => row.kind);
    t.strictSame(added, kinds, traffic);
  }
});

t.test("a certificate is looked for where the traffic meets it", async (t) => {
  const placesOf = (traffic: string, more: Record<string, unknown> = {}): string[] => {
    const plan = planAt("cluster-activegate", { traffic: [traffic], ...more });
    const found = plan.requirements.find(({ row }) => row.name === `${traffic}-certificate`);
    return [
      ...new Set(found?.services.map(({ node, ports }) => `${plan.nodes[node]!.name} ${formatPorts(ports)}`)),
    ];
  };
  t.strictSame(placesOf("agentless-rum-external"), ["gate 443"]);
  t.strictSame(placesOf("agentless-rum-external", { "cluster-exposed": true }), [
    "gate 443",
    "c1 8022",
    "c2 8022",
  ]);
  t.strictSame(placesOf("agentless-rum-on-premises"), ["c1 8022", "c2 8022", "gate 443"]);
});

t.test("options that decide nothing beside each other are told, with what they would need", async (t) => {
  const said = (options: Record<string, unknown>): string[] =>
    mistakesOf(() => clusterOf(spec, nodes, options));
  const later = "stage is cluster-activegate or load-balancer-and-proxy or high-availability";
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ "high-load": true }, new RegExp(`high-load: decides nothing here: .* only where ${later}$`)],
    [
      { "environment-activegate-route": "cluster-activegate" },
      /environment-activegate-route applies only where stage is environment-activegate or/,
    ],
    [{ "cluster-activegate-domain": "gate.example" }, new RegExp(`applies only where ${later}`)],
    [
      { "mission-control-host": "eu.example" },
      /mission-control-host applies only where mission-control-region is europe or asia-pacific$/,
    ],
  ];
  for (const [options, message] of cases) {
    const mistakes = said(options);
    t.equal(mistakes.length, 1, JSON.stringify(options));
    t.match(mistakes[0], message);
  }
  t.strictSame(said({ "high-load": true, stage: "high-availability" }), []);
  t.strictSame(
    said({ "high-load": false, "environment-activegate-route": "direct" }),
    [],
    "the default says nothing",
  );
  t.strictSame(
    said({ "upgraded-from": "1.200", "cluster-version": "1.200" }),
    [],
    "another version would decide",
  );
});
