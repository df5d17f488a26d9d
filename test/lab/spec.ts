/** Specs for labs: a product of roles and flows, in as few words as a table of faults needs. */
import type { ProductSpec } from "../../shared/spec.ts";

type Flow = ProductSpec["flows"][number];
type Endpoint = ProductSpec["endpoints"][number];
type Requirement = ProductSpec["requirements"][number];
export type LabFlow = Pick<Flow, "name" | "transport"> & { ports: string } & Partial<Omit<Flow, "ports">>;

export type LabEndpoint = Pick<Endpoint, "name"> & { ports?: string } & Partial<Omit<Endpoint, "ports">>;

/** Of the first role and toward the same, unless it says otherwise. */
export type LabRequirement = Pick<Requirement, "name" | "kind"> & Partial<Requirement>;

export interface LabSpecOptions {
  flows?: readonly LabFlow[];
  /** HTTPS on port 443 where nothing else is said. */
  endpoints?: readonly LabEndpoint[];
  /** Where no role is named, every node is a `nodes` and flows are between all of them. */
  roles?: Readonly<Record<string, "in-cluster" | "outside">>;
  requirements?: readonly LabRequirement[];
}

export function labSpec({ flows = [], endpoints = [], requirements = [], roles }: LabSpecOptions): object {
  const everybody = { nodes: { title: "All nodes", place: "in-cluster", everyNode: true, doc: "guide:1" } };
  const named = Object.entries(roles ?? {}).map(([name, place]) => [
    name,
    { title: name, place, doc: "guide:1" },
  ]);
  const names = roles === undefined ? ["nodes"] : Object.keys(roles);
  return {
    id: "lab",
    title: "A product of the lab",
    version: "1.0.0",
    source: [{ id: "guide", title: "A guide", lines: 9, sha256: "0".repeat(64), read: "2026-01-01" }],
    options: {},
    roles: roles === undefined ? everybody : Object.fromEntries(named),
    flows: flows.map((flow) => ({
      from: names.slice(0, 1),
      to: names.slice(-1),
      application: flow.security === undefined ? "rpc" : "https",
      security: "none",
      scope: "cluster",
      phase: "both",
      level: "required",
      description: `The ${flow.name} ports.`,
      doc: "guide:2",
      ...flow,
    })),
    endpoints: endpoints.map((endpoint) => ({
      from: names.slice(0, 1),
      transport: "tcp",
      ...(endpoint.anyOf === undefined && endpoint.transport !== "icmp" ? { ports: "443" } : {}),
      application: "https",
      security: "tls",
      phase: "both",
      level: "required",
      description: `The ${endpoint.name} outside.`,
      doc: "guide:3",
      ...endpoint,
    })),
    requirements: requirements.map((requirement) => ({
      on: names.slice(0, 1),
      ...(isPaired(requirement) ? { toward: names.slice(0, 1) } : {}),
      expected: requirement.kind,
      phase: "both",
      level: "required",
      description: `The ${requirement.name} of a node.`,
      doc: "guide:4",
      ...requirement,
    })),
  };
}

/** What is measured between nodes. */
function isPaired({ kind }: LabRequirement): boolean {
  return kind === "bandwidth" || kind === "latency";
}
