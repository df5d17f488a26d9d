/**
 * Looks for half-open connections to this host while somebody elsewhere waits for an answer: the request
 * came, and what this host answered did not arrive. A host whose own firewall swallows the answer forgets
 * such a connection within a second, so the kernel's table is read again and again, but only on demand.
 */
import { canonicalAddress } from "../shared/addresses.ts";
import type { RequestLog } from "./request-log.ts";
import { socketStates, socketTable } from "./socket-table.ts";

/** A few reads in the second that such an entry lives; one takes some milliseconds with thousands of ports. */
const pollMs = 300;
/** Of the time at most a tenth goes into it. */
const tenth = 10;

export class HalfOpenWatch implements Disposable {
  readonly #requests: RequestLog;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(requests: RequestLog) {
    this.#requests = requests;
  }

  /** Keeps looking for so long from now. */
  watch(forMs: number): void {
    this.#until = Math.max(this.#until, performance.now() + forMs);
    this.#timer ??= setTimeout(() => this.#poll(), pollMs);
  }

  /** On a host with very many sockets a look takes long, and then comes less often. */
  #poll(): void {
    const startedAt = performance.now();
    this.look();
    const now = performance.now();
    if (now >= this.#until) this[Symbol.dispose]();
    else this.#timer = setTimeout(() => this.#poll(), Math.max(pollMs, tenth * (now - startedAt)));
  }

  /** One look. */
  look(): void {
    const now = performance.now();
    for (const { localPort, remoteAddress } of socketTable("tcp", socketStates.halfOpen))
      this.#requests.sawHalfOpen(canonicalAddress(remoteAddress), localPort, now);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
