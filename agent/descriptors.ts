/** How many file descriptors this process may have, and how they are shared out. */
import { readdirSync, readFileSync } from "node:fs";

/** For the link, logs, files and the runtime itself; probes and listeners never touch these. */
const reservedDescriptors = 64;

/** The limit of open files, or undefined where the system does not say (not Linux). */
export function descriptorLimit(): number | undefined {
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return line === null || line[1] === "unlimited" ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

/** How many more can be opened for probes now. */
export function freeDescriptors(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, limit - openDescriptors() - reservedDescriptors);
}

/** The sentence that tells what to raise, and to what. */
export function descriptorRemedy(needed: number, limit: number | undefined): string {
  const wanted = 2 ** Math.ceil(Math.log2(needed + 2 * reservedDescriptors));
  const now = limit === undefined ? "" : ` (now ${limit})`;
  return `raise the limit of open files${now} to at least ${wanted}: ulimit -n ${wanted}, or LimitNOFILE=${wanted} in the unit`;
}

function openDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}
