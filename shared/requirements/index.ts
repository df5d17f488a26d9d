/** The registry of requirement checks: a new kind is one file and one line here. */
import type { Requirement } from "../spec.ts";
import type { RequirementCheck } from "./requirement-check.ts";

const checks: Readonly<Partial<Record<Requirement["kind"], RequirementCheck>>> = {};

/** Undefined where people have to confirm it: the row says so itself, or nothing here knows its kind. */
export function checkFor(row: Requirement): RequirementCheck | undefined {
  return row.stated === undefined ? checks[row.kind] : undefined;
}
