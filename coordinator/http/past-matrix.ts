/** The matrix of a past moment, by the plan of that time. */
import { LiveMatrix } from "../watch/live-matrix.ts";
import type { WatchCoordinator } from "../watch/watch-coordinator.ts";
import { planFrom } from "../public-plan.ts";

export async function pastMatrix(
  { journal }: WatchCoordinator,
  moment: number,
): Promise<{ matrix: LiveMatrix; version: number } | undefined> {
  const past = await journal.at(moment);
  const plan = past === undefined ? undefined : planFrom(past.plan);
  if (past === undefined || plan === undefined) return undefined;
  const matrix = new LiveMatrix(plan, past.codes);
  for (const { index, name } of plan.nodes) matrix.setStale(index, past.stale.has(name));
  return { matrix, version: past.planVersion };
}
