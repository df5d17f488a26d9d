/** How many connections the kernel tracks for its firewall, in this network namespace, and how many it can. */
import { join } from "node:path";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { readText, type HostRoots } from "./host-files.ts";

/** Undefined where it tracks none. */
export function readConntrack({ proc }: HostRoots): NodeFacts["conntrack"] {
  const folder = join(proc, "sys/net/netfilter");
  const [count, max] = ["nf_conntrack_count", "nf_conntrack_max"].map((name) => {
    const text = readText(join(folder, name))?.trim();
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  });
  return count === undefined || max === undefined ? undefined : { count, max };
}
