/** Judges every path of the plan by what both ends reported, and lays the result out as a report. */
import { worse, type Verdict } from "../shared/names.ts";
import type { Plan, PlannedNode } from "../shared/plan.ts";
import type { Report, ReportNode } from "../shared/report.ts";
import type { RequirementContext } from "../shared/requirements/requirement-check.ts";
import { tally, weighed, type VerdictTally } from "../shared/verdict-counts.ts";
import type { Attendance } from "./attendance.ts";
import { reportEndpoints } from "./endpoint-findings.ts";
import type { Inspected } from "./inspected.ts";
import type { Observations } from "./observations.ts";
import { reportPath } from "./path-findings.ts";
import { judgeHosts, judgeRequirements } from "./requirement-findings.ts";

export interface RunFacts {
  startedAt: Date;
  finishedAt: Date;
  interrupted: boolean;
  /** Where the product should be running: a port that nothing holds is `closed`. */
  serviceExpected: boolean;
  /** What was found out beside the probes between nodes. */
  inspected: Inspected;
}

export function buildReport(
  plan: Plan,
  observations: Observations,
  attendance: Attendance,
  facts: RunFacts,
): Report {
  const paths = plan.paths.map((path) =>
    reportPath(path, plan, observations, attendance, facts.serviceExpected),
  );
  const endpoints = reportEndpoints(plan, facts.inspected, attendance, facts.finishedAt);
  const { inspected } = facts;
  const context: RequirementContext = {
    phase: plan.phase,
    now: facts.finishedAt,
    thresholds: plan.thresholds,
    proxies: plan.routes,
    nodes: plan.nodes,
    facts: inspected.facts,
    clock: inspected.clock,
    bandwidth: inspected.bandwidth,
    endpoints,
    paths,
  };
  const judged = judgeRequirements(plan.requirements, context, inspected.withoutStreams);
  const ofHosts = plan.skip.includes("requirements") ? [] : judgeHosts(context);
  const requirements = [...judged.requirements, ...ofHosts];
  const counted = [...paths, ...endpoints, ...requirements].map(weighed);
  const stated = [...plan.statements, ...judged.statements];
  return {
    ...reportHead(plan, facts),
    summary: {
      paths: paths.length,
      ...countsOf(paths),
      probes: observations.progress.done,
      endpoints: countsOf(endpoints),
      requirements: countsOf(requirements),
      statements: stated.filter(({ applies }) => applies).length,
      ...(observations.fullSweepMs === 0 ? {} : { fullSweepMs: Math.round(observations.fullSweepMs) }),
      verdict: counted.reduce<Verdict>(worse, counted.length === 0 ? "unknown" : "pass"),
    },
    nodes: plan.nodes.map((node) => reportNode(node, attendance)),
    paths,
    endpoints,
    requirements,
    statements: stated,
    causes: [],
  };
}

/** Of what the report is, and of which time. */
export function reportHead(
  { cluster, specs, phase }: Plan,
  { startedAt, finishedAt, interrupted }: Pick<RunFacts, "startedAt" | "finishedAt" | "interrupted">,
): Omit<Report, "summary" | "nodes" | "paths" | "endpoints" | "requirements" | "statements" | "causes"> {
  return {
    apiVersion: "portmesh/v1",
    kind: "Report",
    cluster,
    specs: specs.map(({ id, version }) => ({ id, version })),
    phase,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    interrupted,
  };
}

function countsOf(judged: readonly { verdict: Verdict }[]): VerdictTally {
  return tally(judged.map(({ verdict }) => verdict));
}

export function reportNode(node: PlannedNode, attendance: Attendance): ReportNode {
  const member = attendance.member(node.index);
  const { bound, occupied, denied, absent } = member?.listening?.counts ?? {
    bound: 0,
    occupied: 0,
    denied: 0,
    absent: 0,
  };
  return {
    name: node.name,
    address: node.addresses[0]!,
    addresses: [...node.addresses],
    roles: [...node.roles],
    ...(node.zone === undefined ? {} : { zone: node.zone }),
    agent:
      member === undefined
        ? null
        : {
            version: member.version,
            host: member.host,
            state: member.connected ? "alive" : "gone",
            ...(member.via === undefined ? {} : { via: member.via }),
          },
    listeners: { bound, occupied, denied, absent },
  };
}
