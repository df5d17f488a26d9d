/** Reports and paths by hand, for what is made from them: sentences, exit codes and views. */
import type { EndpointAttempt, TlsFacts } from "../../shared/endpoint-report.ts";
import type {
  Report,
  ReportEndpoint,
  ReportNode,
  ReportPath,
  ReportRequirement,
} from "../../shared/report.ts";

/** A path n1 to n2, tcp/9042, that passes, but for what `parts` says. */
export function pathOf(parts: Partial<ReportPath> = {}): ReportPath {
  return {
    from: "n1",
    to: "n2",
    spec: "made-up",
    flow: "cql",
    level: "required",
    transport: "tcp",
    protocol: "tcp",
    ports: "9042",
    expected: "open",
    verdict: "pass",
    reason: "reachable",
    rttMs: 0.412,
    coverage: "1/1",
    doc: "ports:10",
    evidence: {
      source: {
        outcome: "open",
        phase: "answer",
        elapsedMs: 0.6,
        attempts: 1,
        port: 9042,
        address: "10.0.0.2",
      },
      target: { agent: "alive", listener: "bound" },
    },
    ...parts,
  };
}

export function nodeOf(name: string, parts: Partial<ReportNode> = {}): ReportNode {
  const address = `10.0.0.${name.slice(1)}`;
  return {
    name,
    address,
    addresses: [address],
    roles: ["peer"],
    agent: { version: "0.1.0", host: `host-${name}`, state: "alive" },
    listeners: { bound: 3, occupied: 0, denied: 0, absent: 0 },
    ...parts,
  };
}

/** A report of these paths between n1, n2 and n3; the summary is counted. */
export function reportOf(paths: ReportPath[], parts: Partial<Report> = {}): Report {
  const count = (verdict: string): number => paths.filter((path) => path.verdict === verdict).length;
  const verdict = (["fail", "unknown", "warn", "pass"] as const).find((each) => count(each) > 0) ?? "unknown";
  const { statements = [] } = parts;
  return {
    apiVersion: "portmesh/v1",
    kind: "Report",
    cluster: "prod",
    specs: [{ id: "made-up", version: "1.0.0" }],
    phase: "install",
    startedAt: "2026-11-21T06:00:00.000Z",
    finishedAt: "2026-11-21T06:00:09.840Z",
    interrupted: false,
    summary: {
      paths: paths.length,
      pass: count("pass"),
      warn: count("warn"),
      fail: count("fail"),
      unknown: count("unknown"),
      probes: 1_236,
      endpoints: { pass: 0, warn: 0, fail: 0, unknown: 0 },
      requirements: { pass: 0, warn: 0, fail: 0, unknown: 0 },
      statements: statements.filter(({ applies }) => applies).length,
      verdict,
    },
    nodes: [nodeOf("n1"), nodeOf("n2"), nodeOf("n3")],
    paths,
    endpoints: [],
    requirements: [],
    statements,
    causes: [],
    ...parts,
  };
}

/** Node n1 at updates.example.com, tcp/443, that passes, but for what `parts` says. */
export function endpointOf(parts: Partial<ReportEndpoint> = {}): ReportEndpoint {
  const attempt = attemptOf();
  return {
    from: "n1",
    spec: "made-up",
    section: "endpoints",
    row: "updates",
    level: "required",
    host: "updates.example.com",
    transport: "tcp",
    ports: "443",
    anyOf: false,
    application: "https",
    route: "direct",
    verdict: "pass",
    reason: "served",
    rttMs: 12.5,
    doc: "ports:30",
    evidence: {
      agent: "alive",
      decisive: attempt,
      attempts: [attempt],
      resolution: { resolvers: ["10.0.0.53"], addresses: [attempt.address], elapsedMs: 3 },
    },
    ...parts,
  };
}

/** An HTTPS server of the right authority that answers 403. */
export function attemptOf(parts: Partial<EndpointAttempt> = {}): EndpointAttempt {
  return {
    route: "direct",
    address: "192.0.2.10",
    port: 443,
    kind: "open",
    phase: "answer",
    elapsedMs: 40,
    rttMs: 12.5,
    attempts: 1,
    exchange: "http",
    status: 403,
    tls: tlsOf(),
    ...parts,
  };
}

export function tlsOf(parts: Partial<TlsFacts> = {}): TlsFacts {
  return {
    protocol: "TLSv1.3",
    trust: "public",
    subject: "CN=updates.example.com",
    issuers: ["CN=Example CA 1", "CN=Example Root"],
    names: ["updates.example.com"],
    notAfter: Date.parse("2027-06-01T00:00:00Z"),
    key: "sha256/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=",
    selfSigned: false,
    ...parts,
  };
}

/** A setting of n1 that is met, but for what `parts` says. */
export function requirementOf(parts: Partial<ReportRequirement> = {}): ReportRequirement {
  return {
    spec: "made-up",
    name: "ip-forward",
    kind: "sysctl",
    level: "required",
    node: "n1",
    verdict: "pass",
    reason: "met",
    expected: "1",
    actual: "1",
    from: "/proc/sys/net/ipv4/ip_forward",
    text: "Packets are forwarded.",
    doc: "ports:40",
    ...parts,
  };
}
