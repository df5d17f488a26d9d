/** Rows that this check does not probe: they are said, each with the reason, instead of being dropped in silence. */
import type { CheckPhase } from "./names.ts";
import {
  rowSections,
  type Endpoint,
  type Flow,
  type ProductSpec,
  type Requirement,
  type Row,
} from "./spec.ts";
import { conditionHolds, describeCondition, type OptionValues } from "./spec-options.ts";

export interface Statement {
  spec: string;
  section: "flows" | "endpoints" | "requirements";
  row: string;
  /** What has to be confirmed by other means, in the spec's words. */
  text: string;
  doc: string;
  /** Why this check did not probe it. */
  why: string;
  /** False where the row does not apply under the chosen options. */
  applies: boolean;
}

/** What the plan knows of the cluster that decides which rows it could not probe, or not wholly. */
export interface PlanFacts {
  phase: CheckPhase;
  /** Sections that the user left out. */
  skip: readonly string[];
  /** Rows with hosts to visit, as `endpoints/name` or `flows/name`. */
  plannedEndpoints: ReadonlySet<string>;
  /** Names of the requirements that are checked. */
  plannedRequirements: ReadonlySet<string>;
  /** Roles that some node of the cluster has. */
  presentRoles: ReadonlySet<string>;
  /** Names of the flows for which something is probed. */
  plannedFlows: ReadonlySet<string>;
  /** Whether some node stands outside of the cluster. */
  hasVantage: boolean;
}

export function statementsOf(spec: ProductSpec, options: OptionValues, facts: PlanFacts): Statement[] {
  const statement = (section: Statement["section"], row: Row, why: string, applies = true): Statement => ({
    spec: spec.id,
    section,
    row: row.name,
    text: "expected" in row ? `${row.description} Expected: ${row.expected}.` : row.description,
    doc: row.doc,
    why,
    applies,
  });
  return rowSections.flatMap((section) =>
    spec[section].flatMap((row) => {
      if (!conditionHolds(row.when, options)) {
        return [statement(section, row, `applies only where ${describeCondition(row.when!)}`, false)];
      }
      const reasons =
        section === "flows"
          ? reasonsNotProbed(spec, row as Flow, facts)
          : section === "endpoints"
            ? reasonsNotVisited(spec, row as Endpoint, facts)
            : reasonsNotMeasured(spec, row as Requirement, facts);
      return reasons.length === 0 ? [] : [statement(section, row, reasons.join("; "))];
    }),
  );
}

function reasonsNotVisited(spec: ProductSpec, row: Endpoint, facts: PlanFacts): string[] {
  if (facts.skip.includes("endpoints")) return ["endpoints were left out of this check"];
  if (facts.plannedEndpoints.has(`endpoints/${row.name}`)) return [];
  if (facts.phase === "runtime" && row.phase === "install") return ["it is needed for the installation only"];
  const missing = missingRoles(spec, row.from, facts);
  if (missing.length === row.from.length) return missing;
  return [`the cluster file does not name the host: set the option ${row.supplied?.option ?? ""}`];
}

function reasonsNotMeasured(spec: ProductSpec, row: Requirement, facts: PlanFacts): string[] {
  if (facts.skip.includes("requirements")) return ["requirements were left out of this check"];
  if (facts.plannedRequirements.has(row.name)) return [];
  if (row.stated !== undefined) return [row.stated];
  if (facts.phase === "runtime" && row.phase === "install") return ["it is needed for the installation only"];
  if (facts.phase === "install" && row.byInstaller === true)
    return ["the product's installer sees to it: check it with --phase runtime"];
  const missing = missingRoles(spec, row.on, facts);
  if (missing.length === row.on.length) return missing;
  return [`no probe shows a requirement of the kind ${row.kind}`];
}

/** Why a flow is not probed at all, or which part of it is not. */
function reasonsNotProbed(spec: ProductSpec, flow: Flow, facts: PlanFacts): string[] {
  if (facts.plannedEndpoints.has(`flows/${flow.name}`)) return [];
  const isForInstallationOnly = facts.phase === "runtime" && flow.phase === "install";
  if (isForInstallationOnly && flow.closed?.after !== "install")
    return ["it is needed for the installation only"];
  const missing = [...missingRoles(spec, flow.from, facts), ...missingRoles(spec, flow.to, facts)];
  const wasUnseen = flow.closed?.from === "outside" && !facts.hasVantage;
  return [
    ...missing,
    ...(missing.length === 0 && !facts.plannedFlows.has(flow.name)
      ? ["only one node has its roles, so there is no pair to probe"]
      : []),
    ...(wasUnseen
      ? ["that it is shut for traffic from outside was not tested: no agent stands outside the cluster"]
      : []),
  ];
}

function missingRoles(spec: ProductSpec, roles: readonly string[], { presentRoles }: PlanFacts): string[] {
  return roles
    .filter((role) => !presentRoles.has(role))
    .map((role) =>
      spec.roles[role]?.place === "outside"
        ? `no agent stands outside the cluster as ${role}`
        : `no node has the role ${role}`,
    );
}
