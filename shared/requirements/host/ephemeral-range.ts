/**
 * Ports to listen on must not be among those that the kernel gives to outgoing connections: one of these may
 * have the port when the service starts (ip_local_port_range, ip_local_reserved_ports in ip-sysctl.rst).
 */
import type { NodeFacts } from "../../node-facts.ts";
import type { PlannedNode } from "../../plan.ts";
import { countPorts, formatPorts, readPorts, subtract, union, type PortSet } from "../../ports.ts";
import { setSysctl } from "../remedies.ts";
import { met, unmet, type RequirementFinding } from "../requirement-check.ts";

const reservedKey = "net.ipv4.ip_local_reserved_ports";

export function ephemeralRange(
  { name, listeners }: PlannedNode,
  { ephemeral }: NodeFacts,
): RequirementFinding | undefined {
  if (ephemeral === undefined) return undefined;
  const { first, last } = ephemeral;
  const reserved = readPorts(ephemeral.reserved);
  const held = union(listeners.map(({ ports }) => ports));
  if (reserved === undefined || held.length === 0) return undefined;
  const exposed = subtract(within(held, first, last), reserved);
  const finding = {
    node: name,
    expected: `no port to listen on is among ${first}-${last}, unless reserved`,
    from: "/proc/sys/net/ipv4/ip_local_port_range, ip_local_reserved_ports",
  };
  if (exposed.length === 0) {
    const kept = countPorts(within(held, first, last));
    return met({ ...finding, actual: kept === 0 ? "none is" : `all ${kept} of them are reserved` });
  }
  return unmet({
    ...finding,
    actual: `${countPorts(exposed)} are: ${formatPorts(exposed)}`,
    remedy: setSysctl(reservedKey, formatPorts(union([reserved, exposed])), "portmesh"),
  });
}

function within(ports: PortSet, first: number, last: number): PortSet {
  return ports.flatMap(([from, to]): [number, number][] =>
    to < first || from > last ? [] : [[Math.max(from, first), Math.min(to, last)]],
  );
}
