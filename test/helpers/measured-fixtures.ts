/** Requirements, and what was found out about three nodes, for tests of what is made of it. */
import { defaultThresholds } from "../../shared/cluster-file.ts";
import type { PlannedRequirement, RequirementContext } from "../../shared/requirements/requirement-check.ts";
import type { Requirement } from "../../shared/spec.ts";
import type { OptionValues } from "../../shared/spec-options.ts";

export function requirementOf(kind: Requirement["kind"], parts: Partial<Requirement> = {}): Requirement {
  return {
    name: `some-${kind}`,
    description: "Made up.",
    doc: "ports:1",
    phase: "both",
    level: "required",
    kind,
    on: ["peer"],
    expected: "as it should be",
    ...parts,
  };
}

export function plannedOf(
  row: Requirement,
  on: readonly number[],
  toward: readonly number[] = [],
  options: OptionValues = {},
): PlannedRequirement {
  return { spec: "made-up", row, on, toward, services: [], options };
}

/** Nodes n1 to n3 at 10.0.0.1 to 10.0.0.3, of which nothing is known but what `parts` says. */
export function contextOf(parts: Partial<RequirementContext> = {}): RequirementContext {
  return {
    phase: "runtime",
    now: new Date("2026-11-21T12:00:00Z"),
    thresholds: defaultThresholds,
    proxies: [],
    nodes: [1, 2, 3].map((number, index) => ({
      index,
      name: `n${number}`,
      addresses: [`10.0.0.${number}`],
      roles: ["peer"],
      zone: undefined,
      listeners: [],
    })),
    facts: () => undefined,
    clock: () => undefined,
    bandwidth: () => undefined,
    endpoints: [],
    paths: [],
    ...parts,
  };
}
