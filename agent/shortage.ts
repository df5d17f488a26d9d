/**
 * Whether this process had what it needed while it streamed. A stream that its own ends slow down says nothing of
 * the link but what it carries at least.
 */
import { readFileSync } from "node:fs";
import { throttledMs } from "./cpu-quota.ts";
import { SelfWatch } from "./self-watch.ts";

export const shortageNames = ["throttled", "starved", "saturated"] as const;
export type Shortage = (typeof shortageNames)[number];

export const shortageTexts: Readonly<Record<Shortage, string>> = {
  throttled: "its CPU quota kept the agent waiting",
  starved: "its agent had to wait for a processor",
  saturated: "its agent used a whole processor, and the link may carry more",
};

/** Without the processor for this share of the time, the figure is too low by about as much. */
const waitingShare = 0.1;
/** What one thread can do at most, less what a clock tick may hide. */
const saturatedShare = 0.9;

export interface Spent {
  elapsedMs: number;
  /** In which the thread ran. */
  cpuMs: number;
  /** In which it could have run, and another did; or it was stopped. */
  waitedMs: number;
  throttledMs: number;
}

/** The first that applies, from outside of the process to its own limit. */
export function shortageOf({ elapsedMs, cpuMs, waitedMs, throttledMs: heldMs }: Spent): Shortage | undefined {
  if (heldMs >= waitingShare * elapsedMs && heldMs > 0) return "throttled";
  if (waitedMs >= waitingShare * elapsedMs && waitedMs > 0) return "starved";
  return cpuMs >= saturatedShare * elapsedMs && cpuMs > 0 ? "saturated" : undefined;
}

/** Watches from its construction on. */
export class ShortageWatch implements Disposable {
  readonly #stalls = new SelfWatch();
  readonly #since = performance.now();
  readonly #cpu = process.threadCpuUsage();
  readonly #queuedMs = runQueueMs();
  readonly #throttledMs = throttledMs();

  /** What this process was short of so far. */
  get shortage(): Shortage | undefined {
    const now = performance.now();
    const { user, system } = process.threadCpuUsage(this.#cpu);
    const stalledMs = this.#stalls.stalled(this.#since, now).totalMs;
    return shortageOf({
      elapsedMs: now - this.#since,
      cpuMs: (user + system) / 1_000,
      waitedMs: Math.max(stalledMs, runQueueMs() - this.#queuedMs),
      throttledMs: throttledMs() - this.#throttledMs,
    });
  }

  [Symbol.dispose](): void {
    this.#stalls[Symbol.dispose]();
  }
}

/** For how long this thread was ready and had no processor (Documentation/scheduler/sched-stats.rst); 0 where nothing tells. */
function runQueueMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
