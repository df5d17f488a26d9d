/**
 * Where an agent that cannot reach the coordinator may ask a peer to pass its connection on: ports that the
 * plan has the nodes hold anyway. A pure choice, the same for all agents.
 */
import { formatEndpoint } from "./addresses.ts";
import { maxRelays } from "./join-string.ts";
import type { ProtocolName } from "./names.ts";
import type { PathRow } from "./pair-rows.ts";
import type { Plan, PlannedNode } from "./plan.ts";

/** What passes a firewall that looks inside must look like what is expected there: TLS. */
const tlsProtocols: ReadonlySet<ProtocolName> = new Set(["tls", "mtls", "wss"]);

/** One port of a node, with what speaks for it. */
interface Candidate {
  address: string;
  port: number;
  isTls: boolean;
  /** How many peers must reach it. */
  peers: number;
}

/**
 * At most `maxRelays` endpoints. Every node gets its best one before any gets a second, zones take turns, and
 * ports of TLS flows that many peers must reach come first.
 */
export function relaysOf(plan: Plan): string[] {
  const byNode = plan.nodes.map((node) => ({ node, candidates: candidatesOf(node, plan) }));
  const useful = byNode.filter(({ candidates }) => candidates.length > 0);
  const inTurn = takeTurns(
    Array.from(Map.groupBy(useful, ({ node }) => node.zone).values(), (zone) =>
      zone.toSorted((a, b) => better(a.candidates[0]!, b.candidates[0]!)),
    ),
  );
  return takeTurns(inTurn.map(({ candidates }) => candidates))
    .slice(0, maxRelays)
    .map(({ address, port }) => formatEndpoint(address, port));
}

function isUsable({ open, transport }: PathRow): boolean {
  return open && transport === "tcp";
}

/** The first port of each flow on each address, best first. */
function candidatesOf(node: PlannedNode, { nodes, pairs }: Plan): Candidate[] {
  const peersByPort = new Map<number, { tls: Set<number>; all: Set<number> }>();
  for (const from of nodes.keys()) {
    if (from === node.index) continue;
    for (const row of pairs.rows(from, node.index).paths) {
      if (!isUsable(row)) continue;
      const port = row.ports[0]![0];
      const peers = peersByPort.get(port) ?? { tls: new Set(), all: new Set() };
      peers.all.add(from);
      if (tlsProtocols.has(row.protocol)) peers.tls.add(from);
      peersByPort.set(port, peers);
    }
  }
  const ports = Array.from(peersByPort, ([port, { tls, all }]) => ({
    port,
    isTls: tls.size > 0,
    peers: tls.size > 0 ? tls.size : all.size,
  })).toSorted(better);
  // A localhost row's listener is on loopback, which no peer can reach.
  const addresses = node.addresses.filter((address) =>
    node.listeners.some((listener) => listener.transport === "tcp" && listener.address === address),
  );
  return takeTurns(addresses.map((address) => ports.map((each) => ({ address, ...each }))));
}

function better(a: Omit<Candidate, "address">, b: Omit<Candidate, "address">): number {
  return Number(b.isTls) - Number(a.isTls) || b.peers - a.peers || a.port - b.port;
}

/** The first of each list, then the second of each, and so on. */
function takeTurns<Item>(lists: readonly (readonly Item[])[]): Item[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) =>
    lists.flatMap((list) => list.slice(turn, turn + 1)),
  ).flat();
}
