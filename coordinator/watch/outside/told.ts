/** What changed outside of the cluster and in the settings of nodes, as it is kept and told. */
import { codeOf } from "../../../shared/api.ts";
import { explainRequirement } from "../../../shared/explain-requirement.ts";
import type { RequirementContext } from "../../../shared/requirements/requirement-check.ts";
import type { Attendance } from "../../attendance.ts";
import { reportEndpoint, reportEndpoints } from "../../endpoint-findings.ts";
import type { Inspected } from "../../inspected.ts";
import type { KeptTransition } from "../../journal/journal.ts";
import type { WatchedPlan } from "../watched-plan.ts";
import type { EndpointTransition } from "./outside-watch.ts";
import type { RequirementChange } from "./requirement-states.ts";

export function endpointTransitions(
  found: readonly EndpointTransition[],
  { plan, version }: WatchedPlan,
  inspected: Inspected,
  attendance: Attendance,
  now: Date,
): KeptTransition[] {
  return found.map(({ endpoint, at, from, to, isFlapping }) => ({
    at,
    plan: version,
    path: plan.pairs.pathCount + endpoint.id,
    from: plan.nodes[endpoint.from]!.name,
    to: endpoint.host,
    spec: endpoint.spec,
    flow: endpoint.row,
    expected: "open",
    isOutside: true,
    before: codeOf(from.reason),
    after: codeOf(to.reason),
    isFlapping,
    isLate: false,
    evidence: reportEndpoint(endpoint, plan, inspected, attendance, now).evidence,
  }));
}

/** All that requirements are judged by, but for what only a check measures. */
export function requirementContext(
  { plan }: WatchedPlan,
  inspected: Inspected,
  attendance: Attendance,
  now: Date,
): Omit<RequirementContext, "paths" | "bandwidth"> {
  return {
    phase: plan.phase,
    now,
    thresholds: plan.thresholds,
    proxies: plan.routes,
    nodes: plan.nodes,
    facts: inspected.facts,
    clock: inspected.clock,
    endpoints: reportEndpoints(plan, inspected, attendance, now),
  };
}

/** `ip-forward (anypoint-runtime-fabric): pass, now fail: expected 1, found 0 (…)` */
export function requirementChangeText({ before, after }: RequirementChange): string {
  return `${after.name} (${after.spec}): ${before.verdict}, now ${after.verdict}: ${explainRequirement(after)}`;
}
