/**
 * Room in the kernel's table of tracked connections: where it is full, new connections are dropped without a
 * word (nf_conntrack-sysctl.rst), and a check itself opens many.
 */
import type { NodeFacts } from "../../node-facts.ts";
import type { PlannedNode } from "../../plan.ts";
import { setSysctl } from "../remedies.ts";
import { met, unmet, type RequirementFinding } from "../requirement-check.ts";

/** Probes of a check that this node gets and sends, at most. */
export interface Traffic {
  inward: number;
  outward: number;
}

const fullShare = 0.8;
/** An agent sends 6000 probes a second at most, and a connection that was reset is forgotten after 10 s (nf_conntrack_tcp_timeout_close). */
const trackedAtOnce = 60_000;

export function conntrackRoom(
  { name }: PlannedNode,
  { conntrack }: NodeFacts,
  { inward, outward }: Traffic,
): RequirementFinding | undefined {
  if (conntrack === undefined || conntrack.max === 0) return undefined;
  const { count, max } = conntrack;
  const probes = Math.min(inward, trackedAtOnce) + Math.min(outward, trackedAtOnce);
  const finding = {
    node: name,
    expected: `less than ${fullShare * 100} % in use${probes === 0 ? "" : `, and room for ${probes} more`}`,
    actual: `${count} of ${max} in use`,
    from: "/proc/sys/net/netfilter/nf_conntrack_count, nf_conntrack_max",
  };
  if (count < fullShare * max && count + probes <= max) return met(finding);
  const enough = Math.max(count / fullShare, count + probes, 2 * max);
  const remedy = setSysctl(
    "net.netfilter.nf_conntrack_max",
    `${2 ** Math.ceil(Math.log2(enough))}`,
    "portmesh",
  );
  return unmet({ ...finding, remedy });
}
