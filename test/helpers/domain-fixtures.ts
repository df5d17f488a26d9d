/** Small made-up specs, clusters and plans; each goes through the real parser, so that no test rests on an impossible value. */
import { parseCluster, type Cluster, type SpecSource } from "../../shared/cluster-file.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import {
  parseSpec,
  type Endpoint,
  type Flow,
  type ProductSpec,
  type Requirement,
} from "../../shared/spec.ts";

/** A flow between nodes of the role `peer` on tcp/9000, but for what `parts` says. */
export function flowOf(name: string, parts: Partial<Flow> = {}): Flow {
  const named = parts.anyOf !== undefined || parts.configurable !== undefined;
  return {
    name,
    description: `The flow ${name}.`,
    doc: "ports:1",
    phase: "both",
    level: "required",
    from: ["peer"],
    to: ["peer"],
    transport: "tcp",
    ...(named ? {} : { ports: 9000 }),
    application: "made-up",
    security: "none",
    scope: "cluster",
    ...parts,
  };
}

/** A requirement of every peer, but for what `parts` says. */
export function requirementOf(
  name: string,
  kind: Requirement["kind"],
  parts: Partial<Requirement> = {},
): Requirement {
  return {
    name,
    kind,
    description: `The requirement ${name}.`,
    on: ["peer"],
    expected: "as it should be",
    phase: "both",
    level: "required",
    doc: "ports:1",
    ...parts,
  };
}

/** An endpoint of every peer on tcp/443, but for what `parts` says. */
export function endpointRowOf(name: string, parts: Partial<Endpoint> = {}): Endpoint {
  const named = parts.anyOf !== undefined || parts.configurable !== undefined || parts.transport === "icmp";
  const isPlaced = parts.supplied !== undefined || parts.addresses !== undefined;
  return {
    name,
    description: `The endpoint ${name}.`,
    doc: "ports:1",
    phase: "both",
    level: "required",
    from: ["peer"],
    ...(isPlaced ? {} : { hosts: [`${name}.example.com`] }),
    transport: "tcp",
    ...(named ? {} : { ports: 443 }),
    application: "https",
    security: "tls",
    ...parts,
  };
}

export interface SpecParts {
  id?: string;
  options?: ProductSpec["options"];
  roles?: Record<string, Partial<ProductSpec["roles"][string]>>;
  flows?: readonly Flow[];
  endpoints?: readonly Endpoint[];
  requirements?: readonly Requirement[];
}

/** What a spec file says, as a value. */
export function specValue(parts: SpecParts = {}): ProductSpec {
  const {
    id = "made-up",
    options = {},
    roles = { peer: {} },
    flows = [],
    endpoints = [],
    requirements = [],
  } = parts;
  return {
    id,
    title: "Made up",
    version: "1.0.0",
    source: [{ id: "ports", title: "Ports", lines: 100, sha256: "0".repeat(64), read: "2026-11-21" }],
    options,
    roles: Object.fromEntries(
      Object.entries(roles).map(([name, role]) => [
        name,
        { title: name, place: "in-cluster", doc: "ports:1", ...role },
      ]),
    ),
    flows: [...flows],
    endpoints: [...endpoints],
    requirements: [...requirements],
  };
}

export function specOf(parts: SpecParts = {}): ProductSpec {
  return parseSpec(JSON.stringify(specValue(parts)), `${parts.id ?? "made-up"}.yaml`);
}

/** Ships the given specs and nothing else. */
function specSourceOf(...specs: readonly ProductSpec[]): SpecSource {
  return {
    shippedIds: () => specs.map(({ id }) => id),
    shipped: (id) => specs.find((spec) => spec.id === id)!,
    file: () => undefined,
    text: () => undefined,
  };
}

export interface NodeParts {
  name: string;
  address?: string;
  addresses?: string[];
  roles?: string[];
  zone?: string;
  publicAddress?: string;
}

/** A cluster of these nodes for one or several specs, each maybe with options. */
export function clusterOf(
  specs: readonly ProductSpec[] | ProductSpec,
  nodes: readonly NodeParts[],
  options: Readonly<Record<string, unknown>> = {},
): Cluster {
  const list = Array.isArray(specs) ? (specs as readonly ProductSpec[]) : [specs as ProductSpec];
  const file = { name: "prod", specs: list.map(({ id }) => ({ id, options })), nodes };
  return parseCluster(JSON.stringify(file), "cluster.yaml", specSourceOf(...list));
}

/** Nodes n1, n2 … at 10.0.0.1, 10.0.0.2 …, each with its roles. */
export function nodesOf(...roles: readonly string[][]): NodeParts[] {
  return roles.map((own, index) => ({ name: `n${index + 1}`, address: `10.0.0.${index + 1}`, roles: own }));
}

/** What a reader of an invalid file is told, a line a mistake; nothing where it is valid. */
export function mistakesOf(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.message.split("\n");
  }
}
