/** The plan of the small cluster of `journal.ts`. */
import type { Entry } from "../../coordinator/journal/journal.ts";
import { publicPlanOf } from "../../coordinator/public-plan.ts";
import type { PublicPlan } from "../../shared/offline.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "./domain-fixtures.ts";
import { codesOf, flows, nodeNames, start } from "./journal.ts";

export function planOf(digit = "a"): PublicPlan {
  const cluster = clusterOf(
    specOf({ id: "test", flows: flows.map((name) => flowOf(name)) }),
    nodesOf(...nodeNames.map(() => ["peer"])),
  );
  return { ...publicPlanOf(cluster, "runtime", []), digest: digit.repeat(64) };
}

/** A plan with its first snapshot. */
export function beginning(at = start, version = 1): Entry {
  return {
    plan: { version, at, plan: planOf() },
    snapshot: { at, plan: version, codes: codesOf() },
  };
}
