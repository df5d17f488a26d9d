/** The other three products, each as its own document wants it: without faults, and with one of each kind. */
import t from "tap";
import { findings, runLabCheck } from "../check.ts";
import { Lab } from "../lab.ts";

// Thousands of real probes by real processes on however few cores there are.
t.setTimeout(300_000);

const hosts = (...names: string[]): { name: string; zone: string }[] =>
  names.map((name, index) => ({ name, zone: index % 2 === 0 ? "a" : "b" }));

t.test("Dynatrace Managed on twenty hosts passes everywhere", async (t) => {
  const names = Array.from({ length: 20 }, (_, index) => `n${index + 1}`);
  await using lab = await Lab.create({ hosts: hosts(...names) });
  const { report, exitCode, sinceLastJoinMs, peakRss } = await runLabCheck(lab, {
    specs: [{ id: "dynatrace-managed" }],
    nodes: names.map((name) => ({ name, roles: ["cluster-nodes"] })),
    control: "n1",
  });
  t.strictSame(findings(report), []);
  t.equal(exitCode, 0);
  t.equal(report.summary.probes, 20 * 19 * 24, "24 ports between every two nodes");
  t.comment(
    `${Math.round(sinceLastJoinMs)} ms since the last join, largest agent ${Math.round(Math.max(...peakRss.values()) / 1e6)} MB`,
  );
});

t.test(
  "Dynatrace Managed, seen from outside: 443 is open, the inner ports are shut or exposed",
  async (t) => {
    const names = ["n1", "n2", "n3"];
    await using lab = await Lab.create({ hosts: [...hosts(...names), { name: "desk", zone: "office" }] });
    const inner = { from: "desk", transport: "tcp", action: "drop" } as const;
    await lab.fault({ ...inner, at: "router", hook: "forward", ports: "5701-7198" });
    await lab.fault({ ...inner, at: "router", hook: "forward", ports: "7200-9300" });
    for (const at of ["n1", "n3"]) await lab.fault({ ...inner, at, hook: "input", ports: "7199" });
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ id: "dynatrace-managed" }],
      nodes: [
        ...names.map((name) => ({ name, roles: ["cluster-nodes"] })),
        { name: "desk", roles: ["users"] },
      ],
      // The coordinator's own port lies among those that desk may not reach.
      control: "desk",
    });
    t.strictSame(findings(report), ["desk>n2 cassandra-jmx exposed"]);
    t.equal(exitCode, 3);
    const fromDesk = report.paths.filter(({ from }) => from === "desk");
    t.ok(
      fromDesk.some(
        ({ ports, expected, reason }) => ports === "443" && expected === "open" && reason === "reachable",
      ),
    );
    t.ok(fromDesk.some(({ flow, reason }) => flow === "hazelcast" && reason === "blocked-as-required"));
  },
);

t.test("ThoughtSpot over IPv6: a reject and a zone boundary are told from what passes", async (t) => {
  const names = ["n1", "n2", "n3", "n4"];
  await using lab = await Lab.create({ hosts: hosts(...names) });
  await lab.fault({ at: "n3", hook: "input", transport: "tcp", ports: "5432", action: "reject-admin" });
  await lab.fault({
    at: "router",
    hook: "forward",
    from: { zone: "a" },
    to: { zone: "b" },
    transport: "tcp",
    ports: "2181",
    action: "drop",
  });
  const { report, exitCode } = await runLabCheck(lab, {
    specs: [{ id: "thoughtspot" }],
    nodes: names.map((name) => ({ name, families: ["v6"] })),
    control: "n1",
  });
  const postgres = ["n1", "n2", "n4"].map((from) => `${from}>n3 postgres rejected`);
  const zookeeper = ["n1", "n3"].flatMap((from) =>
    ["n2", "n4"].map((to) => `${from}>${to} zookeeper-clients dropped`),
  );
  t.strictSame(findings(report), [...postgres, ...zookeeper].toSorted());
  t.equal(exitCode, 3);
});

t.test(
  "Apigee hybrid, two addresses a node: mutual TLS passes, one blocked family is enough to fail",
  async (t) => {
    const names = ["n1", "n2", "n3", "n4"];
    await using lab = await Lab.create({ hosts: hosts(...names) });
    const ipv6Only =
      "chain input {\n type filter hook input priority 0; policy accept;\n meta nfproto ipv6 tcp dport 7001 counter drop\n}";
    await lab.rules("n2", ipv6Only);
    const roles: Record<string, string[]> = {
      n1: ["cassandra", "mart", "mart-istio-ingress"],
      n2: ["cassandra", "message-processor", "default-istio-ingress"],
      n3: ["cassandra", "synchronizer", "udca"],
      n4: ["prometheus", "fluentd"],
    };
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ id: "apigee-hybrid" }],
      nodes: names.map((name) => ({ name, roles: roles[name]!, families: ["v4", "v6"] })),
      control: "n4",
    });
    t.strictSame(findings(report), [
      "n1>n2 cassandra-to-cassandra dropped",
      "n3>n2 cassandra-to-cassandra dropped",
    ]);
    t.equal(exitCode, 3);
    const dropped = report.paths.find(({ reason }) => reason === "dropped");
    t.equal(
      dropped?.evidence.source.address,
      lab.host("n2").address6,
      "the evidence names the address that failed",
    );
    t.ok(report.paths.some(({ protocol, reason }) => protocol === "mtls" && reason === "reachable"));
  },
);
