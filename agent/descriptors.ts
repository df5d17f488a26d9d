/** How many file descriptors this process may have, and how they are shared out. */
import { readdirSync, readFileSync } from "node:fs";

/** For the link, logs, files and the runtime itself; probes and listeners never touch these. */
const reservedDescriptors = 64;

/** The limit of open files, or undefined where the system does not say (not Linux). */
export function descriptorLimit(): number | undefined {
  try {
    const soft = openFileLimits(readFileSync("/proc/self/limits", "utf8"))?.soft;
    return soft === Number.POSITIVE_INFINITY ? undefined : soft;
  } catch {
    return undefined;
  }
}

/** From the text of /proc/PID/limits; infinite where there is no limit, undefined where it is none of that. */
export function openFileLimits(text: string): { soft: number; hard: number } | undefined {
  const line = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text);
  if (line === null) return undefined;
  const numberOf = (word: string): number => (word === "unlimited" ? Number.POSITIVE_INFINITY : Number(word));
  return { soft: numberOf(line[1]!), hard: numberOf(line[2]!) };
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
