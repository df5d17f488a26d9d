/**
 * When all that is known of paths is written down as a whole: the past is put together from the last snapshot on. First
 * looks are no transitions, so that what became known since then is only in the next one.
 */
import { verdicts } from "../../shared/names.ts";
import type { WatchedPlan } from "./watched-plan.ts";

/** Where nothing else asks for one. */
const usualMs = 60 * 60_000;
/** After a start or a new plan most paths are proved within this many intervals. */
const firstIntervals = 2;

export class Snapshots {
  readonly #monotonic: () => number;
  #usualAt: number;
  #firstLooksAt = Number.POSITIVE_INFINITY;
  /** Of how many paths nothing was known in the last one. */
  #unknown: number;

  constructor(watched: WatchedPlan, monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#usualAt = monotonic() + usualMs;
    this.#unknown = unknownIn(watched);
  }

  /** From now on paths are looked at for the first time. */
  awaitFirstLooks(intervalMs: number): void {
    this.#firstLooksAt = this.#monotonic() + firstIntervals * intervalMs;
  }

  isDue(watched: WatchedPlan, intervalMs: number): boolean {
    const now = this.#monotonic();
    if (now >= this.#usualAt) return true;
    if (now < this.#firstLooksAt) return false;
    this.#firstLooksAt = now + firstIntervals * intervalMs;
    return unknownIn(watched) < this.#unknown;
  }

  /** `at` in milliseconds since 1970. */
  take(watched: WatchedPlan, at: number): ReturnType<WatchedPlan["snapshot"]> {
    this.#usualAt = this.#monotonic() + usualMs;
    this.#unknown = unknownIn(watched);
    return watched.snapshot(at);
  }
}

function unknownIn({ states }: WatchedPlan): number {
  return states.matrix.total[verdicts.indexOf("unknown")]!;
}
