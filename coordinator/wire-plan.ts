/** Parts of a plan as agents get them: addresses are positions, so that nobody can be sent elsewhere. */
import { localhostOf } from "../shared/addresses.ts";
import { loopbackAddress } from "../shared/link.ts";
import { formatPorts } from "../shared/ports.ts";
import type { Plan, PlannedNode, Target } from "../shared/plan.ts";
import type { MeasureMessage, WelcomeMessage, WireService, WireTarget } from "../shared/wire.ts";

/** What a node is told of itself and its peers. */
export function wireAssignment(
  plan: Plan,
  node: PlannedNode,
): Pick<WelcomeMessage, "node" | "cluster" | "nodes" | "listeners"> {
  return {
    node: node.index,
    cluster: plan.cluster,
    nodes: plan.nodes.map(({ index, name, addresses }) => ({ index, name, addresses })),
    listeners: node.listeners.map(({ transport, address, ports }) => ({
      transport,
      address: addressIndex(node, address),
      ports: formatPorts(ports),
    })),
  };
}

export function wireTarget(
  plan: Plan,
  { id, to, address, protocol, ports }: Target,
  services: readonly WireService[] = [],
): WireTarget {
  return {
    id,
    to,
    address: addressIndex(plan.nodes[to]!, address),
    protocol,
    ports: formatPorts(ports),
    ...(services.length === 0 ? {} : { services }),
  };
}

/** What a node is told to measure by the thresholds of a cluster file. */
export function wireThresholds(
  thresholds: Plan["thresholds"],
): Pick<MeasureMessage, "samples" | "rttThresholdMs"> {
  const { rttMs } = thresholds;
  return { samples: samplesFor(thresholds), ...(rttMs === undefined ? {} : { rttThresholdMs: rttMs }) };
}

/** Enough round trips to tell the threshold from chance, and no more than tell a tenth of a percent. */
function samplesFor({ lossRatio, rttMs }: Plan["thresholds"]): number {
  if (lossRatio !== undefined) return Math.min(300, Math.max(20, Math.ceil(3 / Math.max(lossRatio, 0.01))));
  return rttMs === undefined ? 0 : 10;
}

/** How a wire message names one of a node's addresses. */
export function addressIndex(node: PlannedNode, address: string): number {
  const index = node.addresses.indexOf(address);
  return index >= 0 ? index : address === localhostOf(node.addresses[0]!) ? loopbackAddress : 0;
}
