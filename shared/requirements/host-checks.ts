/**
 * What every node needs, whatever the product: checks of the host itself. In a report they are of the spec
 * `host` and of level optional, so that a host that is not ideal is a warning. What a host does not tell, and
 * what it does not have (a container without a firewall of its own), is no finding.
 */
import type { NodeFacts } from "../node-facts.ts";
import type { PlannedNode } from "../plan.ts";
import { countPorts } from "../ports.ts";
import { ClockSpread } from "./clock-spread.ts";
import { clockOffset } from "./clock.ts";
import { conntrackRoom } from "./host/conntrack-room.ts";
import { ephemeralRange } from "./host/ephemeral-range.ts";
import { LinkMtus } from "./host/link-mtu.ts";
import { openFiles } from "./host/open-files.ts";
import type { RequirementContext, RequirementFinding } from "./requirement-check.ts";

export const hostSpec = "host";

export interface HostFinding extends RequirementFinding {
  name: string;
  kind: string;
  /** What is checked, as a sentence. */
  text: string;
}

interface HostCheck {
  name: string;
  text: string;
  judge: (node: PlannedNode, facts: NodeFacts) => RequirementFinding | undefined;
}

/** All findings of one node; none where nothing was told of it. What compares nodes is worked out once. */
export function hostChecks(context: RequirementContext): (node: PlannedNode) => HostFinding[] {
  const { nodes } = context;
  const mtus = new LinkMtus(nodes, context.facts);
  const members = nodes.filter(({ outside }) => outside !== true);
  const spread = new ClockSpread(
    members.map(({ index }) => index),
    context.clock,
  );
  const portsOfAll = nodes.reduce((sum, node) => sum + portsOf(node), 0);
  const checks: readonly HostCheck[] = [
    {
      name: "interface-mtu",
      text: "Interfaces that carry nodes' addresses have the same MTU, which is enough for IPv6.",
      judge: (node, facts) => mtus.judge(node, facts),
    },
    {
      name: "ephemeral-range",
      text: "The kernel gives no port to an outgoing connection that a service has to listen on.",
      judge: ephemeralRange,
    },
    {
      name: "conntrack-room",
      text: "The kernel's table of tracked connections has room for what a check opens.",
      judge: (node, facts) =>
        conntrackRoom(node, facts, {
          inward: portsOf(node) * (nodes.length - 1),
          outward: portsOfAll - portsOf(node),
        }),
    },
    {
      name: "open-files",
      text: "An agent may open as many files as it has to hold ports.",
      judge: (node, facts) => openFiles(node, facts, portsOf(node)),
    },
    {
      name: "clock-offset",
      text: "Clocks of nodes agree.",
      judge: (node) => clockOffset(node, spread, context),
    },
  ];
  return (node) => {
    const facts = context.facts(node.index);
    if (facts === undefined) return [];
    return checks.flatMap(({ name, text, judge }) => {
      const finding = judge(node, facts);
      return finding === undefined ? [] : [{ name, kind: hostSpec, text, ...finding }];
    });
  };
}

function portsOf({ listeners }: PlannedNode): number {
  return listeners.reduce((sum, { ports }) => sum + countPorts(ports), 0);
}
