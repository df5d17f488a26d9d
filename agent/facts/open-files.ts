/** How many files this process and the whole host may have open (proc(5): limits, file-nr). */
import { join } from "node:path";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { openFileLimits } from "../descriptors.ts";
import { readText, type HostRoots } from "./host-files.ts";

/** The largest number that JSON keeps exactly; kernels say 2^63 - 1 where there is no limit. */
const unlimited = Number.MAX_SAFE_INTEGER;

/** Undefined where there is no /proc. */
export function readOpenFiles({ proc }: HostRoots): NodeFacts["descriptors"] {
  const limits = openFileLimits(readText(join(proc, "self/limits")) ?? "");
  if (limits === undefined) return undefined;
  const host = /^(\d+)\s+\d+\s+(\d+)\s*$/.exec(readText(join(proc, "sys/fs/file-nr")) ?? "");
  return {
    soft: Math.min(limits.soft, unlimited),
    hard: Math.min(limits.hard, unlimited),
    ...(host === null ? {} : { hostUsed: Number(host[1]), hostMax: Math.min(Number(host[2]), unlimited) }),
  };
}
