/**
 * How the requirements of a watched cluster stand that no path shows: settings of nodes, clocks, certificates. Judged
 * anew when something was read; what changed for better or worse is told.
 */
import type { Plan } from "../../../shared/plan.ts";
import type { ReportRequirement } from "../../../shared/report.ts";
import { checkFor } from "../../../shared/requirements/index.ts";
import type { RequirementContext } from "../../../shared/requirements/requirement-check.ts";
import { judgeHosts, judgeRequirements } from "../../requirement-findings.ts";

export interface RequirementChange {
  before: ReportRequirement;
  after: ReportRequirement;
}

export class RequirementStates {
  #found: readonly ReportRequirement[] = [];
  /** The last finding of each that said anything. */
  readonly #known = new Map<string, ReportRequirement>();

  /** As they were judged last. */
  get found(): readonly ReportRequirement[] {
    return this.#found;
  }

  /** @returns what is otherwise than when it was known last; that nobody knows any more is no change. */
  judge(plan: Plan, context: Omit<RequirementContext, "paths" | "bandwidth">): RequirementChange[] {
    if (plan.skip.includes("requirements")) return [];
    // Bandwidth is none of it either: the plan leaves that out while a cluster is watched.
    const own = plan.requirements.filter(({ row }) => checkFor(row)?.restsOnPaths?.(row) !== true);
    const whole: RequirementContext = { ...context, paths: [], bandwidth: () => undefined };
    const { requirements } = judgeRequirements(own, whole, undefined);
    this.#found = [...requirements, ...judgeHosts(whole)];
    return this.#found.flatMap((after) => {
      if (after.verdict === "unknown") return [];
      const before = this.#known.get(keyOf(after));
      this.#known.set(keyOf(after), after);
      return before === undefined || before.verdict === after.verdict ? [] : [{ before, after }];
    });
  }

  /** Another plan asks for other things. */
  forget(): void {
    this.#found = [];
    this.#known.clear();
  }
}

function keyOf({ spec, name, node, toward }: ReportRequirement): string {
  return JSON.stringify([spec, name, node, toward]);
}
