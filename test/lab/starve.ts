/** Takes the CPU away from a process, which is what a busy host does to an agent. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const periodMs = 100;

/** Stops the whole process for so long. */
export async function freeze(victim: ChildProcess, ms: number): Promise<void> {
  victim.kill("SIGSTOP");
  await sleep(ms);
  victim.kill("SIGCONT");
}

/**
 * Lets the process run for this share of the time, until the handle is disposed of. Stopping and continuing is what a
 * CPU quota does, and needs no control group, which a container often cannot write to.
 */
export function throttle(victim: ChildProcess, share: number): Disposable {
  const over = new AbortController();
  void (async () => {
    while (!over.signal.aborted) {
      victim.kill("SIGSTOP");
      await sleep(periodMs * (1 - share));
      victim.kill("SIGCONT");
      await sleep(periodMs * share);
    }
  })();
  return { [Symbol.dispose]: () => over.abort() };
}
