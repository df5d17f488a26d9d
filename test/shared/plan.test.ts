import t from "tap";
import { countPorts, formatPorts } from "../../shared/ports.ts";
import { countProbes, makePlan, rolesIn, type Plan } from "../../shared/plan.ts";
import type { ProductSpec } from "../../shared/spec.ts";
import { readShippedSpec } from "../../shared/spec-folder.ts";
import type { CheckPhase } from "../../shared/names.ts";
import {
  clusterOf,
  flowOf,
  nodesOf,
  specOf,
  type NodeParts,
  type SpecParts,
} from "../helpers/domain-fixtures.ts";
import { smallSpec } from "../helpers/cli.ts";

function planOf(
  spec: SpecParts,
  nodes: NodeParts[],
  phase: CheckPhase = "install",
  options: Record<string, unknown> = {},
): Plan {
  return makePlan(clusterOf(specOf(spec), nodes, options), phase);
}

/** `n1>n2 gossip tcp/9000 open`, a line a path. */
function pathsOf(plan: Plan): string[] {
  const nameOf = (index: number): string => plan.nodes[index]!.name;
  return plan.paths.map(
    ({ from, to, flow, protocol, ports, open }) =>
      `${nameOf(from)}>${nameOf(to)} ${flow} ${protocol}/${formatPorts(ports)} ${open ? "open" : "closed"}`,
  );
}

/** `n2 tcp 10.0.0.2 9000-9001`, a line a listener. */
function listenersOf(plan: Plan): string[] {
  return plan.nodes.flatMap(({ name, listeners }) =>
    listeners.map(({ transport, address, ports }) => `${name} ${transport} ${address} ${formatPorts(ports)}`),
  );
}

/** `n1>n2 10.0.0.2 tcp 9000`, a line a target. */
function targetsOf(plan: Plan): string[] {
  const nameOf = (index: number): string => plan.nodes[index]!.name;
  return plan.targets.map(
    ({ from, to, address, protocol, ports }) =>
      `${nameOf(from)}>${nameOf(to)} ${address} ${protocol} ${formatPorts(ports)}`,
  );
}

t.test("each pair of nodes in the roles of a flow is a path, no node with itself", async (t) => {
  const plan = planOf(
    { roles: { client: {}, server: {} }, flows: [flowOf("query", { from: ["client"], to: ["server"] })] },
    nodesOf(["client"], ["server"], ["client", "server"]),
  );
  t.strictSame(pathsOf(plan), [
    "n1>n2 query tcp/9000 open",
    "n1>n3 query tcp/9000 open",
    "n3>n2 query tcp/9000 open",
  ]);
  t.strictSame(listenersOf(plan), ["n2 tcp 10.0.0.2 9000", "n3 tcp 10.0.0.3 9000"]);
});

t.test("a role that means every node is everybody's, controllers included", async (t) => {
  const spec = specOf({
    roles: { "all-nodes": { everyNode: true }, controller: {}, internet: { place: "outside" } },
  });
  const nodes = clusterOf(
    spec,
    nodesOf([], ["controller"], ["all-nodes"], ["internet"], ["internet", "controller"]),
  ).nodes;
  t.strictSame(
    nodes.map((node) => [...rolesIn(spec, node)].toSorted()),
    [
      ["all-nodes"],
      ["all-nodes", "controller"],
      ["all-nodes"],
      ["internet"],
      ["all-nodes", "controller", "internet"],
    ],
  );
});

t.test("a role of another spec means nothing in this one", async (t) => {
  const [one, other] = [
    specOf({ id: "one", roles: { worker: {} } }),
    specOf({ id: "other", roles: { gateway: {} } }),
  ];
  const [node] = clusterOf([one, other], nodesOf(["worker", "gateway"])).nodes;
  t.strictSame([...rolesIn(one, node!)], ["worker"]);
  t.strictSame([...rolesIn(other, node!)], ["gateway"]);
});

t.test("specs on one node share a listener and a probe, and each keeps its path", async (t) => {
  const one = specOf({ id: "one", flows: [flowOf("gossip", { ports: "9000-9002" })] });
  const other = specOf({
    id: "other",
    roles: { storage: {} },
    flows: [flowOf("sync", { from: ["storage"], to: ["storage"], ports: [9002, 9003] })],
  });
  const plan = makePlan(
    clusterOf([one, other], nodesOf(["peer", "storage"], ["peer", "storage"])),
    "install",
  );
  t.strictSame(listenersOf(plan), ["n1 tcp 10.0.0.1 9000-9003", "n2 tcp 10.0.0.2 9000-9003"]);
  t.strictSame(targetsOf(plan), ["n1>n2 10.0.0.2 tcp 9000-9003", "n2>n1 10.0.0.1 tcp 9000-9003"]);
  t.strictSame(
    plan.paths.map(({ spec, flow, from }) => `${from} ${spec}/${flow}`),
    ["0 one/gossip", "1 one/gossip", "0 other/sync", "1 other/sync"],
  );
  t.equal(countProbes(plan.targets), 8, "9002 is probed once in each direction");
});

t.test("a port of several flows is one listener, and one probe for each protocol", async (t) => {
  const plan = planOf(
    {
      flows: [
        flowOf("plain"),
        flowOf("again"),
        flowOf("secured", { security: "tls" }),
        flowOf("identified", { security: "mtls" }),
        flowOf("queue", { application: "amqp-over-websocket" }),
        flowOf("datagrams", { transport: "udp" }),
      ],
    },
    nodesOf(["peer"], ["peer"]),
  );
  t.strictSame(listenersOf(plan).slice(0, 2), ["n1 tcp 10.0.0.1 9000", "n1 udp 10.0.0.1 9000"]);
  t.strictSame(
    targetsOf(plan).filter((line) => line.startsWith("n1")),
    [
      "n1>n2 10.0.0.2 tcp 9000",
      "n1>n2 10.0.0.2 tls 9000",
      "n1>n2 10.0.0.2 mtls 9000",
      "n1>n2 10.0.0.2 ws 9000",
      "n1>n2 10.0.0.2 udp 9000",
    ],
  );
  t.equal(plan.paths.length, 12);
  t.strictSame(plan.paths[0]?.targets, plan.paths[2]?.targets, "two flows of one protocol rest on one probe");
});

t.test("ids are positions, so that results can refer to them", async (t) => {
  const plan = planOf(
    { flows: [flowOf("a"), flowOf("b", { transport: "udp" })] },
    nodesOf(["peer"], ["peer"], ["peer"]),
  );
  t.ok(plan.targets.every(({ id }, index) => id === index));
  t.ok(plan.nodes.every(({ index }, position) => index === position));
  t.ok(
    plan.paths.every(({ from, to, targets }) =>
      targets.every((id) => plan.targets[id]?.from === from && plan.targets[id]?.to === to),
    ),
  );
});

t.test("a row that is local to a host stays on its loopback", async (t) => {
  const spec = { flows: [flowOf("control", { scope: "localhost" })] };
  const plan = planOf(spec, [
    { name: "n1", address: "10.0.0.1", roles: ["peer"] },
    { name: "n2", address: "fd00::2", roles: ["peer"] },
  ]);
  t.strictSame(
    pathsOf(plan).filter((line) => line.endsWith("open")),
    ["n1>n1 control tcp/9000 open", "n2>n2 control tcp/9000 open"],
  );
  t.strictSame(listenersOf(plan), ["n1 tcp 127.0.0.1 9000", "n2 tcp ::1 9000"]);
  t.strictSame(targetsOf(plan), ["n1>n1 127.0.0.1 tcp 9000", "n2>n2 ::1 tcp 9000"]);
});

t.test("what is local to a host is shut for every other node, also for one in no role of it", async (t) => {
  const spec: SpecParts = {
    roles: { peer: {}, other: {}, internet: { place: "outside" } },
    flows: [flowOf("control", { scope: "localhost", security: "tls" })],
  };
  const plan = planOf(spec, nodesOf(["peer"], ["other"], ["internet"]));
  t.strictSame(pathsOf(plan), [
    "n1>n1 control tls/9000 open",
    "n2>n1 control tcp/9000 closed",
    "n3>n1 control tcp/9000 closed",
  ]);
  t.strictSame(
    plan.paths.map(({ localOnly }) => localOnly),
    [false, true, true],
  );
  t.strictSame(
    targetsOf(plan),
    ["n1>n1 127.0.0.1 tls 9000", "n2>n1 10.0.0.1 tcp 9000", "n3>n1 10.0.0.1 tcp 9000"],
    "it is probed at the node's network address",
  );
  t.strictSame(listenersOf(plan), ["n1 tcp 127.0.0.1 9000"], "where nothing of ours holds it");
});

t.test("a port that a row opens at a node need not be local there, whoever it is open for", async (t) => {
  const local = specOf({
    id: "local",
    roles: { peer: {}, client: {} },
    flows: [
      flowOf("control", { scope: "localhost", ports: "9000-9004" }),
      flowOf("datagrams", { scope: "localhost", ports: 9_002, transport: "udp" }),
    ],
  });
  const opening = specOf({
    id: "opening",
    roles: { client: {}, server: {} },
    flows: [flowOf("query", { from: ["client"], to: ["server"], ports: 9_002 })],
  });
  const plan = makePlan(
    clusterOf([local, opening], nodesOf(["peer", "server"], ["peer"], ["client"])),
    "install",
  );
  t.strictSame(
    pathsOf(plan).filter((line) => line.endsWith("closed")),
    [
      "n1>n2 control tcp/9000-9004 closed",
      "n2>n1 control tcp/9000-9001,9003-9004 closed",
      "n3>n1 control tcp/9000-9001,9003-9004 closed",
      "n3>n2 control tcp/9000-9004 closed",
      "n1>n2 datagrams udp/9002 closed",
      "n2>n1 datagrams udp/9002 closed",
      "n3>n1 datagrams udp/9002 closed",
      "n3>n2 datagrams udp/9002 closed",
    ],
    "only of that transport, and only at that node",
  );
});

t.test("nodes that live on loopback share what is local, so nothing of it can be shut", async (t) => {
  const plan = planOf({ flows: [flowOf("control", { scope: "localhost" })] }, [
    { name: "n1", address: "127.77.0.1", roles: ["peer"] },
    { name: "n2", address: "127.77.0.2", roles: ["peer"] },
  ]);
  t.strictSame(pathsOf(plan), ["n1>n1 control tcp/9000 open", "n2>n2 control tcp/9000 open"]);
});

t.test("a node with two addresses must be shut at both", async (t) => {
  const plan = planOf({ flows: [flowOf("control", { scope: "localhost" })] }, [
    { name: "n1", addresses: ["10.0.0.1", "fd00::1"], roles: ["peer"] },
    { name: "n2", addresses: ["10.0.0.2", "fd00::2"] },
  ]);
  t.strictSame(targetsOf(plan), [
    "n1>n1 127.0.0.1 tcp 9000",
    "n2>n1 10.0.0.1 tcp 9000",
    "n2>n1 fd00::1 tcp 9000",
  ]);
});

t.test("from a vantage point outside, what must be closed from outside is probed as such", async (t) => {
  const spec: SpecParts = {
    roles: { node: { everyNode: true }, internet: { place: "outside" } },
    flows: [
      flowOf("gossip", { from: ["node"], to: ["node"], security: "tls", closed: { from: "outside" } }),
      flowOf("web", { from: ["internet"], to: ["node"], ports: 443 }),
    ],
  };
  const plan = planOf(spec, nodesOf([], [], ["internet"]));
  t.strictSame(
    plan.nodes.map(({ outside }) => outside),
    [undefined, undefined, true],
  );
  t.strictSame(pathsOf(plan), [
    "n1>n2 gossip tls/9000 open",
    "n2>n1 gossip tls/9000 open",
    "n3>n1 web tcp/443 open",
    "n3>n2 web tcp/443 open",
    "n3>n1 gossip tcp/9000 closed",
    "n3>n2 gossip tcp/9000 closed",
  ]);
  t.strictSame(pathsOf(planOf(spec, nodesOf([], []))), [
    "n1>n2 gossip tls/9000 open",
    "n2>n1 gossip tls/9000 open",
  ]);
});

t.test("a vantage point that a flow comes from need not be shut out of it", async (t) => {
  const spec: SpecParts = {
    roles: { node: { everyNode: true }, internet: { place: "outside" } },
    flows: [flowOf("web", { from: ["internet"], to: ["node"], closed: { from: "outside" } })],
  };
  t.strictSame(pathsOf(planOf(spec, nodesOf([], ["internet"]))), ["n2>n1 web tcp/9000 open"]);
});

t.test("what one row opens no other row closes, also of another spec", async (t) => {
  const roles = { node: { everyNode: true }, internet: { place: "outside" } } as const;
  const gossip = flowOf("gossip", {
    from: ["node"],
    to: ["node"],
    ports: "9000-9009",
    closed: { from: "outside" },
  });
  const installer = flowOf("installer", {
    from: ["node"],
    to: ["node"],
    ports: [9_005, 9_100],
    phase: "install",
    closed: { after: "install" },
  });
  const one = specOf({ id: "one", roles, flows: [gossip, installer] });
  const other = specOf({
    id: "other",
    roles,
    flows: [flowOf("web", { from: ["internet"], to: ["node"], ports: 9_004 })],
  });
  const plan = makePlan(clusterOf([one, other], nodesOf([], ["internet"], [])), "runtime");
  t.strictSame(
    pathsOf(plan).filter((line) => line.includes(">n1")),
    [
      "n3>n1 gossip tcp/9000-9009 open",
      "n2>n1 web tcp/9004 open",
      "n2>n1 gossip tcp/9000-9003,9005-9009 closed",
      "n3>n1 installer tcp/9100 closed",
    ],
  );
});

t.test(
  "at runtime, what only the installation needed must be closed where the document allows it",
  async (t) => {
    const spec: SpecParts = {
      flows: [
        flowOf("always", { ports: 1_000 }),
        flowOf("running", { ports: 2_000, phase: "runtime" }),
        flowOf("installer", {
          ports: 3_000,
          phase: "install",
          security: "tls",
          closed: { after: "install" },
        }),
        flowOf("leftover", { ports: 4_000, phase: "install" }),
        flowOf("local", { ports: 5_000, phase: "install", scope: "localhost", closed: { after: "install" } }),
      ],
    };
    const fromFirst = (phase: CheckPhase): string[] =>
      pathsOf(planOf(spec, nodesOf(["peer"], ["peer"]), phase)).filter((line) => line.startsWith("n1>"));
    t.strictSame(fromFirst("install"), [
      "n1>n2 always tcp/1000 open",
      "n1>n2 running tcp/2000 open",
      "n1>n2 installer tls/3000 open",
      "n1>n2 leftover tcp/4000 open",
      "n1>n1 local tcp/5000 open",
      "n1>n2 local tcp/5000 closed",
    ]);
    t.strictSame(fromFirst("runtime"), [
      "n1>n2 always tcp/1000 open",
      "n1>n2 running tcp/2000 open",
      "n1>n2 installer tcp/3000 closed",
      "n1>n1 local tcp/5000 closed",
    ]);
  },
);

t.test("a port that the host redirects has a listener where it leads to, too", async (t) => {
  const plan = planOf(
    { flows: [flowOf("web", { ports: 443, redirectTo: 8_022 })] },
    nodesOf(["peer"], ["peer"]),
  );
  t.strictSame(listenersOf(plan), ["n1 tcp 10.0.0.1 443,8022", "n2 tcp 10.0.0.2 443,8022"]);
  t.strictSame(
    targetsOf(plan),
    ["n1>n2 10.0.0.2 tcp 443", "n2>n1 10.0.0.1 tcp 443"],
    "and is itself not probed",
  );
  t.equal(plan.paths[0]?.redirectTo, 8_022);
});

t.test("a node with two addresses is probed on both, by those that have the family", async (t) => {
  const plan = planOf({ flows: [flowOf("gossip")] }, [
    { name: "both", addresses: ["10.0.0.1", "fd00::1"], roles: ["peer"] },
    { name: "four", address: "10.0.0.2", roles: ["peer"] },
    { name: "six", address: "fd00::3", roles: ["peer"] },
  ]);
  t.strictSame(targetsOf(plan), [
    "both>four 10.0.0.2 tcp 9000",
    "both>six fd00::3 tcp 9000",
    "four>both 10.0.0.1 tcp 9000",
    "six>both fd00::1 tcp 9000",
  ]);
  const pair = planOf({ flows: [flowOf("gossip")] }, [
    { name: "a", addresses: ["10.0.0.1", "fd00::1"], roles: ["peer"] },
    { name: "b", addresses: ["10.0.0.2", "fd00::2"], roles: ["peer"] },
  ]);
  t.strictSame(pair.paths[0]?.targets, [0, 1]);
  t.strictSame(listenersOf(pair), [
    "a tcp 10.0.0.1 9000",
    "a tcp fd00::1 9000",
    "b tcp 10.0.0.2 9000",
    "b tcp fd00::2 9000",
  ]);
});

t.test("between nodes without a common family the path stays, without a probe to prove it", async (t) => {
  const plan = planOf({ flows: [flowOf("gossip")] }, [
    { name: "four", address: "10.0.0.1", roles: ["peer"] },
    { name: "six", address: "fd00::2", roles: ["peer"] },
  ]);
  t.strictSame(pathsOf(plan), ["four>six gossip tcp/9000 open", "six>four gossip tcp/9000 open"]);
  t.strictSame(
    plan.paths.map(({ targets }) => targets),
    [[], []],
  );
  t.equal(countProbes(plan.targets), 0);
});

t.test("a configurable port is the user's, else the recommended one", async (t) => {
  const spec: SpecParts = {
    options: { gateway: { description: "Port", type: "port" } },
    flows: [flowOf("web", { configurable: { option: "gateway", recommended: 443 } })],
  };
  const nodes = nodesOf(["peer"], ["peer"]);
  t.strictSame(targetsOf(planOf(spec, nodes)), ["n1>n2 10.0.0.2 tcp 443", "n2>n1 10.0.0.1 tcp 443"]);
  t.strictSame(targetsOf(planOf(spec, nodes, "install", { gateway: 8_443 })), [
    "n1>n2 10.0.0.2 tcp 8443",
    "n2>n1 10.0.0.1 tcp 8443",
  ]);
});

t.test("alternatives are all probed, and one of them is enough", async (t) => {
  const plan = planOf({ flows: [flowOf("mail", { anyOf: [25, 587] })] }, nodesOf(["peer"], ["peer"]));
  t.strictSame(targetsOf(plan), ["n1>n2 10.0.0.2 tcp 25,587", "n2>n1 10.0.0.1 tcp 25,587"]);
  t.ok(plan.paths.every(({ anyOf }) => anyOf));
});

t.test("a row is probed only under the options that it is for", async (t) => {
  const spec: SpecParts = {
    options: { region: { description: "Where", type: "choice", values: ["us", "eu"] } },
    flows: [flowOf("american", { ports: 1_000, level: "conditional", when: { region: "us" } })],
  };
  const nodes = nodesOf(["peer"], ["peer"]);
  t.equal(planOf(spec, nodes, "install", { region: "us" }).paths.length, 2);
  const other = planOf(spec, nodes, "install", { region: "eu" });
  t.strictSame([other.paths, other.targets, listenersOf(other)], [[], [], []]);
});

t.test("what is not probed is said, each row with the reason", async (t) => {
  const endpoint = {
    from: ["node"],
    transport: "tcp",
    ports: 443,
    application: "https",
    security: "tls",
    phase: "both",
    doc: "ports:1",
    hosts: ["a.example"],
  } as const;
  const plan = planOf(
    {
      options: { region: { description: "Where", type: "choice", values: ["us", "eu"] } },
      roles: { node: { everyNode: true }, gateway: {}, proxy: {}, internet: { place: "outside" } },
      flows: [
        flowOf("probed", { from: ["node"], to: ["node"] }),
        flowOf("european", { from: ["node"], to: ["node"], level: "conditional", when: { region: "eu" } }),
        flowOf("inbound", { from: ["internet"], to: ["node"] }),
        flowOf("through", { from: ["node"], to: ["gateway", "proxy"] }),
      ],
      endpoints: [
        {
          ...endpoint,
          from: [...endpoint.from],
          hosts: [...endpoint.hosts],
          name: "updates",
          description: "Downloads.",
          level: "required",
        },
        {
          ...endpoint,
          from: [...endpoint.from],
          hosts: [...endpoint.hosts],
          name: "mirror",
          description: "Mirror.",
          level: "conditional",
          when: { region: "eu" },
        },
      ],
      requirements: [
        {
          name: "clock",
          kind: "access",
          on: ["node"],
          expected: "a shell",
          phase: "both",
          level: "required",
          doc: "ports:2",
          description: "People log in.",
          stated: "only people can log in",
        },
      ],
    },
    nodesOf([], []),
    "install",
    { region: "us" },
  );
  t.strictSame(
    plan.statements.map(({ section, row, text, why, applies }) => [`${section}/${row}`, text, why, applies]),
    [
      ["flows/european", "The flow european.", "applies only where region is eu", false],
      ["flows/inbound", "The flow inbound.", "no agent stands outside the cluster as internet", true],
      [
        "flows/through",
        "The flow through.",
        "no node has the role gateway; no node has the role proxy",
        true,
      ],
      ["endpoints/mirror", "Mirror.", "applies only where region is eu", false],
      ["requirements/clock", "People log in. Expected: a shell.", "only people can log in", true],
    ],
  );
  t.ok(plan.statements.every(({ spec, doc }) => spec === "made-up" && doc.startsWith("ports:")));
});

t.test("a path carries what its verdict needs", async (t) => {
  const plan = planOf(
    { flows: [flowOf("gossip", { level: "optional", doc: "ports:7-9" })] },
    nodesOf(["peer"], ["peer"]),
  );
  t.strictSame(plan.paths[0], {
    id: 0,
    rank: 1,
    from: 0,
    to: 1,
    spec: "made-up",
    flow: "gossip",
    doc: "ports:7-9",
    level: "optional",
    transport: "tcp",
    protocol: "tcp",
    application: "made-up",
    security: "none",
    ports: [[9_000, 9_000]],
    open: true,
    anyOf: false,
    redirectTo: undefined,
    localOnly: false,
    targets: [0],
  });
});

/** One controller and two workers; the plan of the first spec that users meet, to the last port. */
function runtimeFabric(phase: CheckPhase): Plan {
  return makePlan(
    clusterOf(readShippedSpec("anypoint-runtime-fabric")!, nodesOf(["controller-nodes"], ["all-nodes"], [])),
    phase,
  );
}

t.test("three nodes of Runtime Fabric hold and probe exactly what the document lists", async (t) => {
  const plan = runtimeFabric("install");
  const everyTcp =
    "3008-3012,3022-3025,4242,6060,7496,7575,10248-10250,10255,30000-32767,61008-61010,61022-61024";
  t.strictSame(listenersOf(plan).toSorted(), [
    "n1 tcp 10.0.0.1 2379-2380,3008-3012,3022-3025,3080,4001,4242,5000,6060,6443,7001,7496,7575,8080,10248-10250,10255,30000-32767,61008-61010,61022-61024",
    "n1 tcp 127.0.0.1 53,7373",
    "n1 udp 10.0.0.1 7496,8472,30000-32767",
    "n1 udp 127.0.0.1 53",
    `n2 tcp 10.0.0.2 ${everyTcp}`,
    "n2 tcp 127.0.0.1 53,7373",
    "n2 udp 10.0.0.2 7496,8472,30000-32767",
    "n2 udp 127.0.0.1 53",
    `n3 tcp 10.0.0.3 ${everyTcp}`,
    "n3 tcp 127.0.0.1 53,7373",
    "n3 udp 10.0.0.3 7496,8472,30000-32767",
    "n3 udp 127.0.0.1 53",
  ]);
  const held = plan.nodes.map(({ listeners }) =>
    listeners.reduce((sum, { ports }) => sum + countPorts(ports), 0),
  );
  t.strictSame(held, [5_572, 5_564, 5_564]);
  t.strictSame(
    targetsOf(plan).toSorted(),
    [
      "n1>n1 127.0.0.1 tcp 53,7373",
      "n1>n1 127.0.0.1 udp 53",
      ...["n2 10.0.0.2", "n3 10.0.0.3"].flatMap((to) => [
        `n1>${to} tcp 53,3022-3025,4242,7373,7575,30000-32767,61008-61010,61022-61024`,
        `n1>${to} tls 3008-3012,6060,7496,10248-10250,10255,32009`,
        `n1>${to} udp 53,7496,8472,30000-32767`,
      ]),
      ...["n2", "n3"].flatMap((from) => {
        const other = from === "n2" ? "n3 10.0.0.3" : "n2 10.0.0.2";
        return [
          `${from}>n1 10.0.0.1 tcp 53,3022-3025,4242,7373,7575,8080,30000-32767,61008-61010,61022-61024`,
          `${from}>n1 10.0.0.1 tls 2379-2380,3008-3012,3080,4001,5000,6060,6443,7001,7496,10248-10250,10255`,
          `${from}>n1 10.0.0.1 udp 53,7496,8472,30000-32767`,
          `${from}>${from} 127.0.0.1 tcp 53,7373`,
          `${from}>${from} 127.0.0.1 udp 53`,
          `${from}>${other} tcp 53,3022-3025,4242,7373,7575,30000-32767,61008-61010,61022-61024`,
          `${from}>${other} tls 3008-3012,6060,7496,10248-10250,10255`,
          `${from}>${other} udp 53,7496,8472,30000-32767`,
        ];
      }),
    ].toSorted(),
  );
  // 6 pairs x (2,782 tcp + 11 tls + 2,771 udp), 2 x (7 tls + 1 tcp) to the controller, 2 x 1 tls from it, 3 x 3 within a host.
  t.equal(countProbes(plan.targets), 33_411);
  const services = plan.paths.filter(({ flow }) => flow === "application-services-tcp");
  t.equal(services.length, 6);
  t.ok(services.every(({ ports }) => countPorts(ports) === 2_768));
  // 14 flows between all nodes, 5 to the controller, 1 from it, 3 within each host that are shut for the others.
  t.equal(plan.paths.length, 14 * 6 + 5 * 2 + 1 * 2 + 3 * 3 + 3 * 6);
  t.ok(plan.paths.every(({ open, localOnly }) => open !== localOnly));
});

t.test("once Runtime Fabric runs, the installer's ports must be closed", async (t) => {
  const plan = runtimeFabric("runtime");
  const closed = plan.paths.filter(({ open }) => !open);
  t.strictSame(
    [...new Set(closed.map(({ flow, ports }) => `${flow} ${formatPorts(ports)}`))],
    [
      "bandwidth-checker 4242",
      "installation 61008-61010",
      "installer-agent 61022-61024",
      "cluster-dns-tcp 53",
      "serf-rpc 7373",
      "cluster-dns-udp 53",
    ],
  );
  t.equal(closed.length, 6 * 6);
  t.equal(plan.paths.length, runtimeFabric("install").paths.length);
  t.equal(countProbes(plan.targets), 33_411, "a closed port is probed as much as an open one");
});

t.test("a vantage point of one product is no node of another", async (t) => {
  const role = (place: string, everyNode = false): object => ({
    title: "x",
    place,
    doc: "guide:1",
    ...(everyNode ? { everyNode } : {}),
  });
  const product = (id: string, roles: Record<string, object>): ProductSpec =>
    ({ ...smallSpec, id, roles, flows: [] }) as unknown as ProductSpec;
  const first = product("first", { users: role("outside"), workers: role("in-cluster") });
  const second = product("second", { all: role("in-cluster", true) });
  const desk = { name: "desk", addresses: ["10.0.0.9"], roles: ["users"], zone: undefined };
  t.strictSame([...rolesIn(second, desk, [first, second])], []);
  t.strictSame([...rolesIn(second, { ...desk, roles: ["workers"] }, [first, second])], ["all"]);
});
