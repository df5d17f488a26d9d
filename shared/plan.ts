/**
 * The plan: specs x cluster file, as a pure result. It says what each node listens on, what each node
 * probes, which paths those probes prove, and which rows nobody can probe here and why. Probes are shared:
 * a port that several flows need between two nodes is one listener and, for one protocol, one probe.
 */
import { isLoopback, localhostOf } from "./addresses.ts";
import type { Cluster, ClusterNode, Thresholds } from "./cluster-file.ts";
import { endpointsOf, type PlannedEndpoint } from "./endpoint-plan.ts";
import type { CheckPhase, Level, ProtocolName, RouteName, Security, Skippable, Transport } from "./names.ts";
import { having, portsOf, type Roles } from "./plan-rows.ts";
import { countPorts, normalise, subtract, union, type PortInterval, type PortSet } from "./ports.ts";
import { planRequirements } from "./requirements/plan-requirements.ts";
import type { PlannedRequirement } from "./requirements/requirement-check.ts";
import { protocolFor } from "./probe-protocol.ts";
import type { Flow, ProductSpec } from "./spec.ts";
import { conditionHolds, type OptionValues } from "./spec-options.ts";
import { statementsOf, type Statement } from "./statements.ts";

export interface PlannedNode extends ClusterNode {
  /** Position in the plan: how probes and messages name the node. */
  index: number;
  /** Present where it is a vantage point and none of the cluster's nodes. */
  outside?: true;
  listeners: readonly PlannedListener[];
}

/** Ports to hold on one address of the node, or on loopback for localhost rows. */
export interface PlannedListener {
  transport: Transport;
  address: string;
  ports: PortSet;
}

/** Probes from one node to one address of another, over one protocol. */
export interface Target {
  /** Position in the plan: how results refer to it. */
  id: number;
  from: number;
  to: number;
  address: string;
  protocol: ProtocolName;
  transport: Transport;
  ports: PortSet;
}

/** What a verdict is about: one flow between two nodes. */
export interface Path {
  from: number;
  to: number;
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
  /** Ids of the targets whose probes prove it, one for each address of the far node. */
  targets: readonly number[];
}

export interface Plan {
  cluster: string;
  phase: CheckPhase;
  thresholds: Thresholds;
  specs: readonly { id: string; version: string; title: string }[];
  /** Kinds of proxies that the cluster file has. */
  routes: readonly RouteName[];
  /** Sections that were left out. */
  skip: readonly Skippable[];
  nodes: readonly PlannedNode[];
  targets: readonly Target[];
  paths: readonly Path[];
  endpoints: readonly PlannedEndpoint[];
  requirements: readonly PlannedRequirement[];
  statements: readonly Statement[];
}

/** What of a cluster decides on the plan. */
export type PlannedCluster = Pick<Cluster, "name" | "nodes" | "specs" | "thresholds"> & {
  /** Ways out of the cluster. */
  routes: readonly RouteName[];
};

export function makePlan(cluster: Cluster, phase: CheckPhase, skip: readonly Skippable[] = []): Plan {
  const routes = Object.keys(cluster.outside.proxies) as RouteName[];
  return planFor({ ...cluster, routes }, phase, skip);
}

export function planFor(cluster: PlannedCluster, phase: CheckPhase, skip: readonly Skippable[]): Plan {
  const builder = new PlanBuilder(cluster);
  const endpoints: PlannedEndpoint[] = [];
  const requirements: PlannedRequirement[] = [];
  const statements: Statement[] = [];
  const allSpecs = cluster.specs.map(({ spec }) => spec);
  const applying = cluster.specs.map(({ spec, options }) => ({
    spec,
    options,
    rolesOf: cluster.nodes.map((node) => rolesIn(spec, node, allSpecs)),
    flows: spec.flows.filter((flow) => conditionHolds(flow.when, options)),
  }));
  for (const { spec, options, rolesOf, flows } of applying) {
    for (const flow of flows) builder.addOpen(spec, flow, options, phase, rolesOf);
  }
  // What one row opens no other row closes, so all that must be open has to be known first.
  for (const { spec, options, rolesOf, flows } of applying) {
    for (const flow of flows) builder.addClosed(spec, flow, options, phase, rolesOf);
    const scope = { spec, options, phase, rolesOf };
    const outside = skip.includes("endpoints")
      ? []
      : endpointsOf(scope, cluster.routes).filter(
          ({ section }) => section !== "requirements" || !skip.includes("requirements"),
        );
    for (const endpoint of outside) endpoints.push({ ...endpoint, id: endpoints.length });
    const plannedEndpoints = new Set(outside.map(({ section, row }) => `${section}/${row}`));
    const asked = planRequirements(scope, { routes: cluster.routes, plannedEndpoints, skip });
    if (!skip.includes("requirements")) requirements.push(...asked.planned);
    statements.push(
      ...statementsOf(scope, {
        skip,
        plannedEndpoints,
        unplannedRequirements: asked.unplanned,
        plannedFlows: builder.flowsOf(spec),
        hasVantage: vantagesOf(spec, rolesOf).length > 0,
      }),
    );
  }
  return {
    cluster: cluster.name,
    phase,
    thresholds: cluster.thresholds,
    specs: cluster.specs.map(({ spec: { id, version, title } }) => ({ id, version, title })),
    routes: cluster.routes,
    skip,
    ...builder.build(),
    endpoints,
    requirements,
    statements,
  };
}

export function countProbes(targets: Iterable<Target>): number {
  return Array.from(targets).reduce((sum, target) => sum + countPorts(target.ports), 0);
}

/**
 * The roles a node has in a spec: its own, and those that mean every node of the cluster. A node that has
 * nothing but outside roles, in whichever spec, is a vantage point and not one of the cluster's nodes.
 */
export function rolesIn(
  spec: ProductSpec,
  node: ClusterNode,
  allSpecs: readonly ProductSpec[] = [spec],
): ReadonlySet<string> {
  const own = node.roles.filter((role) => spec.roles[role] !== undefined);
  const implied = isVantage(node, allSpecs)
    ? []
    : Object.keys(spec.roles).filter((role) => spec.roles[role]?.everyNode === true);
  return new Set([...own, ...implied]);
}

function isVantage({ roles }: ClusterNode, allSpecs: readonly ProductSpec[]): boolean {
  const places = roles.flatMap((role) => allSpecs.flatMap((each) => each.roles[role]?.place ?? []));
  return places.length > 0 && places.every((place) => place === "outside");
}

/** Who probes whom for a flow. A localhost row is each host's own business. */
function pairsOf(flow: Flow, rolesOf: Roles): [from: number, to: number][] {
  const destinations = having(flow.to, rolesOf);
  if (flow.scope === "localhost") return destinations.map((node) => [node, node]);
  return having(flow.from, rolesOf).flatMap((from) =>
    destinations.filter((to) => to !== from).map((to): [number, number] => [from, to]),
  );
}

/** Nodes that stand outside of the cluster. */
function vantagesOf(spec: ProductSpec, rolesOf: Roles): number[] {
  return rolesOf.flatMap((own, index) =>
    own.size > 0 && [...own].every((role) => spec.roles[role]?.place === "outside") ? [index] : [],
  );
}

function pairKey(from: number, to: number, { transport }: Flow): string {
  return `${from} ${to} ${transport}`;
}

class PlanBuilder {
  readonly #cluster: PlannedCluster;
  readonly #listeners = new Map<
    string,
    { node: number; transport: Transport; address: string; ports: PortInterval[] }
  >();
  readonly #targets = new Map<string, Omit<Target, "ports"> & { ports: PortInterval[] }>();
  readonly #paths: Path[] = [];
  /** Ports that some row opens between two nodes. */
  readonly #opened = new Map<string, PortSet>();
  /** Ports that some row opens to a node, from wherever. */
  readonly #openedAt = new Map<string, PortSet>();

  constructor(cluster: PlannedCluster) {
    this.#cluster = cluster;
  }

  addOpen(spec: ProductSpec, flow: Flow, options: OptionValues, phase: CheckPhase, rolesOf: Roles): void {
    if (phase === "runtime" && flow.phase === "install") return;
    const ports = portsOf(flow, options);
    for (const [from, to] of pairsOf(flow, rolesOf)) {
      const key = pairKey(from, to, flow);
      this.#opened.set(key, union([this.#opened.get(key) ?? [], ports]));
      if (from !== to) {
        const at = `${to} ${flow.transport}`;
        this.#openedAt.set(at, union([this.#openedAt.get(at) ?? [], ports]));
      }
      this.#addPath(spec, flow, from, to, ports, "be open");
    }
  }

  /** Rows that are shut after the installation, and rows that are shut for who stands outside. */
  addClosed(spec: ProductSpec, flow: Flow, options: OptionValues, phase: CheckPhase, rolesOf: Roles): void {
    const afterInstall = phase === "runtime" && flow.phase === "install" && flow.closed?.after === "install";
    if (flow.scope === "localhost" && !(phase === "runtime" && flow.phase === "install"))
      this.#addLocalOnly(spec, flow, portsOf(flow, options), rolesOf);
    const shut = afterInstall ? pairsOf(flow, rolesOf) : [];
    // What is local to a host is shut for everybody already.
    if (flow.closed?.from === "outside" && flow.scope !== "localhost") {
      for (const from of vantagesOf(spec, rolesOf)) {
        for (const to of having(flow.to, rolesOf)) if (from !== to) shut.push([from, to]);
      }
    }
    for (const [from, to] of shut) {
      const ports = subtract(portsOf(flow, options), this.#opened.get(pairKey(from, to, flow)) ?? []);
      if (ports.length > 0) this.#addPath(spec, flow, from, to, ports, "be shut");
    }
  }

  /** What only the host itself may reach is shut for every other node, unless another row opens it there. */
  #addLocalOnly(spec: ProductSpec, flow: Flow, ports: PortSet, rolesOf: Roles): void {
    for (const to of having(flow.to, rolesOf)) {
      const node = this.#cluster.nodes[to]!;
      // Nodes that share one host's loopback cannot be told apart by it.
      if (node.addresses.some(isLoopback)) continue;
      const shut = subtract(ports, this.#openedAt.get(`${to} ${flow.transport}`) ?? []);
      if (shut.length === 0) continue;
      for (const from of this.#cluster.nodes.keys())
        if (from !== to) this.#addPath(spec, flow, from, to, shut, "be local");
    }
  }

  /** Names of the flows of a spec that have a path. */
  flowsOf(spec: ProductSpec): ReadonlySet<string> {
    return new Set(this.#paths.flatMap((path) => (path.spec === spec.id ? [path.flow] : [])));
  }

  #addPath(
    spec: ProductSpec,
    flow: Flow,
    from: number,
    to: number,
    ports: PortSet,
    must: "be open" | "be shut" | "be local",
  ): void {
    const open = must === "be open";
    const protocol = open ? protocolFor(flow) : flow.transport;
    const node = this.#cluster.nodes[to]!;
    const addresses =
      from === to ? [localhostOf(node.addresses[0]!)] : reachableAddresses(this.#cluster.nodes[from]!, node);
    const targets = addresses.map((address) => {
      const target = this.#target(from, to, address, protocol, flow.transport, ports);
      if (must === "be local") return target; // its own row holds them on loopback
      this.#listen(to, flow.transport, address, ports);
      // The host's own redirect delivers to this port, so something must answer there.
      if (flow.redirectTo !== undefined)
        this.#listen(to, flow.transport, address, [[flow.redirectTo, flow.redirectTo]]);
      return target;
    });
    this.#paths.push({
      from,
      to,
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
      targets,
    });
  }

  #listen(node: number, transport: Transport, address: string, ports: PortSet): void {
    const key = `${node} ${transport} ${address}`;
    const listener = this.#listeners.get(key) ?? { node, transport, address, ports: [] };
    listener.ports.push(...ports);
    this.#listeners.set(key, listener);
  }

  #target(
    from: number,
    to: number,
    address: string,
    protocol: ProtocolName,
    transport: Transport,
    ports: PortSet,
  ): number {
    const key = `${from} ${to} ${address} ${protocol}`;
    const target = this.#targets.get(key) ?? {
      id: this.#targets.size,
      from,
      to,
      address,
      protocol,
      transport,
      ports: [],
    };
    target.ports.push(...ports);
    this.#targets.set(key, target);
    return target.id;
  }

  build(): Pick<Plan, "nodes" | "targets" | "paths"> {
    const listeners = [...this.#listeners.values()];
    const allSpecs = this.#cluster.specs.map(({ spec }) => spec);
    return {
      nodes: this.#cluster.nodes.map((node, index) => ({
        ...node,
        index,
        ...(isVantage(node, allSpecs) ? { outside: true } : {}),
        listeners: listeners
          .filter((listener) => listener.node === index)
          .map(({ transport, address, ports }) => ({ transport, address, ports: normalise(ports) })),
      })),
      targets: Array.from(this.#targets.values(), (target) => ({
        ...target,
        ports: normalise(target.ports),
      })),
      paths: this.#paths,
    };
  }
}

/** A node without IPv6 cannot be blamed for not reaching an IPv6 address. */
function reachableAddresses(from: ClusterNode, to: ClusterNode): readonly string[] {
  const isV6 = (address: string): boolean => address.includes(":");
  const families = new Set(from.addresses.map(isV6));
  return to.addresses.filter((address) => families.has(isV6(address)));
}
