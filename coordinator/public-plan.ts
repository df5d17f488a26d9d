/** The part of a plan that may travel in the open, and the plan that is made from it again. */
import { createHash } from "node:crypto";
import type { Cluster } from "../shared/cluster-file.ts";
import type { CheckPhase } from "../shared/names.ts";
import type { PublicPlan } from "../shared/offline.ts";
import { makePlan, type Plan } from "../shared/plan.ts";

export function publicPlanOf(cluster: Cluster, phase: CheckPhase): PublicPlan {
  // What stands elsewhere in a cluster file, such as proxies, is nobody else's business.
  const { name, nodes, specs, thresholds } = cluster;
  const shown = { name, nodes, specs, thresholds } as unknown as PublicPlan["cluster"];
  return { digest: digestOf(makePlan(cluster, phase)), phase, cluster: shown };
}

/** Undefined where this version of the program makes another plan of it. */
export function planFrom({ digest, phase, cluster }: PublicPlan): Plan | undefined {
  const plan = makePlan(cluster as unknown as Cluster, phase);
  return digestOf(plan) === digest ? plan : undefined;
}

function digestOf(plan: Plan): string {
  return createHash("sha256").update(JSON.stringify(plan)).digest("hex");
}
