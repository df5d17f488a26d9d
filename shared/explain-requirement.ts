/** Says in one sentence how a requirement stands. The remedy is part of the finding itself. */
import type { ReportRequirement } from "./report.ts";

export function explainRequirement({ expected, actual, from, verdict, remedy }: ReportRequirement): string {
  const where = from === undefined ? "" : ` (${from})`;
  if (verdict === "pass") return `${actual}${where}`;
  const next = remedy === undefined ? "" : `; next: ${remedy}`;
  return `expected ${expected}, found ${actual}${where}${next}`;
}
