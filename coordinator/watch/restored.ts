/** What a coordinator knows of the cluster before any agent has told anything: what the one before it has kept. */
import type { Happening } from "../../shared/api.ts";
import type { PublicPlan } from "../../shared/offline.ts";
import type { Plan } from "../../shared/plan.ts";
import type { Journal } from "../journal/journal.ts";
import { planFrom } from "../public-plan.ts";
import { WatchedPlan, type Fleet } from "./watched-plan.ts";

/** What tells whether a node's agent is there. */
const presence: ReadonlySet<Happening> = new Set(["joined", "restarted", "lost", "left"] as const);
/** So many happenings are looked through for them. */
const maxPresence = 10_000;

/**
 * The plan with what still holds of the past. `isKept` says whether the journal has this very plan; `now` is in
 * milliseconds since 1970.
 */
export function restoredPlan(
  plan: Plan,
  shown: PublicPlan,
  journal: Journal,
  fleet: Fleet,
  now: number,
): { watched: WatchedPlan; isKept: boolean } {
  const { restored, lastPlan } = journal;
  const known = restored === undefined ? undefined : planFrom(restored.plan);
  const isKept = restored?.plan.digest === shown.digest && restored.planVersion === lastPlan;
  const version = isKept ? lastPlan : nextPlan(journal, now);
  if (restored === undefined || known === undefined)
    return { watched: new WatchedPlan(plan, version, now, fleet), isKept };
  if (isKept) return { watched: new WatchedPlan(plan, version, now, fleet, restored), isKept };
  const before = new WatchedPlan(known, restored.planVersion, restored.at, fleet, restored);
  const past = new WatchedPlan(plan, version, now, fleet).historyFrom(before, now);
  return { watched: new WatchedPlan(plan, version, now, fleet, past), isKept };
}

/** Nodes whose agents left in good order and did not come back: they are not missed by the next coordinator either. */
export async function leftBefore(journal: Journal): Promise<Set<string>> {
  const latest = new Map<string, Happening>();
  for (const { happening } of await journal.happenings({ order: "newest", limit: maxPresence })) {
    const { node, kind } = happening;
    if (node !== undefined && presence.has(kind) && !latest.has(node)) latest.set(node, kind);
  }
  return new Set([...latest].flatMap(([node, kind]) => (kind === "left" ? [node] : [])));
}

/** Agents may still have sweeps of plans that a damaged history has forgotten: no number may mean two plans. */
function nextPlan({ lastPlan, notes }: Journal, now: number): number {
  return notes.length === 0 ? lastPlan + 1 : Math.max(lastPlan + 1, Math.floor(now / 60_000));
}
