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

/** Of the time, in which the thread had something to do. With less the network is what was waited for. */
const busyShare = 0.9;
/** Of the time, which a busy thread had to leave to others. */
const waitingShare = 0.1;
/** Standing still at once for so much of the time outlasts what kernels buffer, however little there is to do. */
const stalledShare = 0.25;

export interface Spent {
  elapsedMs: number;
  /** In which the thread ran. */
  cpuMs: number;
  /** In which it could have run, and another did. */
  waitedMs: number;
  /** Of that, by the CPU quota. */
  throttledMs: number;
  /** In which nothing happened at all for a while, for whatever reason. */
  stalledMs: number;
}

/** The first that applies, from outside of the process to its own limit. */
export function shortageOf({
  elapsedMs,
  cpuMs,
  waitedMs,
  throttledMs: heldMs,
  stalledMs,
}: Spent): Shortage | undefined {
  const isBusy = cpuMs + Math.max(waitedMs, heldMs) > busyShare * elapsedMs;
  const isStalled = stalledMs > stalledShare * elapsedMs;
  if (!isBusy && !isStalled) return undefined;
  if (heldMs > waitingShare * elapsedMs) return "throttled";
  return isStalled || waitedMs > waitingShare * elapsedMs ? "starved" : "saturated";
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
    return shortageOf({
      elapsedMs: now - this.#since,
      cpuMs: (user + system) / 1_000,
      waitedMs: runQueueMs() - this.#queuedMs,
      throttledMs: throttledMs() - this.#throttledMs,
      stalledMs: this.#stalls.stalled(this.#since, now).totalMs,
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
