/** What a random lab is made of: hosts, the flows of their product, and what is broken. Pure data. */
import type { ProtocolName, Transport } from "../../shared/names.ts";
import type { PortInterval } from "../../shared/ports.ts";
import type { FilterLine } from "./filters.ts";
import type { Place } from "./lab.ts";
import { labSpec, type LabFlow } from "./spec.ts";

export type Family = "v4" | "v6";

export interface WorldNode {
  name: string;
  zone: string;
  families: readonly Family[];
  roles: readonly ("servers" | "clients")[];
}

/** Some traffic: from these nodes to those, on these ports. */
export interface Traffic {
  probers: readonly string[];
  targets: readonly string[];
  transport: Transport;
  ports: PortInterval;
}

export type WorldFault =
  | (Traffic & { kind: "filter"; line: FilterLine; prober: Place | undefined; target: Place | undefined })
  /** To another port of the same host, to another host, to a host without an agent. */
  | (Traffic & { kind: "other-port"; newPort: number; atHome: boolean })
  | (Traffic & { kind: "other-host"; newTarget: string })
  | (Traffic & { kind: "stranger" })
  /** TLS is ended on the way; only TLS passes. */
  | (Traffic & { kind: "inspected" })
  | (Traffic & { kind: "tls-only" })
  /** Harmless: the source address is another one. */
  | (Traffic & { kind: "masqueraded" })
  /** No agent on this node. */
  | { kind: "absent"; node: string };

export interface World {
  seed: number;
  nodes: readonly WorldNode[];
  faults: readonly WorldFault[];
}

export interface WorldFlow {
  name: string;
  from: "servers" | "clients";
  to: "servers" | "clients";
  transport: Transport;
  protocol: ProtocolName;
  ports: PortInterval;
}

/** No port is in two flows of a transport, so a port says which protocol is spoken on it. */
const worldFlows: readonly WorldFlow[] = [
  { name: "rpc", from: "clients", to: "servers", transport: "tcp", protocol: "tcp", ports: [31_001, 31_005] },
  {
    name: "gossip",
    from: "servers",
    to: "servers",
    transport: "udp",
    protocol: "udp",
    ports: [31_001, 31_003],
  },
  { name: "web", from: "clients", to: "servers", transport: "tcp", protocol: "tls", ports: [31_011, 31_012] },
  { name: "feed", from: "servers", to: "clients", transport: "tcp", protocol: "ws", ports: [31_013, 31_014] },
  {
    name: "range",
    from: "servers",
    to: "servers",
    transport: "tcp",
    protocol: "tcp",
    ports: [31_100, 31_139],
  },
  {
    name: "range-udp",
    from: "clients",
    to: "servers",
    transport: "udp",
    protocol: "udp",
    ports: [31_100, 31_139],
  },
];

const applications = { tcp: "rpc", udp: "rpc", tls: "https", ws: "websocket" } as const;

export const worldSpec = labSpec({
  roles: { servers: "in-cluster", clients: "in-cluster" },
  flows: worldFlows.map(({ name, from, to, transport, protocol, ports }): LabFlow => ({
    name,
    from: [from],
    to: [to],
    transport,
    ports: ports.join("-"),
    application: applications[protocol as keyof typeof applications],
    security: protocol === "tls" ? "tls" : "none",
  })),
});

/** The flows that there are between two nodes. */
export function flowsBetween(from: WorldNode, to: WorldNode): WorldFlow[] {
  if (from === to) return [];
  return worldFlows.filter((flow) => from.roles.includes(flow.from) && to.roles.includes(flow.to));
}
