/** Reports and paths by hand, for what is made from them: sentences, exit codes and views. */
import type { Report, ReportNode, ReportPath } from "../../shared/report.ts";

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
