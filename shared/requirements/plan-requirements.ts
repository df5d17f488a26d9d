/** Which requirements of a spec are checked in a run, of which nodes, and why the others are not. */
import { having, isOver, missingRoles, onlyForInstallation, portsOf, type SpecScope } from "../plan-rows.ts";
import type { Flow, Requirement } from "../spec.ts";
import { conditionHolds } from "../spec-options.ts";
import { checkFor } from "./index.ts";
import type { PlannedRequirement, RequirementSurroundings } from "./requirement-check.ts";

export interface PlannedRequirements {
  planned: readonly PlannedRequirement[];
  /** Of the rows that apply: why not, by the name of the row. */
  unplanned: ReadonlyMap<string, string>;
}

export function planRequirements(
  scope: SpecScope,
  rest: Omit<RequirementSurroundings, "phase">,
): PlannedRequirements {
  const planned: PlannedRequirement[] = [];
  const unplanned = new Map<string, string>();
  for (const row of scope.spec.requirements) {
    if (!conditionHolds(row.when, scope.options)) continue;
    const result = planRequirement(row, scope, { ...rest, phase: scope.phase });
    if (typeof result === "string") unplanned.set(row.name, result);
    else planned.push(result);
  }
  return { planned, unplanned };
}

/** A sentence where it is not checked. */
function planRequirement(
  row: Requirement,
  scope: SpecScope,
  surroundings: RequirementSurroundings,
): PlannedRequirement | string {
  const { spec, options, phase, rolesOf } = scope;
  if (isOver(row, phase)) return onlyForInstallation;
  if (row.stated !== undefined) return row.stated;
  const check = checkFor(row);
  if (check === undefined) return `no probe shows a requirement of the kind ${row.kind}`;
  const how = check.how(row);
  if ("stated" in how) return how.stated;
  if (row.byInstaller === true && phase === "install")
    return "the product's installer sees to it: check it with --phase runtime";
  const on = having(row.on, rolesOf);
  if (on.length === 0 && check.countsNodes?.(row) !== true) return missingRoles(scope, row.on).join("; ");
  const planned: PlannedRequirement = {
    spec: spec.id,
    row,
    on,
    toward: having(row.toward ?? [], rolesOf),
    services: servicesOf(row, on, scope),
    options,
  };
  return check.hindrance?.(planned, surroundings) ?? planned;
}

function servicesOf(
  row: Requirement,
  on: readonly number[],
  { spec, options, rolesOf }: SpecScope,
): PlannedRequirement["services"] {
  const named = row.flows === "all" ? [] : (row.flows ?? []);
  return spec.flows
    .filter((flow) => named.includes(flow.name) && conditionHolds(flow.when, options))
    .flatMap((flow) => {
      const ports = arrivingAt(flow, options);
      return having(flow.to, rolesOf)
        .filter((node) => on.includes(node))
        .map((node) => ({ node, ports }));
    });
}

/** Behind the host's own redirect, which its own connections do not take. */
function arrivingAt(flow: Flow, options: SpecScope["options"]): ReturnType<typeof portsOf> {
  return flow.redirectTo === undefined ? portsOf(flow, options) : [[flow.redirectTo, flow.redirectTo]];
}
