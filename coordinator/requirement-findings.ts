/** Judges every requirement of the plan, and what every node needs whatever the product. */
import { bandwidthNeeds } from "../shared/requirements/bandwidth.ts";
import { hostChecks, hostSpec } from "../shared/requirements/host-checks.ts";
import { checkFor } from "../shared/requirements/index.ts";
import type { PlannedRequirement, RequirementContext } from "../shared/requirements/requirement-check.ts";
import type { ReportRequirement } from "../shared/report.ts";
import type { Statement } from "../shared/statements.ts";

export interface JudgedRequirements {
  requirements: ReportRequirement[];
  /** Those that only people can confirm, after all. */
  statements: Statement[];
}

export function judgeRequirements(
  planned: readonly PlannedRequirement[],
  context: RequirementContext,
  withoutStreams: string | undefined,
): JudgedRequirements {
  const judged: JudgedRequirements = { requirements: [], statements: [] };
  for (const each of planned) {
    const { spec, row } = each;
    if (withoutStreams !== undefined && bandwidthNeeds([each]).length > 0) {
      judged.statements.push(statement(each, withoutStreams));
      continue;
    }
    const findings = checkFor(row)!.judge(each, {
      ...context,
      endpoints: context.endpoints.filter((endpoint) => endpoint.spec === spec),
      paths: context.paths.filter((path) => path.spec === spec),
    });
    if (Array.isArray(findings)) {
      const { name, kind, level, description: text, doc } = row;
      judged.requirements.push(
        ...findings.map((finding) => ({ spec, name, kind, level, text, doc, ...finding })),
      );
    } else {
      judged.statements.push(statement(each, findings.stated));
    }
  }
  return judged;
}

/** What every node needs, whatever the product. A host that is not ideal is a warning. */
export function judgeHosts(context: RequirementContext): ReportRequirement[] {
  const checksOf = hostChecks(context);
  return context.nodes.flatMap((node) =>
    checksOf(node).map((finding) => ({ spec: hostSpec, level: "optional" as const, ...finding })),
  );
}

function statement({ spec, row }: PlannedRequirement, why: string): Statement {
  const text = `${row.description} Expected: ${row.expected}.`;
  return { spec, section: "requirements", row: row.name, text, doc: row.doc, why, applies: true };
}
