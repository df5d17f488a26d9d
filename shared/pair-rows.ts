/**
 * What the specs ask of a pair of nodes. Nodes that are alike (same roles, same kinds of addresses) are asked
 * the same, so that it is worked out once for each two kinds and not for each two nodes.
 */
import { familyOf, isLoopback, type Family } from "./addresses.ts";
import type { ClusterNode } from "./cluster-file.ts";
import { loopbackAddress } from "./link.ts";
import type { CheckPhase, Level, ProtocolName, Security, Transport } from "./names.ts";
import { hasOneOf, isOutside, isOver, portsOf } from "./plan-rows.ts";
import { normalise, subtract, union, type PortInterval, type PortSet } from "./ports.ts";
import { protocolFor } from "./probe-protocol.ts";
import type { Flow, ProductSpec } from "./spec.ts";
import type { OptionValues } from "./spec-options.ts";

/** One flow between two kinds of nodes. */
export interface PathRow {
  /** Its place in the order in which the specs have their rows: all that must be open before what must be shut. */
  rank: number;
  spec: string;
  flow: string;
  doc: string;
  level: Level;
  transport: Transport;
  protocol: ProtocolName;
  /** What the document says is spoken, and how it is secured: how to talk to the real service. */
  application: string;
  security: Security;
  ports: PortSet;
  /** False where the flow must be shut. */
  open: boolean;
  /** One open port is enough. */
  anyOf: boolean;
  redirectTo: number | undefined;
  /** The far node holds the ports on its loopback interface only; the network must not reach them. */
  localOnly: boolean;
  /** Positions in the targets of the pair, one for each address of the far node. */
  targets: readonly number[];
}

/** Probes to one address of the far node, over one protocol. */
export interface TargetRow {
  /** Position in the addresses of the far node, or `loopbackAddress`. */
  address: number;
  protocol: ProtocolName;
  transport: Transport;
  ports: PortSet;
}

/** All that is asked of a pair. */
export interface PairRows {
  paths: readonly PathRow[];
  targets: readonly TargetRow[];
}

/** Ports that a kind of node holds on one of its addresses. */
export interface ListenerRow {
  transport: Transport;
  address: number;
  ports: PortSet;
}

/** A spec as a plan applies it: only the flows whose conditions hold. */
export interface AppliedSpec {
  spec: ProductSpec;
  options: OptionValues;
  flows: readonly Flow[];
}

/** Nodes that are asked the same. */
export interface NodeKind {
  /** In each spec. */
  roles: readonly ReadonlySet<string>[];
  families: readonly Family[];
  /** Some address is one of the loopback interface. */
  isLoopback: boolean;
  nodes: number[];
}

/** `rolesOf` by node, then by spec. */
export function kindsOf(
  nodes: readonly ClusterNode[],
  rolesOf: readonly (readonly ReadonlySet<string>[])[],
): NodeKind[] {
  const kinds = new Map<string, NodeKind>();
  for (const [index, { addresses }] of nodes.entries()) {
    const roles = rolesOf[index]!;
    const families = addresses.map((address) => familyOf(address)!);
    const isLocal = addresses.some(isLoopback);
    const key = JSON.stringify([roles.map((own) => [...own].toSorted()), families, isLocal]);
    const kind = kinds.get(key) ?? { roles, families, isLoopback: isLocal, nodes: [] };
    kind.nodes.push(index);
    kinds.set(key, kind);
  }
  return [...kinds.values()];
}

type Must = "be open" | "be shut" | "be local";

export class PairRowsBuilder {
  readonly #specs: readonly AppliedSpec[];
  readonly #kinds: readonly NodeKind[];
  readonly #phase: CheckPhase;
  readonly #known = new Map<NodeKind, Map<NodeKind, PairRows>>();

  constructor(specs: readonly AppliedSpec[], kinds: readonly NodeKind[], phase: CheckPhase) {
    this.#specs = specs;
    this.#kinds = kinds;
    this.#phase = phase;
  }

  /** Of two different nodes, or of a node with itself. */
  between(from: NodeKind, to: NodeKind, isSame: boolean): PairRows {
    if (isSame) return this.#work(from, to, true);
    const known = this.#known.get(from)?.get(to);
    if (known !== undefined) return known;
    const rows = this.#work(from, to, false);
    this.#known.set(from, (this.#known.get(from) ?? new Map<NodeKind, PairRows>()).set(to, rows));
    return rows;
  }

  #work(from: NodeKind, to: NodeKind, isSame: boolean): PairRows {
    const pair = new Pair(from, to, isSame);
    let rank = 0;
    for (const [index, { spec, options, flows }] of this.#specs.entries())
      for (const flow of flows) {
        rank++;
        if (!isOver(flow, this.#phase) && pair.connects(flow, index))
          pair.add(rank, spec, flow, portsOf(flow, options), "be open");
      }
    // What one row opens no other row closes, so all that must be open has to be known first.
    const opened = pair.opened;
    for (const [index, { spec, options, flows }] of this.#specs.entries())
      for (const flow of flows) {
        const ports = portsOf(flow, options);
        rank++;
        const local = this.#isLocalOnly(flow, to, index) && !isSame ? this.#localPorts(flow, ports, to) : [];
        if (local.length > 0) pair.add(rank, spec, flow, local, "be local");
        rank++;
        const shut = this.#isShut(flow, pair, index) ? subtract(ports, opened[flow.transport]) : [];
        if (shut.length > 0) pair.add(rank, spec, flow, shut, "be shut");
      }
    return pair.rows;
  }

  /** What a node of this kind holds for others and for itself. */
  listeners(kind: NodeKind): ListenerRow[] {
    const found = new Map<string, { rank: number; row: ListenerRow & { ports: PortInterval[] } }>();
    const pairs = this.#othersOf(kind).map((other) => this.between(other, kind, false));
    for (const { paths, targets } of [...pairs, this.between(kind, kind, true)]) {
      for (const { rank, localOnly, ports, redirectTo, targets: positions } of paths) {
        if (localOnly) continue; // its own row holds them on loopback
        for (const position of positions) {
          const { address, transport } = targets[position]!;
          const key = `${transport} ${address}`;
          const known = found.get(key) ?? { rank, row: { transport, address, ports: [] } };
          known.rank = Math.min(known.rank, rank);
          known.row.ports.push(...ports);
          // The host's own redirect delivers to this port, so something must answer there.
          if (redirectTo !== undefined) known.row.ports.push([redirectTo, redirectTo]);
          found.set(key, known);
        }
      }
    }
    return [...found.values()]
      .toSorted((a, b) => a.rank - b.rank || a.row.address - b.row.address)
      .map(({ row }) => ({ ...row, ports: normalise(row.ports) }));
  }

  /** Kinds of which there is another node. */
  #othersOf(kind: NodeKind): NodeKind[] {
    return this.#kinds.filter((other) => other.nodes.length > (other === kind ? 1 : 0));
  }

  /** Rows that are shut after the installation, and rows that are shut for who stands outside. */
  #isShut(flow: Flow, pair: Pair, spec: number): boolean {
    const isAfterInstall = isOver(flow, this.#phase) && flow.closed?.after === "install";
    if (isAfterInstall && pair.connects(flow, spec)) return true;
    // What is local to a host is shut for everybody already.
    const isForOutside = flow.closed?.from === "outside" && flow.scope !== "localhost";
    return isForOutside && pair.comesFromOutside(flow, spec, this.#specs[spec]!.spec);
  }

  /** What only the host itself may reach; nodes that share one host's loopback cannot be told apart by it. */
  #isLocalOnly(flow: Flow, to: NodeKind, spec: number): boolean {
    return (
      flow.scope === "localhost" && !isOver(flow, this.#phase) && !to.isLoopback && has(to, flow.to, spec)
    );
  }

  /** All but what another row opens at such a node, from wherever. */
  #localPorts(flow: Flow, ports: PortSet, to: NodeKind): PortSet {
    const openedHere = this.#specs.flatMap(({ options, flows }, spec) =>
      flows
        .filter((each) => each.transport === flow.transport && each.scope !== "localhost")
        .filter((each) => !isOver(each, this.#phase) && has(to, each.to, spec))
        .filter((each) => this.#othersOf(to).some((kind) => has(kind, each.from, spec)))
        .map((each) => portsOf(each, options)),
    );
    return subtract(ports, union(openedHere));
  }
}

function has(kind: NodeKind, roles: readonly string[], spec: number): boolean {
  return hasOneOf(roles, kind.roles[spec]!);
}

class Pair {
  readonly #from: NodeKind;
  readonly #to: NodeKind;
  readonly #isSame: boolean;
  readonly #paths: PathRow[] = [];
  readonly #targets: (Omit<TargetRow, "ports"> & { ports: PortInterval[] })[] = [];

  constructor(from: NodeKind, to: NodeKind, isSame: boolean) {
    this.#from = from;
    this.#to = to;
    this.#isSame = isSame;
  }

  /** Whether the flow leads from the one to the other. A localhost row is each host's own business. */
  connects(flow: Flow, spec: number): boolean {
    if (flow.scope === "localhost") return this.#isSame && has(this.#to, flow.to, spec);
    return !this.#isSame && has(this.#from, flow.from, spec) && has(this.#to, flow.to, spec);
  }

  comesFromOutside(flow: Flow, index: number, spec: ProductSpec): boolean {
    return !this.#isSame && isOutside(spec, this.#from.roles[index]!) && has(this.#to, flow.to, index);
  }

  /** The ports that some row opens between the two. */
  get opened(): Record<Transport, PortSet> {
    const of = (transport: Transport): PortSet =>
      union(this.#paths.filter((row) => row.transport === transport).map(({ ports }) => ports));
    return { tcp: of("tcp"), udp: of("udp") };
  }

  add(rank: number, spec: ProductSpec, flow: Flow, ports: PortSet, must: Must): void {
    const open = must === "be open";
    const protocol = open ? protocolFor(flow) : flow.transport;
    this.#paths.push({
      rank,
      spec: spec.id,
      flow: flow.name,
      doc: flow.doc,
      level: flow.level,
      transport: flow.transport,
      protocol,
      application: flow.application,
      security: flow.security,
      ports,
      open,
      anyOf: flow.anyOf !== undefined,
      redirectTo: flow.redirectTo,
      localOnly: must === "be local",
      targets: this.#addresses().map((address) => this.#target(address, protocol, flow.transport, ports)),
    });
  }

  get rows(): PairRows {
    return {
      paths: this.#paths,
      targets: this.#targets.map((target) => ({ ...target, ports: normalise(target.ports) })),
    };
  }

  /** A node without IPv6 cannot be blamed for not reaching an IPv6 address. */
  #addresses(): number[] {
    if (this.#isSame) return [loopbackAddress];
    return this.#to.families.flatMap((family, index) =>
      this.#from.families.includes(family) ? [index] : [],
    );
  }

  #target(address: number, protocol: ProtocolName, transport: Transport, ports: PortSet): number {
    const known = this.#targets.findIndex((each) => each.address === address && each.protocol === protocol);
    const position = known < 0 ? this.#targets.push({ address, protocol, transport, ports: [] }) - 1 : known;
    this.#targets[position]!.ports.push(...ports);
    return position;
  }
}
