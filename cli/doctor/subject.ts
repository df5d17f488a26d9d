/** Whom the doctor looks at: this host as a node of a cluster file, as a node of any role of a spec, or by itself. */
import { hostname } from "node:os";
import { ownAddresses } from "../../agent/health.ts";
import { isLoopback } from "../../shared/addresses.ts";
import { defaultThresholds, type Cluster, type Thresholds } from "../../shared/cluster-file.ts";
import { PortmeshError } from "../../shared/errors.ts";
import type { CheckPhase } from "../../shared/names.ts";
import { makePlan, planFor, type Plan, type PlannedNode } from "../../shared/plan.ts";
import { eachPort } from "../../shared/ports.ts";
import type { PlannedRequirement } from "../../shared/requirements/requirement-check.ts";
import type { ProductSpec } from "../../shared/spec.ts";

export interface DoctorSubject {
  cluster: string | undefined;
  /** Its name in the cluster file. */
  name: string | undefined;
  phase: CheckPhase;
  specs: Plan["specs"];
  thresholds: Thresholds;
  /** This host, as the only node there is. */
  node: PlannedNode;
  /** What the specs ask of it. */
  requirements: readonly PlannedRequirement[];
  /** Ports of services that hosts have whatever the product, as `tcp 22`. */
  hostServices: ReadonlySet<string>;
  /** What could not be taken into account. */
  notes: readonly string[];
}

/** `address`: the one that this host would use. */
export function hostAlone(phase: CheckPhase, address: string): DoctorSubject {
  return {
    cluster: undefined,
    name: undefined,
    phase,
    specs: [],
    thresholds: defaultThresholds,
    node: { name: hostname(), index: 0, addresses: [address], roles: [], zone: undefined, listeners: [] },
    requirements: [],
    hostServices: new Set(),
    notes: [],
  };
}

/** Applications that the operating system brings, on their registered ports; on others they are a product's own. */
const ofTheHost = new Map([
  ["ssh", 22],
  ["scp", 22],
  ["sftp", 22],
  ["ntp", 123],
  ["dns", 53],
]);

/**
 * @throws PortmeshError where the cluster file has no such node, or it is to be found by the addresses of this host
 *   and is not.
 */
export function nodeOfCluster(cluster: Cluster, name: string | undefined, phase: CheckPhase): DoctorSubject {
  const own = ownAddresses();
  const names = cluster.nodes.map((node) => node.name).join(", ");
  const candidates = cluster.nodes.filter((node) =>
    name === undefined ? node.addresses.some((address) => own.has(address)) : node.name === name,
  );
  const [found] = candidates;
  if (found === undefined || candidates.length > 1) {
    const message =
      name === undefined
        ? `${candidates.length === 0 ? "no node" : "more than one node"} of the cluster file has an address of this host`
        : `the cluster file has no node ${name}`;
    throw new PortmeshError("usage", message, { next: `Name one with --node: ${names}.` });
  }
  return {
    ...subjectOf(makePlan(cluster, phase), cluster.nodes.indexOf(found)),
    cluster: cluster.name,
    name: found.name,
    // All of 127.0.0.0/8 is every host's own.
    notes:
      own.isDisjointFrom(new Set(found.addresses)) && !found.addresses.some(isLoopback)
        ? [`${found.addresses.join(", ")} is on no interface of this host: another host, or behind a NAT`]
        : [],
  };
}

/** Of every role that a node of a cluster can have. */
export function anyNodeOf(spec: ProductSpec, phase: CheckPhase, address: string): DoctorSubject {
  const roles = (place: "in-cluster" | "outside"): string[] =>
    Object.entries(spec.roles).flatMap(([role, entry]) => (entry.place === place ? [role] : []));
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([option, entry]) => [option, entry.default]),
  );
  const unchosen = Object.entries(spec.options).filter(
    ([, { type, default: usual }]) => type === "choice" && usual === undefined,
  );
  // Ports are held for others: one node of each kind, at addresses that nobody has (RFC 5737, RFC 3849).
  const nodes = [
    { name: hostname(), addresses: [address], roles: roles("in-cluster") },
    { name: "another node", addresses: ["192.0.2.1", "2001:db8::1"], roles: roles("in-cluster") },
    { name: "somebody outside", addresses: ["192.0.2.2", "2001:db8::2"], roles: roles("outside") },
  ].map((node) => ({ ...node, zone: undefined }));
  const cluster = {
    name: spec.id,
    specs: [{ spec, options }],
    nodes,
    thresholds: defaultThresholds,
    routes: [],
  };
  return {
    ...subjectOf(planFor(cluster, phase, []), 0),
    notes: unchosen.map(
      ([option, { values = [] }]) =>
        `what depends on ${option} (${values.join(", ")}) is left out: a cluster file chooses it`,
    ),
  };
}

function subjectOf(plan: Plan, index: number): DoctorSubject {
  const node = plan.nodes[index]!;
  return {
    cluster: undefined,
    name: undefined,
    phase: plan.phase,
    specs: plan.specs,
    thresholds: plan.thresholds,
    node: { ...node, index: 0 },
    requirements: plan.requirements
      .filter(({ on }) => on.includes(index))
      .map((planned) => ({ ...planned, on: [0], toward: [] })),
    hostServices: new Set(
      plan.paths
        .filter(({ to }) => to === index)
        .flatMap(({ transport, ports, application }) =>
          Array.from(eachPort(ports))
            .filter((port) => port === ofTheHost.get(application))
            .map((port) => `${transport} ${port}`),
        ),
    ),
    notes: [],
  };
}
