/**
 * How many probes may be in their first moments at once. Like TCP's congestion window: it grows while answers
 * come quickly and is halved when they come late, so that a starved host (this one, or the probed one) is
 * probed slowly instead of being judged by its own overload.
 */

const initial = 32;
const minimum = 8;
const quickMs = 250;
const slowMs = 500;
/** One overload shows in many probes: it halves the window once. */
const shrinkPauseMs = 200;

export class Window {
  readonly #maximum: number;
  #size = initial;
  #shrunkAt = Number.NEGATIVE_INFINITY;

  constructor(maximum: number) {
    this.#maximum = maximum;
    this.#size = Math.min(initial, maximum);
  }

  get size(): number {
    return this.#size;
  }

  /** An answer of any kind came after `elapsedMs`. Silence says nothing about load: do not report it here. */
  answered(elapsedMs: number, now: number): void {
    if (elapsedMs < quickMs) this.grow();
    else if (elapsedMs > slowMs && now - this.#shrunkAt > shrinkPauseMs) {
      this.#size = Math.max(Math.min(minimum, this.#maximum), Math.floor(this.#size / 2));
      this.#shrunkAt = now;
    }
  }

  /** A probe waits in silence on a host that keeps up: waiting costs nothing, so another may start. */
  grow(): void {
    if (this.#size < this.#maximum) this.#size++;
  }
}
