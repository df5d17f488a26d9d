/** When each node told of its paths last, by the clock that never jumps: time of day is for people. */

/** A path is stale when its near end has told nothing for so many intervals. */
const freshIntervals = 3;

export class Freshness {
  readonly #monotonic: () => number;
  /** By name: when the last sweep ended, in milliseconds since 1970 and by the monotonic clock. */
  readonly #ends = new Map<string, { at: number; monotonic: number }>();
  /** By name: until when a node that sweeps whole ranges may take, before it is stale. */
  readonly #longUntil = new Map<string, number>();

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** A sweep ended at that time of day, which was so long ago. @returns whether it tells of now. */
  swept(name: string, at: number, agoMs: number, intervalMs: number): boolean {
    const monotonic = this.#monotonic() - agoMs;
    if (monotonic >= (this.#ends.get(name)?.monotonic ?? Number.NEGATIVE_INFINITY))
      this.#ends.set(name, { at, monotonic });
    return agoMs <= freshIntervals * intervalMs;
  }

  lastAt(name: string): number | undefined {
    return this.#ends.get(name)?.at;
  }

  /** For how long a node has told nothing; undefined where that is since the start. */
  silentMs(name: string): number | undefined {
    const end = this.#ends.get(name);
    return end === undefined ? undefined : this.#monotonic() - end.monotonic;
  }

  /** Undefined where it has told nothing since the start. */
  isFresh(name: string, intervalMs: number): boolean | undefined {
    const silentMs = this.silentMs(name);
    return silentMs === undefined ? undefined : silentMs <= freshIntervals * intervalMs;
  }

  /** What a node is at may take so long, and the sweeps that are due besides. */
  allowLong(name: string, ms: number, intervalMs: number): void {
    this.#longUntil.set(name, this.#monotonic() + ms + freshIntervals * intervalMs);
  }

  endLong(name: string): void {
    this.#longUntil.delete(name);
  }

  isLong(name: string): boolean {
    return (this.#longUntil.get(name) ?? Number.NEGATIVE_INFINITY) > this.#monotonic();
  }

  forget(isGone: (name: string) => boolean): void {
    for (const known of [this.#ends, this.#longUntil])
      for (const name of known.keys()) if (isGone(name)) known.delete(name);
  }
}
