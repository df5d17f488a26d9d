/** Nodes, facts and contexts by hand, for checks of requirements and what is made of them. */
import { defaultThresholds } from "../../shared/cluster-file.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import type { PlannedNode } from "../../shared/plan.ts";
import type { PortSet } from "../../shared/ports.ts";
import type {
  ClockOffset,
  PlannedRequirement,
  RequirementContext,
} from "../../shared/requirements/requirement-check.ts";
import type { Requirement } from "../../shared/spec.ts";

/** n1 at 10.0.0.1, n2 at 10.0.0.2 …, which hold these TCP ports. */
export function plannedNode(
  index: number,
  ports: PortSet = [],
  parts: Partial<PlannedNode> = {},
): PlannedNode {
  const address = `10.0.0.${index + 1}`;
  return {
    name: `n${index + 1}`,
    index,
    addresses: [address],
    roles: [],
    zone: undefined,
    listeners: ports.length === 0 ? [] : [{ transport: "tcp", address, ports }],
    ...parts,
  };
}

/** Of a host with nothing special, but for what `parts` says; `address` is on eth0. */
function factsOf(address: string, parts: Partial<NodeFacts> = {}): NodeFacts {
  return {
    sysctls: {},
    modules: {},
    interfaces: [
      { name: "eth0", mtu: 1_500, addresses: [{ address, prefix: 24, leased: false, from: "ip addr" }] },
    ],
    ephemeral: { first: 32_768, last: 60_999, reserved: "" },
    conntrack: { count: 100, max: 262_144 },
    descriptors: { soft: 1_024, hard: 1_024, hostUsed: 1_000, hostMax: 1_000_000 },
    clock: { synchronized: true, from: "timedatectl" },
    certificates: [],
    downloads: [],
    ...parts,
  };
}

export interface ContextParts extends Partial<Omit<RequirementContext, "facts" | "clock" | "nodes">> {
  /** By node; undefined for one without an agent. */
  facts?: readonly (Partial<NodeFacts> | undefined)[];
  clock?: readonly (ClockOffset | undefined)[];
}

/** A context of these nodes; facts are those of ordinary hosts where nothing is said. */
export function contextOf(nodes: readonly PlannedNode[], parts: ContextParts = {}): RequirementContext {
  const { facts, clock, ...rest } = parts;
  return {
    phase: "install",
    now: new Date("2026-11-21T12:00:00Z"),
    thresholds: defaultThresholds,
    proxies: [],
    nodes,
    facts: (node) => {
      if (facts !== undefined && facts[node] === undefined) return undefined;
      return factsOf(nodes[node]!.addresses[0]!, facts?.[node]);
    },
    clock: (node) => clock?.[node],
    bandwidth: () => undefined,
    endpoints: [],
    paths: [],
    ...rest,
  };
}

/** A row of the spec `made-up` about all nodes of a context. */
export function plannedRequirement(
  row: Pick<Requirement, "kind" | "expected"> & Partial<Requirement>,
  nodes: readonly PlannedNode[],
): PlannedRequirement {
  return {
    spec: "made-up",
    row: {
      name: "made-up",
      description: "Made up.",
      doc: "d:1",
      phase: "both",
      level: "required",
      on: ["peer"],
      ...row,
    },
    on: [...nodes.keys()],
    toward: [],
    options: {},
    services: [],
  };
}
