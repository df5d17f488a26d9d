/**
 * Watches whether this process gets to run. A prober that was stopped, throttled or starved sees time-outs
 * where the network is fine; what it failed to see in such a moment says nothing about the network.
 */

export interface Stall {
  from: number;
  until: number;
}

const tickMs = 50;
/** A tick this late means that the process did not run; anything less is the noise of a busy host. */
const stallMs = 50;
const maxStalls = 512;
/** More than clocks are slewed by in one tick. */
const clockStepMs = 500;

export class SelfWatch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #stalls: Stall[] = [];
  #tickedAt: number;
  #clockOffset: number;
  readonly #onClockStep: (ms: number) => void;

  /**
   * `now` is a monotonic clock in milliseconds, `wall` the time of day. Probes are timed by the first, so that
   * a step of the second is only worth telling.
   */
  constructor(
    onClockStep: (ms: number) => void = () => {},
    now: () => number = () => performance.now(),
    wall: () => number = Date.now,
  ) {
    this.#onClockStep = onClockStep;
    this.#tickedAt = now();
    this.#clockOffset = wall() - now();
    this.#timer = setInterval(() => this.tick(now(), wall()), tickMs).unref();
  }

  /** What the timer does; called directly only where time comes from a test. */
  tick(now: number, wall: number): void {
    const late = now - this.#tickedAt - tickMs;
    if (late >= stallMs) {
      this.#stalls.push({ from: this.#tickedAt + tickMs, until: now });
      if (this.#stalls.length > maxStalls) this.#stalls = this.#stalls.slice(-maxStalls / 2);
    }
    this.#tickedAt = now;
    const offset = wall - now;
    const stepMs = offset - this.#clockOffset;
    if (Math.abs(stepMs) >= clockStepMs) this.#onClockStep(stepMs);
    this.#clockOffset = offset;
  }

  /** For how long the process did not run between two moments, in all and at most at once, in milliseconds. */
  stalled(since: number, until: number): { totalMs: number; longestMs: number } {
    let totalMs = 0;
    let longestMs = 0;
    // The stall under way shows only in the tick that has not come yet.
    const current = { from: this.#tickedAt + tickMs, until };
    const all = current.until - current.from >= stallMs ? [...this.#stalls, current] : this.#stalls;
    for (let index = all.length - 1; index >= 0; index--) {
      const stall = all[index]!;
      if (stall.until <= since) break;
      const ms = Math.min(stall.until, until) - Math.max(stall.from, since);
      if (ms <= 0) continue;
      totalMs += ms;
      longestMs = Math.max(longestMs, ms);
    }
    return { totalMs, longestMs };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
