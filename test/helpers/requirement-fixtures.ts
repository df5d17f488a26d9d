/** What becomes of the requirements of a made-up spec: planned by the real plan, judged by the real checks. */
import { defaultThresholds } from "../../shared/cluster-file.ts";
import type { CheckPhase, RouteName } from "../../shared/names.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { planFor, type Plan } from "../../shared/plan.ts";
import type { ReportEndpoint, ReportPath } from "../../shared/report.ts";
import { checkFor } from "../../shared/requirements/index.ts";
import type { RequirementFinding } from "../../shared/requirements/requirement-check.ts";
import type { Requirement } from "../../shared/spec.ts";
import { clusterOf, specOf, type NodeParts, type SpecParts } from "./domain-fixtures.ts";

export interface Situation extends SpecParts {
  requirement: Requirement;
  nodes: NodeParts[];
  choices?: Record<string, unknown>;
  phase?: CheckPhase;
  routes?: RouteName[];
  /** By the name of the node. */
  told?: Record<string, NodeFacts>;
  seen?: ReportEndpoint[];
  paths?: ReportPath[];
}

export const now = new Date("2026-11-21T06:00:00Z");

export function planOf({
  requirement,
  nodes,
  choices = {},
  phase = "runtime",
  routes = [],
  ...parts
}: Situation): Plan {
  const cluster = clusterOf(specOf({ ...parts, requirements: [requirement] }), nodes, choices);
  return planFor({ ...cluster, routes }, phase, []);
}

/** The findings, or the sentence that leaves it to people. */
export function findingsOf(situation: Situation): RequirementFinding[] | string {
  const plan = planOf(situation);
  const [planned] = plan.requirements;
  if (planned === undefined)
    return plan.statements.find(({ section }) => section === "requirements")?.why ?? "nothing is said";
  const { told = {}, seen = [], paths = [], phase = "runtime", routes = [] } = situation;
  const result = checkFor(planned.row)!.judge(planned, {
    phase,
    now,
    thresholds: defaultThresholds,
    proxies: routes,
    nodes: plan.nodes,
    facts: (node) => told[plan.nodes[node]!.name],
    clock: () => undefined,
    bandwidth: () => undefined,
    endpoints: seen,
    paths,
  });
  return "stated" in result ? result.stated : result;
}

/** `n1 pass met: 10.0.0.1`, a line a finding. */
export function linesOf(situation: Situation): string[] | string {
  const findings = findingsOf(situation);
  if (typeof findings === "string") return findings;
  return findings.map(
    ({ node, verdict, reason, actual }) => `${node ?? "cluster"} ${verdict} ${reason}: ${actual}`,
  );
}

export function factsOf(parts: Partial<NodeFacts> = {}): NodeFacts {
  return {
    sysctls: {},
    modules: {},
    interfaces: [],
    descriptors: { soft: 1_024, hard: 4_096 },
    clock: {},
    certificates: [],
    downloads: [],
    ...parts,
  };
}
