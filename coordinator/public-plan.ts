/** The part of a plan that may travel in the open, and the plan that is made from it again. */
import { createHash } from "node:crypto";
import type { Cluster } from "../shared/cluster-file.ts";
import type { CheckPhase, Skippable } from "../shared/names.ts";
import type { PublicPlan } from "../shared/offline.ts";
import { makePlan, planFor, type Plan, type PlannedCluster } from "../shared/plan.ts";

export function publicPlanOf(cluster: Cluster, phase: CheckPhase, skip: readonly Skippable[]): PublicPlan {
  // What stands elsewhere in a cluster file, such as where the proxies are, is nobody else's business.
  const { name, nodes, specs, thresholds } = cluster;
  const routes = Object.keys(cluster.outside.proxies);
  const pins = Object.fromEntries(cluster.outside.pins);
  const shown = { name, nodes, specs, thresholds, routes, pins } as unknown as PublicPlan["cluster"];
  return { digest: digestOf(makePlan(cluster, phase, skip)), phase, skip: [...skip], cluster: shown };
}

/** Undefined where this version of the program makes another plan of it. */
export function planFrom({ digest, phase, skip, cluster }: PublicPlan): Plan | undefined {
  const plan = planFor(cluster as unknown as PlannedCluster, phase, skip);
  return digestOf(plan) === digest ? plan : undefined;
}

/** Of what the plan asks, however many nodes it asks it of. */
function digestOf(plan: Plan): string {
  const { cluster, phase, thresholds, specs, routes, skip, nodes, endpoints, requirements, statements } =
    plan;
  const shown = {
    cluster,
    phase,
    thresholds,
    specs,
    routes,
    skip,
    nodes,
    endpoints,
    requirements,
    statements,
  };
  return createHash("sha256")
    .update(JSON.stringify({ ...shown, rows: plan.pairs.distinctRows }))
    .update(plan.pairs.rowsOfPairs)
    .digest("hex");
}
