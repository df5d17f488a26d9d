/** Makes the plan files of a check without a coordinator: one a node, from an authority that nobody keeps. */
import { randomBytes } from "node:crypto";
import type { Cluster } from "../shared/cluster-file.ts";
import { createKeyPair } from "../shared/key-pair.ts";
import { certificateName } from "../shared/link.ts";
import type { CheckPhase, Skippable } from "../shared/names.ts";
import type { OfflinePlan } from "../shared/offline.ts";
import { makePlan } from "../shared/plan.ts";
import { Authority } from "./authority.ts";
import { inspectOrder, isInspected } from "./inspect-order.ts";
import { publicPlanOf } from "./public-plan.ts";
import { wireAssignment, wireTarget, wireThresholds } from "./wire-plan.ts";

type InspectOrder = NonNullable<OfflinePlan["inspect"]>;

export interface OfflinePlans {
  /** In PEM: what a merge may be told to insist on. */
  authority: string;
  /** By the names of the nodes. */
  plans: ReadonlyMap<string, OfflinePlan>;
}

export async function makeOfflinePlans(
  cluster: Cluster,
  phase: CheckPhase,
  skip: readonly Skippable[],
  validMs: number,
  now: Date,
): Promise<OfflinePlans> {
  const plan = makePlan(cluster, phase, skip);
  const authority = await Authority.create(now, validMs);
  const epoch = { id: randomBytes(4).readUInt32BE(0), secret: randomBytes(32).toString("base64url") };
  const publicPlan = publicPlanOf(cluster, phase, skip);
  const targetsByNode = Map.groupBy(plan.targets, ({ from }) => from);
  const plans = new Map<string, OfflinePlan>();
  for (const node of plan.nodes) {
    const keys = createKeyPair();
    plans.set(node.name, {
      apiVersion: "portmesh/v1",
      kind: "OfflinePlan",
      version: 1,
      validUntil: new Date(now.getTime() + validMs).toISOString(),
      plan: publicPlan,
      epoch,
      certificate: await authority.certify(keys.publicKey, certificateName(node.name), now),
      privateKey: keys.privateKey,
      authority: authority.certificatePem,
      ...(wireAssignment(plan, node) as Pick<OfflinePlan, "node" | "cluster" | "nodes" | "listeners">),
      timeoutMs: cluster.probing.timeoutMs,
      ...(isInspected(plan)
        ? { inspect: inspectOrder(plan, node.index, cluster.outside) as InspectOrder }
        : {}),
      ...wireThresholds(plan.thresholds),
      targets: (targetsByNode.get(node.index) ?? []).map((target) => wireTarget(plan, target)),
    });
  }
  return { authority: authority.certificatePem, plans };
}
