/**
 * Sweeps of whole ranges, once a night: nodes that only sample theirs are asked one after the other, at moments that a hash of
 * their names gives, so that not all of them sweep at once.
 */
import { createHash } from "node:crypto";

export interface FullSweepFleet {
  nodes: () => readonly { name: string; index: number }[];
  /** Whether the last sweep of a node had samples of its ranges only; undefined where it has not told of any. */
  isSampled: (node: number) => boolean | undefined;
  /** @returns false where its agent is not there. */
  order: (node: number, budgetMs: number) => boolean;
}

/** They begin within that time. */
const usualSpreadMs = 60 * 60_000;
/** What one node may take for it. */
const budgetMs = 60 * 60_000;
/** Whose agent is not there has so long to come back. */
const patienceMs = 6 * 60 * 60_000;

export class FullSweeps {
  readonly #fleet: FullSweepFleet;
  readonly #spreadMs: number;
  /** By name: when a node is to be asked. */
  readonly #due = new Map<string, number>();
  #since = 0;

  constructor(fleet: FullSweepFleet, spreadMs = usualSpreadMs) {
    this.#fleet = fleet;
    this.#spreadMs = spreadMs;
  }

  /** The nodes are asked from now on. */
  begin(now: number): void {
    this.#since = now;
    this.#due.clear();
    for (const { name } of this.#fleet.nodes()) this.#due.set(name, now + shareOf(name) * this.#spreadMs);
  }

  /** To be called every few seconds. @returns the names of those that were asked. */
  tick(now: number): string[] {
    if (this.#due.size === 0) return [];
    if (now > this.#since + this.#spreadMs + patienceMs) this.#due.clear();
    const indexes = new Map(this.#fleet.nodes().map(({ name, index }) => [name, index]));
    const asked: string[] = [];
    for (const [name, at] of this.#due) {
      if (now < at) continue;
      const index = indexes.get(name);
      const isSampled = index === undefined ? false : this.#fleet.isSampled(index);
      if (isSampled === undefined) continue;
      // Who is no node any more, or has all ports in each of its sweeps, need not be asked.
      if (isSampled && !this.#fleet.order(index!, budgetMs)) continue;
      this.#due.delete(name);
      if (isSampled) asked.push(name);
    }
    return asked;
  }
}

/** From 0 to 1, the same for a name whenever it is asked. */
function shareOf(name: string): number {
  return createHash("sha256").update(name).digest().readUInt32BE(0) / 2 ** 32;
}
