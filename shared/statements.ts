/** Rows that this check does not probe: they are said, each with the reason, instead of being dropped in silence. */
import type { ProductSpec, Row } from "./spec.ts";
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

/** `presentRoles` are the roles that some node of the cluster has. */
export function statementsOf(
  spec: ProductSpec,
  options: OptionValues,
  presentRoles: ReadonlySet<string>,
): Statement[] {
  const statement = (section: Statement["section"], row: Row, text: string, why: string, applies = true): Statement => ({
    spec: spec.id,
    section,
    row: row.name,
    text,
    doc: row.doc,
    why,
    applies,
  });
  const leftOut = (section: Statement["section"], row: Row): Statement[] =>
    conditionHolds(row.when, options)
      ? []
      : [statement(section, row, row.description, `applies only where ${describeCondition(row.when!)}`, false)];
  const applying = <R extends Row>(rows: readonly R[]): R[] => rows.filter((row) => conditionHolds(row.when, options));
  return [
    ...spec.flows.flatMap((row) => leftOut("flows", row)),
    ...applying(spec.flows).flatMap((flow) => {
      const why = missingEnd(spec, flow.from, presentRoles) ?? missingEnd(spec, flow.to, presentRoles);
      return why === undefined ? [] : [statement("flows", flow, flow.description, why)];
    }),
    ...spec.endpoints.flatMap((row) => leftOut("endpoints", row)),
    ...applying(spec.endpoints).map((row) => statement("endpoints", row, row.description, "endpoints are not probed by this version")),
    ...spec.requirements.flatMap((row) => leftOut("requirements", row)),
    ...applying(spec.requirements).map((row) =>
      statement("requirements", row, `${row.description} Expected: ${row.expected}.`, "requirements are not measured by this version"),
    ),
  ];
}

function missingEnd(
  spec: ProductSpec,
  roles: readonly string[],
  presentRoles: ReadonlySet<string>,
): string | undefined {
  if (roles.some((role) => presentRoles.has(role))) return undefined;
  const outside = roles.every((role) => spec.roles[role]?.place === "outside");
  const names = roles.join(" or ");
  return outside ? `no agent stands outside the cluster as ${names}` : `no node has the role ${names}`;
}
