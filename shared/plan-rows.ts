/** Which rows of a spec a check asks for, of which nodes, and on which ports. */
import type { CheckPhase } from "./names.ts";
import { parsePorts, type PortSet, type PortsText } from "./ports.ts";
import type { Flow, ProductSpec, Row } from "./spec.ts";
import { conditionHolds, type OptionValues } from "./spec-options.ts";

/** The roles of each node in one spec, by the node's position. */
export type Roles = readonly ReadonlySet<string>[];

/** What a check knows of one of its specs while it plans. */
export interface SpecScope {
  spec: ProductSpec;
  options: OptionValues;
  phase: CheckPhase;
  rolesOf: Roles;
}

/** Positions of the nodes that have one of the roles. */
export function having(roles: readonly string[], rolesOf: Roles): number[] {
  return rolesOf.flatMap((own, index) => (hasOneOf(roles, own) ? [index] : []));
}

export function hasOneOf(roles: readonly string[], own: ReadonlySet<string>): boolean {
  return roles.some((role) => own.has(role));
}

/** Whether a node with these roles stands outside of the cluster, as far as one spec is concerned. */
export function isOutside({ roles }: ProductSpec, own: ReadonlySet<string>): boolean {
  return own.size > 0 && [...own].every((role) => roles[role]?.place === "outside");
}

export const onlyForInstallation = "it is needed for the installation only";

/** What is for the installation only is over at runtime. */
export function isOver(row: Row, phase: CheckPhase): boolean {
  return phase === "runtime" && row.phase === "install";
}

export function applies(row: Row, { options, phase }: SpecScope): boolean {
  return conditionHolds(row.when, options) && !isOver(row, phase);
}

/** Why the roles of a row have no node, a sentence each. */
export function missingRoles({ spec, rolesOf }: SpecScope, roles: readonly string[]): string[] {
  return roles
    .filter((role) => having([role], rolesOf).length === 0)
    .map((role) =>
      spec.roles[role]?.place === "outside"
        ? `no agent stands outside the cluster as ${role}`
        : `no node has the role ${role}`,
    );
}

/** The ports of a flow under these options: a configurable one is the user's or the recommended. */
export function portsOf(row: Pick<Flow, "ports" | "anyOf" | "configurable">, options: OptionValues): PortSet {
  if (row.configurable !== undefined) {
    const chosen = options[row.configurable.option];
    const port = typeof chosen === "number" ? chosen : row.configurable.recommended;
    return [[port, port]];
  }
  const parsed = parsePorts((row.anyOf ?? row.ports) as PortsText);
  if (typeof parsed === "string") throw new Error(`a checked spec has the ports ${parsed}`);
  return parsed;
}
