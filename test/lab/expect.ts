/** Compares what a report finds with what was broken, whole: what is not expected must be green. */
import type { Report } from "../../shared/report.ts";
import { findings } from "./check.ts";

interface Test {
  strictSame(found: unknown, wanted: unknown, ...message: [string]): boolean;
  comment(...lines: [string]): void;
}

/** On a difference, the evidence of the paths in question is printed with it. */
export function expectFindings(t: Test, report: Report, expected: readonly string[], message?: string): void {
  const found = findings(report);
  if (t.strictSame(found, expected.toSorted(), message ?? "exactly what was broken is found")) return;
  const differing = new Set(
    [...found, ...expected]
      .filter((line) => found.includes(line) !== expected.includes(line))
      .map((line) => line.split(" ").slice(0, 2).join(" ")),
  );
  for (const path of report.paths) {
    const name = `${path.from}>${path.to} ${path.flow}`;
    if (!differing.has(name)) continue;
    const { reason, rttMs, intervals, evidence } = path;
    t.comment(`${name} ${JSON.stringify({ reason, rttMs, intervals, evidence })}`);
  }
}
