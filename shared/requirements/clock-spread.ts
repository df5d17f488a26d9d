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

interface Entry extends ClockOffset {
  node: number;
}

/** Two that are equally far from their middle are so but for the last bit. */
const roundingMs = 0.001;

export class ClockSpread {
  /** By offset; with the positions of nodes in it. */
  readonly #sorted: readonly Entry[];
  readonly #places: ReadonlyMap<number, number>;
  readonly #median: number;

  constructor(nodes: Iterable<number>, clock: (node: number) => ClockOffset | undefined) {
    const entries = Array.from(nodes).flatMap((node): Entry[] => {
      const offset = clock(node);
      return offset === undefined ? [] : [{ node, ...offset }];
    });
    this.#sorted = entries.toSorted((a, b) => a.aheadMs - b.aheadMs);
    this.#places = new Map(this.#sorted.map(({ node }, place) => [node, place]));
    // Between the two in the middle: of two halves that disagree neither is right.
    const middle = (this.#sorted.length - 1) / 2;
    const [low, high] = [this.#sorted[Math.floor(middle)], this.#sorted[Math.ceil(middle)]];
    this.#median = ((low?.aheadMs ?? 0) + (high?.aheadMs ?? 0)) / 2;
  }

  /**
   * Of the nodes that are no further from the median, the one that this one differs from most. Where there is
   * none, the one that it differs from least. Undefined without another node.
   */
  worstOf(node: number): Apart | undefined {
    const place = this.#places.get(node);
    if (place === undefined || this.#sorted.length < 2) return undefined;
    const own = this.#sorted[place]!;
    const distance = Math.abs(own.aheadMs - this.#median) + roundingMs;
    // Who is on the other side of the median at the same distance, or next to it on this side of it.
    const across =
      own.aheadMs > this.#median
        ? this.#firstFrom(this.#median - distance)
        : this.#firstFrom(this.#median + distance) - 1;
    const isBetween = own.aheadMs > this.#median ? across < place : across > place;
    const other = this.#sorted[isBetween ? across : this.#nearestTo(place)]!;
    return { other: other.node, aheadMs: own.aheadMs - other.aheadMs, errorMs: own.errorMs + other.errorMs };
  }

  /** The first place with this offset or more. */
  #firstFrom(aheadMs: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]!.aheadMs < aheadMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #nearestTo(place: number): number {
    const gapTo = (other: number): number =>
      Math.abs((this.#sorted[other]?.aheadMs ?? Infinity) - this.#sorted[place]!.aheadMs);
    return gapTo(place - 1) < gapTo(place + 1) ? place - 1 : place + 1;
  }
}
