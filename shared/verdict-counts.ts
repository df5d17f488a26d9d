/** How many there are of each verdict, and what one weighs beside the others. */
import { verdicts, type Level, type Verdict } from "./names.ts";

export type VerdictTally = Record<Verdict, number>;

export function tally(found: Iterable<Verdict>): VerdictTally {
  const counts = { pass: 0, warn: 0, fail: 0, unknown: 0 };
  for (const verdict of found) counts[verdict] += 1;
  return counts;
}

export function sumOf(counts: VerdictTally): number {
  return verdicts.reduce((sum, verdict) => sum + counts[verdict], 0);
}

/** For the exit code, the whole and a cell of the matrix: what is optional and fails is a warning. */
export function weighed({ level, verdict }: { level: Level; verdict: Verdict }): Verdict {
  return level === "optional" && verdict === "fail" ? "warn" : verdict;
}
