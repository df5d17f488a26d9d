/**
 * How far clocks of nodes are apart, and whose fault it is: of two that differ too much, the one that is
 * further away from the median.
 */
import type { ClockOffset } from "./requirement-check.ts";

export interface Apart {
  /** The other node, and by how much this one is ahead of it, give or take `errorMs`. */
  other: number;
  aheadMs: number;
  errorMs: number;
}

/** Two that are equally far from their middle are so but for the last bit. */
const roundingMs = 0.001;

interface Entry extends ClockOffset {
  node: number;
}

export class ClockSpread {
  readonly #byNode: ReadonlyMap<number, Entry>;
  readonly #sorted: readonly Entry[];
  readonly #median: number;

  constructor(nodes: Iterable<number>, clock: (node: number) => ClockOffset | undefined) {
    const entries = Array.from(nodes).flatMap((node): Entry[] => {
      const offset = clock(node);
      return offset === undefined ? [] : [{ node, ...offset }];
    });
    this.#byNode = new Map(entries.map((entry) => [entry.node, entry]));
    this.#sorted = entries.toSorted((a, b) => a.aheadMs - b.aheadMs);
    const middle = this.#sorted.length / 2;
    const [low, high] = [this.#sorted[Math.ceil(middle) - 1], this.#sorted[Math.floor(middle)]];
    this.#median = ((low?.aheadMs ?? 0) + (high?.aheadMs ?? 0)) / 2;
  }

  /** Of the nodes that are no further from the median, the one that this one differs from most; undefined where there is none. */
  worstOf(node: number): Apart | undefined {
    const own = this.#byNode.get(node);
    if (own === undefined || this.#sorted.length < 2) return undefined;
    const distance = own.aheadMs - this.#median;
    const isAhead = distance > 0;
    // Everybody within this distance of the median, from the far end of it.
    const limit = this.#median - distance + (isAhead ? -roundingMs : roundingMs);
    const order = isAhead ? this.#sorted : this.#sorted.toReversed();
    const other = order.find(
      (each) => each.node !== node && (isAhead ? each.aheadMs >= limit : each.aheadMs <= limit),
    );
    if (other === undefined) return undefined;
    return { other: other.node, aheadMs: own.aheadMs - other.aheadMs, errorMs: own.errorMs + other.errorMs };
  }
}
