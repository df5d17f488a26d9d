/**
 * The plan: specs x cluster file, as a pure result. It says what each node listens on, what each node
 * probes, which paths those probes prove, and which rows nobody can probe here and why. Probes are shared:
 * a port that several flows need between two nodes is one listener and, for one protocol, one probe.
 */
import type { Cluster, ClusterNode, Thresholds } from "./cluster-file.ts";
import { endpointsOf, type PlannedEndpoint } from "./endpoint-plan.ts";
import type { CheckPhase, RouteName, Skippable, Transport } from "./names.ts";
import { kindsOf, PairRowsBuilder, type NodeKind } from "./pair-rows.ts";
import { addressAt, PairTable, type Path, type Target } from "./pair-table.ts";
import { isOutside } from "./plan-rows.ts";
import { countPorts, type PortSet } from "./ports.ts";
import { planRequirements } from "./requirements/plan-requirements.ts";
import type { PlannedRequirement } from "./requirements/requirement-check.ts";
import type { ProductSpec } from "./spec.ts";
import { conditionHolds } from "./spec-options.ts";
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

export type { Path, Target } from "./pair-table.ts";

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
  pairs: PairTable;
  /** All of them as objects, made when first asked for: for clusters of which a report is made. In the order of the specs' rows. */
  readonly paths: readonly Path[];
  /** By their ids. */
  readonly targets: readonly Target[];
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
  const rolesOfNodes = cluster.nodes.map((_, node) => applying.map((each) => each.rolesOf[node]!));
  const kinds = kindsOf(cluster.nodes, rolesOfNodes);
  const builder = new PairRowsBuilder(applying, kinds, phase);
  const pairs = new PairTable(cluster.nodes, kinds, builder);
  const rows = pairs.distinctRows.flatMap(({ paths: ofPair }) => ofPair);
  for (const { spec, options, rolesOf } of applying) {
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
        plannedFlows: new Set(rows.flatMap((row) => (row.spec === spec.id ? [row.flow] : []))),
        hasVantage: rolesOf.some((own) => isOutside(spec, own)),
      }),
    );
  }
  let paths: readonly Path[] | undefined;
  let targets: readonly Target[] | undefined;
  return {
    cluster: cluster.name,
    phase,
    thresholds: cluster.thresholds,
    specs: cluster.specs.map(({ spec: { id, version, title } }) => ({ id, version, title })),
    routes: cluster.routes,
    skip,
    nodes: plannedNodes(cluster.nodes, allSpecs, kinds, builder),
    pairs,
    get paths() {
      return (paths ??= [...pairs.paths()].toSorted((a, b) => a.rank - b.rank || a.id - b.id));
    },
    get targets() {
      return (targets ??= [...pairs.targets()]);
    },
    endpoints,
    requirements,
    statements,
  };
}

function plannedNodes(
  nodes: readonly ClusterNode[],
  allSpecs: readonly ProductSpec[],
  kinds: readonly NodeKind[],
  builder: PairRowsBuilder,
): PlannedNode[] {
  const planned: PlannedNode[] = [];
  for (const kind of kinds) {
    const rows = builder.listeners(kind);
    for (const index of kind.nodes) {
      const node = nodes[index]!;
      const listeners = rows.map(({ transport, address, ports }) => ({
        transport,
        address: addressAt(node, address),
        ports,
      }));
      const outside = isVantage(node, allSpecs) ? { outside: true as const } : {};
      planned[index] = { ...node, index, ...outside, listeners };
    }
  }
  return planned;
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
