/** How long the kernel kept this process from running because its CPU quota was used up (cgroup v2, cpu.max). */
import { readFileSync } from "node:fs";

/** In milliseconds since the cgroup exists; 0 where there is no quota or no way to tell. */
export function throttledMs(): number {
  try {
    const path = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
    const stat = readFileSync(`/sys/fs/cgroup${path}/cpu.stat`, "utf8");
    return Number(/^throttled_usec ([0-9]+)$/m.exec(stat)?.[1] ?? 0) / 1_000;
  } catch {
    return 0;
  }
}
