/** Whether this host was able to probe at all: where it was not, a failure is its own and no verdict on the network. */
import { networkInterfaces } from "node:os";
import { canonicalAddress } from "../shared/addresses.ts";
import { formatDuration } from "../shared/duration.ts";
import type { Outcome } from "../shared/outcome.ts";
import { throttledMs } from "./cpu-quota.ts";
import { readKernelCounters, type KernelCounters } from "./kernel-counters.ts";
import { mayBeLocal } from "./protocols/local-route.ts";
import type { SelfWatch } from "./self-watch.ts";

export interface Fault {
  /** Becomes the code of a `local-error`. */
  code: "STARVED" | "LINK_DOWN";
  detail: string;
}

export interface Health {
  /** What kept this host from probing properly between two moments of the monotonic clock, if anything. */
  fault(since: number, until: number): Fault | undefined;
  /** Whether it has lost an interface. */
  linkDown(now: number): Fault | undefined;
  counters(): KernelCounters;
}

/** A host that has no trouble and counts nothing: for tools that watch themselves otherwise. */
export const alwaysWell: Health = {
  fault: () => undefined,
  linkDown: () => undefined,
  counters: () => ({ unreachablesIn: 0, retransmitsRefused: 0, loopbackPackets: 0 }),
};

/** Without the processor for this share of a probe's time, the answer may have waited here. */
const starvedShare = 0.25;
/** A busy moment is no starvation. */
const leastStarvedMs = 100;
/** Interfaces are looked at again after this long. */
const linkCacheMs = 500;

export class OwnHealth implements Health {
  readonly #watch: SelfWatch;
  /** The node's addresses that were on an interface of this host at the start. */
  readonly #addresses: readonly string[];
  readonly #throttledBefore = throttledMs();
  #missing: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(watch: SelfWatch, addresses: readonly string[]) {
    this.#watch = watch;
    const present = ownAddresses();
    this.#addresses = addresses.filter((address) => present.has(address));
  }

  fault(since: number, until: number): Fault | undefined {
    const { totalMs } = this.#watch.stalled(since, until);
    if (totalMs >= leastStarvedMs && totalMs >= starvedShare * (until - since)) {
      const throttled = throttledMs() - this.#throttledBefore;
      const why =
        throttled >= leastStarvedMs
          ? `its CPU quota kept it waiting for ${formatDuration(throttled)} so far`
          : "the host is overloaded, or the agent was stopped";
      const detail = `the agent did not run for ${formatDuration(totalMs)} of the probe's ${formatDuration(until - since)}: ${why}`;
      return { code: "STARVED", detail };
    }
    return this.linkDown(until);
  }

  linkDown(now: number): Fault | undefined {
    const missing = this.#missingAddress(now);
    if (missing === undefined) return undefined;
    return { code: "LINK_DOWN", detail: `the interface with ${missing} is down` };
  }

  counters(): KernelCounters {
    return readKernelCounters();
  }

  #missingAddress(now: number): string | undefined {
    if (now - this.#lookedAt > linkCacheMs) {
      const present = ownAddresses();
      this.#missing = this.#addresses.find((address) => !present.has(address));
      this.#lookedAt = now;
    }
    return this.#missing;
  }
}

/** Of interfaces that are up and have a carrier: Node leaves out the others. */
export function ownAddresses(): Set<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).map(({ address }) => canonicalAddress(address.split("%")[0]!)),
    ),
  );
}

/** What this host kept itself from seeing between two moments is its own error. An answer is an answer. */
export function withOwnFault(outcome: Outcome, health: Health, since: number, until: number): Outcome {
  const { kind, proof } = outcome;
  if (kind === "open" || kind === "refused" || proof !== undefined) return outcome;
  // What the kernel says at once needed nobody to wait for it.
  const isSaid = kind === "local-error" || mayBeLocal(outcome);
  const fault = isSaid ? health.linkDown(until) : health.fault(since, until);
  return fault === undefined ? outcome : { ...outcome, kind: "local-error", ...fault };
}
