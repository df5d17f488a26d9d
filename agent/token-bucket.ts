/** Lets `rate` events a second through, and at most `burst` at once. Time comes in by argument. */
export class TokenBucket {
  readonly #ratePerMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `rate` in events a second; `now` in milliseconds on any monotonic clock. */
  constructor(rate: number, burst: number, now: number) {
    this.#ratePerMs = rate / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes a token where there is one. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#ratePerMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
