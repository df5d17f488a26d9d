/** From a report to the exit code that pipelines script against. */
import type { Report } from "./report.ts";

export const failOnWords = ["fail", "warn", "incomplete"] as const;
export type FailOn = (typeof failOnWords)[number];

/**
 * The exit code of a finished check: paths, endpoints and requirements. Only required and applying conditional ones decide; an optional one
 * that fails counts as a warning. Who wants to hear of warnings wants to hear of failures too.
 */
export function exitCodeOf(report: Report, failOn: readonly FailOn[]): number {
  const judged = [...report.paths, ...report.endpoints, ...report.requirements];
  const has = (verdict: string, isOptional: boolean): boolean =>
    judged.some((each) => each.verdict === verdict && (each.level === "optional") === isOptional);
  if ((failOn.includes("fail") || failOn.includes("warn")) && has("fail", false)) return 3;
  // A check that had nothing to check has proven nothing.
  const missing = judged.length === 0 || report.nodes.some((node) => node.agent === null);
  if (failOn.includes("incomplete") && (missing || has("unknown", false) || has("unknown", true))) return 5;
  if (failOn.includes("warn") && (has("warn", false) || has("warn", true) || has("fail", true))) return 4;
  return 0;
}
