/** The registry of requirement checks: a new kind is one file and one line here. */
import type { Requirement } from "../spec.ts";
import { noFactNeeds, type FactNeeds } from "../node-facts.ts";
import { bandwidth } from "./bandwidth.ts";
import { latency } from "./latency.ts";
import type { PlannedRequirement, RequirementCheck } from "./requirement-check.ts";

const checks: Readonly<Partial<Record<Requirement["kind"], RequirementCheck>>> = {
  bandwidth,
  latency,
};

/** Undefined where people have to confirm it: the row says so itself, or nothing here knows its kind. */
export function checkFor(row: Requirement): RequirementCheck | undefined {
  return row.stated === undefined ? checks[row.kind] : undefined;
}

/** What has to be read on the nodes that a requirement is about. */
export function factNeedsOf(planned: PlannedRequirement): FactNeeds {
  return { ...noFactNeeds, ...checkFor(planned.row)?.needs?.(planned) };
}
