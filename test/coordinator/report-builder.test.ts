import t from "tap";
import { nothingInspected } from "../../coordinator/inspected.ts";
import { Errors } from "typebox/value";
import { Membership, type Member } from "../../coordinator/membership.ts";
import { Observations } from "../../coordinator/observations.ts";
import { buildReport } from "../../coordinator/report-builder.ts";
import { groupExceptions } from "../../shared/listener-exceptions.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import { eachPort } from "../../shared/ports.ts";
import { ReportSchema, type Report } from "../../shared/report.ts";
import type { CheckPhase } from "../../shared/names.ts";
import type { ListenerException } from "../../shared/wire.ts";
import {
  clusterOf,
  flowOf,
  nodesOf,
  specOf,
  type NodeParts,
  type SpecParts,
} from "../helpers/domain-fixtures.ts";
import { resultsOf, type ResultLine } from "../helpers/results.ts";

const facts = {
  startedAt: new Date("2026-11-21T06:00:00Z"),
  finishedAt: new Date("2026-11-21T06:00:09.840Z"),
  interrupted: false,
  serviceExpected: false,
  inspected: nothingInspected,
};
const pair = nodesOf(["peer"], ["peer"]);

/** A run of a plan: who joined, and what they reported. */
class Run {
  readonly plan: Plan;
  readonly membership: Membership;
  readonly observations: Observations;

  constructor(spec: SpecParts, nodes: NodeParts[] = pair, phase: CheckPhase = "install") {
    this.plan = makePlan(clusterOf(specOf(spec), nodes), phase);
    this.membership = new Membership(this.plan, "token", () => 0);
    this.observations = new Observations(this.plan);
  }

  /** Has the agent of a node join and listen. */
  join(name: string, exceptions: ListenerException[] = [], bound = 1): Member {
    const hello = {
      type: "hello",
      node: name,
      token: "token",
      version: "0.1.0",
      host: `host-${name}`,
      pid: 1,
      publicKey: "pem",
    } as const;
    const member = this.membership.admit(hello);
    if ("code" in member) throw new Error(member.message);
    const listening = { bound, elapsedMs: 1, exceptions: groupExceptions(exceptions) };
    this.membership.reportListening(member, { type: "listening", round: 0, ...listening });
    return member;
  }

  /** Everybody joins. */
  joined(): this {
    for (const { name } of this.plan.nodes) this.join(name);
    return this;
  }

  /** Records what a node saw on the ports of its targets; undefined for a port that it did not probe. */
  sees(
    name: string,
    look: (
      port: number,
      target: Plan["targets"][number],
    ) => Omit<ResultLine, "target" | "port"> | undefined = () => ({}),
  ): this {
    const { index } = this.plan.nodes.find((node) => node.name === name)!;
    const lines = this.plan.targets
      .filter(({ from }) => from === index)
      .flatMap((target) =>
        [...eachPort(target.ports)].flatMap((port) => {
          const seen = look(port, target);
          return seen === undefined ? [] : [{ target: target.id, port, ...seen }];
        }),
      );
    const problem = this.observations.record(index, resultsOf(lines));
    if (problem !== undefined) throw new Error(problem);
    return this;
  }

  report(parts: Partial<typeof facts> = {}): Report {
    return buildReport(this.plan, this.observations, this.membership, { ...facts, ...parts });
  }
}

const dropped = { outcome: "silent", phase: "connect", elapsedMs: 4_000, attempts: 2 } as const;
const refused = { outcome: "refused", phase: "connect", elapsedMs: 0.5, code: "ECONNREFUSED" } as const;
const pathFrom = (report: Report, from: string) => report.paths.find((path) => path.from === from)!;

t.test("a run in which everybody proves itself passes, and its report is as published", async (t) => {
  const report = new Run({ flows: [flowOf("gossip")] }, [{ ...pair[0]!, zone: "a" }, pair[1]!])
    .joined()
    .sees("n1", () => ({ rttMs: 0.5 }))
    .sees("n2")
    .report();
  t.strictSame([...Errors(ReportSchema, report)], []);
  t.strictSame(report, {
    apiVersion: "portmesh/v1",
    kind: "Report",
    cluster: "prod",
    specs: [{ id: "made-up", version: "1.0.0" }],
    phase: "install",
    startedAt: "2026-11-21T06:00:00.000Z",
    finishedAt: "2026-11-21T06:00:09.840Z",
    interrupted: false,
    summary: {
      paths: 2,
      pass: 2,
      warn: 0,
      fail: 0,
      unknown: 0,
      probes: 2,
      endpoints: { pass: 0, warn: 0, fail: 0, unknown: 0 },
      requirements: { pass: 0, warn: 0, fail: 0, unknown: 0 },
      statements: 0,
      verdict: "pass",
    },
    nodes: [
      {
        name: "n1",
        address: "10.0.0.1",
        addresses: ["10.0.0.1"],
        roles: ["peer"],
        zone: "a",
        agent: { version: "0.1.0", host: "host-n1", state: "alive" },
        listeners: { bound: 1, occupied: 0, denied: 0, absent: 0 },
      },
      {
        name: "n2",
        address: "10.0.0.2",
        addresses: ["10.0.0.2"],
        roles: ["peer"],
        agent: { version: "0.1.0", host: "host-n2", state: "alive" },
        listeners: { bound: 1, occupied: 0, denied: 0, absent: 0 },
      },
    ],
    paths: [
      {
        from: "n1",
        to: "n2",
        spec: "made-up",
        flow: "gossip",
        level: "required",
        transport: "tcp",
        protocol: "tcp",
        ports: "9000",
        expected: "open",
        verdict: "pass",
        reason: "reachable",
        rttMs: 0.5,
        coverage: "1/1",
        doc: "ports:1",
        evidence: {
          source: {
            outcome: "open",
            phase: "answer",
            elapsedMs: 1,
            attempts: 1,
            port: 9_000,
            address: "10.0.0.2",
          },
          target: { agent: "alive", listener: "bound" },
        },
      },
      {
        from: "n2",
        to: "n1",
        spec: "made-up",
        flow: "gossip",
        level: "required",
        transport: "tcp",
        protocol: "tcp",
        ports: "9000",
        expected: "open",
        verdict: "pass",
        reason: "reachable",
        rttMs: null,
        coverage: "1/1",
        doc: "ports:1",
        evidence: {
          source: {
            outcome: "open",
            phase: "answer",
            elapsedMs: 1,
            attempts: 1,
            port: 9_000,
            address: "10.0.0.1",
          },
          target: { agent: "alive", listener: "bound" },
        },
      },
    ],
    endpoints: [],
    requirements: [],
    statements: [],
    causes: [],
  });
});

t.test("a range that is blocked in part is reported as its exact intervals", async (t) => {
  const run = new Run({ flows: [flowOf("services", { ports: "30000-32767" })] }).joined().sees("n2");
  run.sees("n1", (port) =>
    port >= 31_000 && port <= 31_499 ? dropped : port === 31_500 || port === 32_767 ? refused : {},
  );
  const path = pathFrom(run.report(), "n1");
  t.match(path, { verdict: "fail", reason: "dropped", coverage: "2768/2768" });
  t.strictSame(path.intervals, [
    { ports: "30000-30999", verdict: "pass", reason: "reachable" },
    { ports: "31000-31499", verdict: "fail", reason: "dropped" },
    { ports: "31500", verdict: "fail", reason: "rejected" },
    { ports: "31501-32766", verdict: "pass", reason: "reachable" },
    { ports: "32767", verdict: "fail", reason: "rejected" },
  ]);
  t.match(
    path.evidence.source,
    { outcome: "silent", port: 31_000 },
    "the evidence is that of the first port that fails",
  );
  t.strictSame([...Errors(ReportSchema, run.report())], []);
});

t.test("ports that all say the same have no intervals, not even where the list has gaps", async (t) => {
  const run = new Run({ flows: [flowOf("gossip", { ports: [9_000, 9_002, "9010-9020"] })] })
    .joined()
    .sees("n1")
    .sees("n2", () => dropped);
  for (const { intervals, ports } of run.report().paths)
    t.strictSame([intervals, ports], [undefined, "9000,9002,9010-9020"]);
});

t.test("ports beside a gap do not become one interval", async (t) => {
  const run = new Run({ flows: [flowOf("gossip", { ports: [9_000, 9_001, 9_003, 9_004] })] })
    .joined()
    .sees("n2");
  run.sees("n1", (port) => (port === 9_004 ? refused : {}));
  t.strictSame(
    pathFrom(run.report(), "n1").intervals?.map(({ ports, reason }) => `${ports} ${reason}`),
    ["9000-9001 reachable", "9003 reachable", "9004 rejected"],
  );
});

t.test("coverage counts the ports that were probed, and one that was not is not green", async (t) => {
  const run = new Run({ flows: [flowOf("services", { ports: "30000-30099" })] })
    .joined()
    .sees("n1", (port) => (port < 30_064 ? {} : undefined));
  const [there, back] = run.report().paths;
  t.match(there, { coverage: "64/100", verdict: "unknown", reason: "never-probed" });
  t.strictSame(
    there?.intervals?.map(({ ports, verdict }) => `${ports} ${verdict}`),
    ["30000-30063 pass", "30064-30099 unknown"],
  );
  t.match(back, { coverage: "0/100", verdict: "unknown", reason: "never-probed", rttMs: null });
  t.equal(back?.intervals, undefined);
});

/** Runs the services flow from n1 to n2 on 2768 ports, of which only some were probed. */
function sampledRun(
  look: Parameters<Run["sees"]>[1],
  ports: string | (string | number)[] = "30000-32767",
): Run {
  const run = new Run({ flows: [flowOf("services", { ports })] }).joined().sees("n1", look).sees("n2");
  const cut = run.plan.targets.filter(({ from }) => from === 0).map(({ id }) => id);
  run.observations.recordCut(0, cut, 95_400.4);
  return run;
}

t.test(
  "of a sampled range the ports between two alike are taken for alike, and the coverage says so",
  async (t) => {
    const run = sampledRun((port) =>
      port % 43 === 0 || port === 30_000 || port === 32_767 ? {} : undefined,
    );
    const report = run.report();
    const path = pathFrom(report, "n1");
    t.match(path, { verdict: "pass", reason: "reachable", coverage: "67/2768" });
    t.equal(path.intervals, undefined);
    t.equal(report.summary.fullSweepMs, 95_400);
    t.strictSame([...Errors(ReportSchema, report)], []);
  },
);

t.test("its intervals go from edge to edge across what was not probed", async (t) => {
  const samples = new Set([30_000, 30_500, 30_998, 30_999, 31_000, 31_300, 31_499, 31_500, 32_767]);
  const run = sampledRun((port) =>
    samples.has(port) ? (port >= 31_000 && port <= 31_499 ? dropped : {}) : undefined,
  );
  const path = pathFrom(run.report(), "n1");
  t.match(path, { verdict: "fail", reason: "dropped", coverage: "9/2768" });
  t.strictSame(
    path.intervals?.map(({ ports, reason }) => `${ports} ${reason}`),
    ["30000-30999 reachable", "31000-31499 dropped", "31500-32767 reachable"],
  );
  t.match(
    path.evidence.source,
    { outcome: "silent", port: 31_000 },
    "the evidence is of a port that was probed",
  );
});

t.test("they do not go across ports that are not of the path", async (t) => {
  const run = sampledRun(
    (port) =>
      port % 50 === 0 || port === 9_299 || port === 9_599 ? (port >= 9_550 ? dropped : {}) : undefined,
    ["9000-9299", "9400-9599"],
  );
  t.strictSame(
    pathFrom(run.report(), "n1").intervals?.map(({ ports, reason }) => `${ports} ${reason}`),
    ["9000-9299 reachable", "9400-9500 reachable", "9550-9599 dropped"],
  );
});

t.test("a sampled range of which nothing was probed is not green", async (t) => {
  const path = pathFrom(sampledRun(() => undefined).report(), "n1");
  t.match(path, { verdict: "unknown", reason: "never-probed", coverage: "0/2768" });
});

t.test("a range that was to be probed whole and was not is no sample", async (t) => {
  const run = sampledRun(() => ({}));
  run.sees("n2");
  const other = new Run({ flows: [flowOf("services", { ports: "30000-30099" })] })
    .joined()
    .sees("n1", (port) => (port === 30_000 ? {} : undefined));
  other.observations.recordCut(0, [1], 5_000);
  const [there] = other.report().paths;
  t.match(there, { verdict: "unknown", reason: "never-probed" }, "nobody cuts another node's ranges");
  t.match(pathFrom(run.report(), "n1"), { coverage: "2768/2768", verdict: "pass" });
});

t.test(
  "a whole sweep takes as long as that of the slowest node, and is not mentioned where none was cut",
  async (t) => {
    const run = sampledRun(() => ({}));
    run.observations.recordCut(1, [1], 120_000);
    run.observations.recordCut(1, [], 999_000);
    t.equal(run.report().summary.fullSweepMs, 120_000);
    t.notOk("fullSweepMs" in new Run({ flows: [flowOf("gossip")] }).joined().sees("n1").report().summary);
  },
);

t.test("what was measured of a path is in its evidence, in figures that can be read", async (t) => {
  const measured = (parts?: object): Report => {
    const run = new Run({ flows: [flowOf("gossip")] }).joined().sees("n1").sees("n2");
    const targets = [{ target: 0, ports: "9000", sent: 40, lost: 0, ...parts }];
    if (parts !== undefined) run.observations.recordQuality(0, { type: "quality", round: 1, targets });
    t.strictSame([...Errors(ReportSchema, run.report())], []);
    return run.report();
  };
  const figures = (parts?: object) => pathFrom(measured(parts), "n1").evidence.source.quality;
  t.equal(figures(), undefined);
  t.equal(figures({ sent: 0 }), undefined, "without thresholds there are none");
  t.strictSame(figures({ lost: 3, rttUs: 412.3456 }), { sent: 40, lost: 3, rttMs: 0.412 });
  const blackHole = { pathMtu: 1_400, lost: "back" };
  t.strictSame(figures({ sent: 0, blackHole }), { sent: 0, lost: 0, blackHole });
  t.match(pathFrom(measured({ sent: 0, blackHole }), "n1"), { verdict: "warn", reason: "small-mtu" });
});

t.test("where one of several addresses was swept whole, the other is a sample all the same", async (t) => {
  const nodes = [
    { name: "n1", addresses: ["10.0.0.1", "fd00::1"], roles: ["peer"] },
    { name: "n2", addresses: ["10.0.0.2", "fd00::2"], roles: ["peer"] },
  ];
  const run = new Run({ flows: [flowOf("services", { ports: "30000-30099" })] }, nodes).joined();
  const isOver6 = (address: string): boolean => address === "fd00::2";
  run.sees("n1", (port, { address }) => (isOver6(address) && port % 9 !== 0 ? undefined : {}));
  const cut = run.plan.targets.filter(({ from, address }) => from === 0 && isOver6(address));
  run.observations.recordCut(
    0,
    cut.map(({ id }) => id),
    5_000,
  );
  t.match(pathFrom(run.report(), "n1"), { verdict: "pass", coverage: "11/100" });
});

t.test("of alternatives one open port is enough", async (t) => {
  const run = new Run({ flows: [flowOf("mail", { anyOf: [25, 587] })] }).joined();
  run.sees("n1", (port) => (port === 25 ? dropped : {})).sees("n2", () => dropped);
  const [one, none] = run.report().paths;
  t.match(one, { verdict: "pass", reason: "reachable", anyOf: true, evidence: { source: { port: 587 } } });
  t.strictSame(
    one?.intervals?.map(({ ports, verdict }) => `${ports} ${verdict}`),
    ["25 fail", "587 pass"],
  );
  t.match(none, { verdict: "fail", reason: "dropped" });
});

t.test("a configurable port is reported as the one that was chosen", async (t) => {
  const configurable = { option: "gateway", recommended: 443 };
  const spec = { options: { gateway: { description: "Port", type: "port" as const } } };
  const recommended = new Run({ ...spec, flows: [flowOf("web", { configurable })] }).joined();
  t.match(pathFrom(recommended.report(), "n1"), { ports: "443", coverage: "0/1" });
  const chosen = { gateway: { description: "Port", type: "port" as const, default: 8_443 } };
  const own = new Run({ options: chosen, flows: [flowOf("web", { configurable })] })
    .joined()
    .sees("n1")
    .sees("n2");
  const path = pathFrom(own.report(), "n1");
  t.match(path, { ports: "8443", verdict: "pass", evidence: { source: { port: 8_443 } } });
  t.notOk("anyOf" in path);
});

t.test("of alternatives that must be closed every one must be", async (t) => {
  const flow = flowOf("installer", { anyOf: [4_000, 4_001], phase: "install", closed: { after: "install" } });
  const run = new Run({ flows: [flow] }, pair, "runtime")
    .joined()
    .sees("n1", (port) => (port === 4_000 ? dropped : {}))
    .sees("n2", () => dropped);
  const [there, back] = run.report().paths;
  t.match(there, {
    expected: "closed",
    verdict: "fail",
    reason: "exposed",
    evidence: { source: { port: 4_001 } },
  });
  t.match(back, { expected: "closed", verdict: "pass", reason: "blocked-as-required" });
});

t.test("of several addresses the worst decides, and the evidence names it", async (t) => {
  const nodes = [
    { name: "n1", addresses: ["10.0.0.1", "fd00::1"], roles: ["peer"] },
    { name: "n2", addresses: ["10.0.0.2", "fd00::2"], roles: ["peer"] },
  ];
  const run = new Run({ flows: [flowOf("gossip")] }, nodes).joined().sees("n2");
  run.sees("n1", (_port, { address }) => (address === "fd00::2" ? dropped : { rttMs: 0.5 }));
  t.match(pathFrom(run.report(), "n1"), {
    verdict: "fail",
    reason: "dropped",
    coverage: "1/1",
    rttMs: 0.5,
    evidence: { source: { address: "fd00::2", outcome: "silent" } },
  });
});

t.test("a port counts as covered once it was probed on every address", async (t) => {
  const nodes = [
    { name: "n1", addresses: ["10.0.0.1", "fd00::1"], roles: ["peer"] },
    { name: "n2", addresses: ["10.0.0.2", "fd00::2"], roles: ["peer"] },
  ];
  const run = new Run({ flows: [flowOf("gossip")] }, nodes).joined();
  run.sees("n1", (_port, { address }) => (address === "fd00::2" ? undefined : {}));
  t.match(pathFrom(run.report(), "n1"), { verdict: "unknown", reason: "never-probed", coverage: "0/1" });
});

t.test("nodes without a common address family have an unknown path, not a green one", async (t) => {
  const nodes = [
    { name: "n1", address: "10.0.0.1", roles: ["peer"] },
    { name: "n2", address: "fd00::2", roles: ["peer"] },
  ];
  const report = new Run({ flows: [flowOf("gossip")] }, nodes).joined().sees("n1").sees("n2").report();
  t.match(report.paths, [
    { verdict: "unknown", reason: "never-probed", coverage: "0/1" },
    { verdict: "unknown", reason: "never-probed", coverage: "0/1" },
  ]);
  t.strictSame([...Errors(ReportSchema, report)], []);
});

t.test("a source address that a NAT changed is noted, one of the node's own is not", async (t) => {
  const proof = (seenAddress: string) => ({
    proof: { node: 1, port: 9_000, seenAddress, seenPort: 40_000, clientVerified: false },
  });
  const seenAs = (address: string) =>
    pathFrom(
      new Run({ flows: [flowOf("gossip")] })
        .joined()
        .sees("n1", () => proof(address))
        .report(),
      "n1",
    );
  t.match(seenAs("192.0.2.1"), { verdict: "pass", evidence: { source: { seenAs: "192.0.2.1" } } });
  t.equal(seenAs("10.0.0.1").evidence.source.seenAs, undefined);
  t.equal(seenAs("").evidence.source.seenAs, undefined);
});

t.test("an answer of another node names who answered", async (t) => {
  const proof = (node: number, port: number) => ({
    proof: { node, port, seenAddress: "10.0.0.1", seenPort: 40_000, clientVerified: false },
  });
  const answeredBy = (node: number, port: number) =>
    pathFrom(
      new Run({ flows: [flowOf("gossip")] }, nodesOf(["peer"], ["peer"]))
        .joined()
        .sees("n1", () => proof(node, port))
        .report(),
      "n1",
    );
  t.match(answeredBy(0, 9_000), {
    reason: "misrouted",
    evidence: { source: { answeredBy: { node: "n1", port: 9_000 } } },
  });
  t.match(answeredBy(1, 9_443), {
    reason: "misrouted",
    evidence: { source: { answeredBy: { node: "n2", port: 9_443 } } },
  });
  t.match(answeredBy(77, 9_000), {
    reason: "misrouted",
    evidence: { source: { answeredBy: { node: "#77", port: 9_000 } } },
  });
});

t.test("a redirect that the spec declares is reachable, and says where it led", async (t) => {
  const proof = { node: 1, port: 8_022, seenAddress: "10.0.0.1", seenPort: 40_000, clientVerified: false };
  const run = new Run({ flows: [flowOf("web", { ports: 443, redirectTo: 8_022 })] })
    .joined()
    .sees("n1", () => ({ proof }));
  t.match(pathFrom(run.report(), "n1"), {
    verdict: "pass",
    reason: "reachable",
    evidence: { source: { answeredBy: { node: "n2", port: 8_022 } } },
  });
});

t.test("what is local to a host is judged by what it holds on loopback, and open is exposed", async (t) => {
  const run = (exceptions: ListenerException[], look: Parameters<Run["sees"]>[1]): Report => {
    const made = new Run({ flows: [flowOf("control", { scope: "localhost" })] });
    made.join("n1");
    made.join("n2", exceptions);
    return made.sees("n1", look).sees("n2").report();
  };
  const shut = (report: Report) => report.paths.find(({ from, to }) => from === "n1" && to === "n2");
  const elsewhere = (_port: number, { to }: Plan["targets"][number]) => (to === 1 ? refused : {});
  t.match(shut(run([], elsewhere)), {
    expected: "closed",
    verdict: "pass",
    reason: "blocked-as-required",
    evidence: { source: { address: "10.0.0.2" }, target: { listener: "bound" } },
  });
  t.match(shut(run([], () => ({ outcome: "wrong-answer" }))), { verdict: "fail", reason: "exposed" });
  const denied = { transport: "tcp", address: "127.0.0.1", port: 9_000, state: "denied" } as const;
  t.match(
    shut(run([denied], elsewhere)),
    { verdict: "unknown", reason: "denied" },
    "nothing was tested where nobody held it",
  );
});

t.test("what the far end held is in the evidence, and decides", async (t) => {
  const at = { transport: "tcp", address: "10.0.0.2", port: 9_000 } as const;
  const cases: [ListenerException, object][] = [
    [
      { ...at, state: "occupied", owner: "java (pid 812)" },
      {
        verdict: "pass",
        reason: "served",
        evidence: { target: { agent: "alive", listener: "occupied", owner: "java (pid 812)" } },
      },
    ],
    [
      { ...at, state: "denied", detail: "EACCES" },
      {
        verdict: "unknown",
        reason: "denied",
        evidence: { target: { listener: "denied", detail: "EACCES" } },
      },
    ],
    [
      { ...at, state: "absent" },
      { verdict: "unknown", reason: "not-listening", evidence: { target: { listener: "absent" } } },
    ],
  ];
  for (const [exception, expected] of cases) {
    const run = new Run({ flows: [flowOf("gossip")] });
    run.join("n1");
    run.join("n2", [exception], 0);
    const report = run.sees("n1", () => ({ outcome: "wrong-answer", detail: "SSH-2.0" })).report();
    t.match(pathFrom(report, "n1"), expected, exception.state);
    t.strictSame(report.nodes[1]?.listeners, {
      bound: 0,
      occupied: 0,
      denied: 0,
      absent: 0,
      [exception.state]: 1,
    });
  }
});

t.test(
  "a node without an agent leaves its paths unknown, and the report says that it is missing",
  async (t) => {
    const run = new Run({ flows: [flowOf("gossip")] });
    run.join("n1");
    const report = run.report();
    t.equal(report.nodes[1]?.agent, null);
    t.match(pathFrom(report, "n1"), {
      verdict: "unknown",
      reason: "agent-missing",
      evidence: { target: { agent: "missing" } },
    });
    t.match(
      pathFrom(report, "n2"),
      { verdict: "unknown", reason: "agent-missing", evidence: { target: { agent: "alive" } } },
      "also those that it should have probed",
    );
    t.equal(report.summary.verdict, "unknown");
  },
);

t.test("an agent that left is said to be gone", async (t) => {
  const run = new Run({ flows: [flowOf("gossip")] })
    .joined()
    .sees("n1", () => ({ outcome: "unreachable", phase: "connect", code: "EHOSTUNREACH", elapsedMs: 3_060 }));
  run.membership.lost(run.membership.member(1)!, "close");
  const report = run.report();
  t.equal(report.nodes[1]?.agent?.state, "gone");
  t.match(pathFrom(report, "n1"), {
    verdict: "fail",
    reason: "node-down",
    evidence: { target: { agent: "gone" } },
  });
});

t.test("the round-trip time of a path is the median of its answered probes", async (t) => {
  const rtt = (ports: string, msOf: (port: number) => number) =>
    pathFrom(
      new Run({ flows: [flowOf("gossip", { ports })] })
        .joined()
        .sees("n1", (port) => ({ rttMs: msOf(port) }))
        .report(),
      "n1",
    ).rttMs;
  t.equal(
    rtt("9000-9004", (port) => [1, 50, 2, 3, 100][port - 9_000]!),
    3,
  );
  t.equal(
    rtt("9000-9003", (port) => [4, 1, 2, 3][port - 9_000]!),
    2,
    "the lower of two",
  );
  t.equal(
    rtt("9000", () => 0.123),
    0.123,
  );
});

t.test("the summary counts paths, and the worst of them gives it its verdict", async (t) => {
  const flows = [flowOf("good"), flowOf("extra", { ports: 9_001, level: "optional" })];
  const verdictWith = (look: Parameters<Run["sees"]>[1]) =>
    new Run({ flows }).joined().sees("n1", look).sees("n2").report().summary;
  t.match(
    verdictWith(() => ({})),
    { paths: 4, pass: 4, probes: 4, verdict: "pass" },
  );
  t.match(
    verdictWith((port) => (port === 9_001 ? dropped : {})),
    { pass: 3, fail: 1, verdict: "warn" },
    "an optional path that fails is a warning",
  );
  t.match(
    verdictWith((port) => (port === 9_000 ? dropped : {})),
    { pass: 3, fail: 1, verdict: "fail" },
  );
  t.match(
    verdictWith(() => undefined),
    { pass: 2, unknown: 2, probes: 2, verdict: "unknown" },
  );
});

t.test("a plan without a path proves nothing", async (t) => {
  t.match(new Run({ flows: [] }).joined().report().summary, { paths: 0, verdict: "unknown" });
});

t.test("an interrupted run is reported as such, with its statements", async (t) => {
  const run = new Run({
    roles: { peer: {}, gateway: {} },
    flows: [flowOf("gossip"), flowOf("out", { to: ["gateway"] })],
  }).joined();
  const report = run.report({ interrupted: true });
  t.ok(report.interrupted);
  t.match(report.statements, [{ row: "out", why: "no node has the role gateway", applies: true }]);
  t.equal(report.summary.statements, 1);
});
