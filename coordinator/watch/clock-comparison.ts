/** Compares the clocks of a watched cluster: all from time to time, since they drift slowly, and those of who has come since. */
import { ClockOffsets } from "../clock-offsets.ts";

const everyMs = 5 * 60_000;

export class ClockComparison {
  readonly #offsets: ClockOffsets;
  readonly #monotonic: () => number;
  #allAt = Number.NEGATIVE_INFINITY;
  readonly #asked = new Set<number>();

  constructor(deps: ConstructorParameters<typeof ClockOffsets>[0]) {
    this.#offsets = new ClockOffsets(deps);
    this.#monotonic = deps.monotonic;
  }

  offset(node: number): ReturnType<ClockOffsets["offset"]> {
    return this.#offsets.offset(node);
  }

  answered(...answer: Parameters<ClockOffsets["answered"]>): void {
    this.#offsets.answered(...answer);
  }

  /** Of the nodes that are there; to be called every second or so. */
  tick(there: readonly number[], signal: AbortSignal): void {
    if (this.#monotonic() >= this.#allAt) {
      this.#allAt = this.#monotonic() + everyMs;
      this.#asked.clear();
    }
    const nodes = there.filter((node) => !this.#asked.has(node));
    for (const node of nodes) this.#asked.add(node);
    void this.#offsets.run(nodes, signal);
  }

  /** Nodes have other numbers from now on; undefined for those that are gone. */
  renumber(place: Parameters<ClockOffsets["renumber"]>[0]): void {
    this.#offsets.renumber(place);
    this.#asked.clear();
  }
}
