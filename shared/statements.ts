/** Rows that this check does not probe: they are said, each with the reason, instead of being dropped in silence. */
import { isOver, missingRoles, onlyForInstallation, type SpecScope } from "./plan-rows.ts";
import { rowSections, type Endpoint, type Flow, type Requirement, type Row } from "./spec.ts";
import { conditionHolds, describeCondition } from "./spec-options.ts";

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
interface PlanFacts {
  /** Sections that the user left out. */
  skip: readonly string[];
  /** Rows with hosts to visit, as `endpoints/name`, `flows/name` or `requirements/name`. */
  plannedEndpoints: ReadonlySet<string>;
  /** Why a requirement is not checked, by its name. */
  unplannedRequirements: ReadonlyMap<string, string>;
  /** Names of the flows for which something is probed. */
  plannedFlows: ReadonlySet<string>;
  /** Whether some node stands outside of the cluster. */
  hasVantage: boolean;
}

export function statementsOf(scope: SpecScope, facts: PlanFacts): Statement[] {
  const { spec, options } = scope;
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
          ? reasonsNotProbed(scope, row as Flow, facts)
          : section === "endpoints"
            ? reasonsNotVisited(scope, row as Endpoint, facts)
            : reasonsNotChecked(row as Requirement, facts);
      return reasons.length === 0 ? [] : [statement(section, row, reasons.join("; "))];
    }),
  );
}

function reasonsNotVisited(scope: SpecScope, row: Endpoint, facts: PlanFacts): string[] {
  if (facts.skip.includes("endpoints")) return ["endpoints were left out of this check"];
  if (facts.plannedEndpoints.has(`endpoints/${row.name}`)) return [];
  if (isOver(row, scope.phase)) return [onlyForInstallation];
  const missing = missingRoles(scope, row.from);
  if (missing.length === row.from.length) return missing;
  if (row.supplied !== undefined && scope.options[row.supplied.option] === undefined)
    return [`the cluster file does not name the host: set the option ${row.supplied.option}`];
  return [
    `before the installation nobody answers there for ${row.to?.join(" and ") ?? "it"}: check it with --phase runtime`,
  ];
}

function reasonsNotChecked(row: Requirement, facts: PlanFacts): string[] {
  if (facts.skip.includes("requirements")) return ["requirements were left out of this check"];
  return [facts.unplannedRequirements.get(row.name) ?? []].flat();
}

/** Why a flow is not probed at all, or which part of it is not. */
function reasonsNotProbed(scope: SpecScope, flow: Flow, facts: PlanFacts): string[] {
  if (isProbedOutside(flow, facts)) return missingRoles(scope, flow.from);
  if (isOver(flow, scope.phase) && flow.closed?.after !== "install") return [onlyForInstallation];
  const missing = [...missingRoles(scope, flow.from), ...missingRoles(scope, flow.to)];
  const wasUnseen = flow.closed?.from === "outside" && !facts.hasVantage;
  return [
    ...missing,
    ...(missing.length > 0 ? waysWithoutAgent(flow, facts) : []),
    ...(missing.length === 0 && !facts.plannedFlows.has(flow.name)
      ? ["only one node has its roles, so there is no pair to probe"]
      : []),
    ...(wasUnseen
      ? ["that it is shut for traffic from outside was not tested: no agent stands outside the cluster"]
      : []),
  ];
}

/** Hosts outside that stand for the far role. */
function isProbedOutside(flow: Flow, { plannedEndpoints }: PlanFacts): boolean {
  return (
    plannedEndpoints.has(`flows/${flow.name}`) ||
    flow.endpoints?.some((name) => plannedEndpoints.has(`endpoints/${name}`)) === true
  );
}

/** What else would have shown a flow to a role that has no agent. */
function waysWithoutAgent(flow: Flow, { skip }: PlanFacts): string[] {
  if (flow.supplied === undefined && flow.endpoints === undefined) return [];
  if (skip.includes("endpoints")) return ["endpoints were left out of this check"];
  return flow.supplied === undefined
    ? []
    : [`the cluster file names no host for it either: set the option ${flow.supplied.option}`];
}
