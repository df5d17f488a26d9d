/** The cluster file of a check in a lab: nodes are hosts, with the addresses that the lab gave them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCluster } from "../../cli/cluster-input.ts";
import type { CheckPhase } from "../../shared/names.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import type { Lab } from "./lab.ts";

export interface LabNode {
  name: string;
  roles?: readonly string[];
  /** Which of the host's addresses the cluster file names. */
  families?: readonly ("v4" | "v6")[];
  /** What the cluster file says where it is wrong. */
  addresses?: readonly string[];
}

export interface LabCluster {
  /** As in a cluster file, or a spec to be written beside it. */
  specs: readonly ({ id: string; options?: Record<string, unknown> } | { file: string } | { spec: object })[];
  nodes: readonly LabNode[];
  thresholds?: { rtt?: string; loss?: string };
  probing?: {
    interval?: string;
    timeout?: string;
    budget?: string;
    outside?: string;
    bandwidth?: { duration?: string; megabytes?: number };
  };
  /** What the cluster file says of the world outside: proxies, resolve, trust, pins. */
  outside?: Readonly<Record<string, unknown>>;
  /** Files beside the cluster file, by name. */
  files?: Readonly<Record<string, string>>;
}

/** The plan that a check of this cluster makes. */
export function planOf(lab: Lab, cluster: LabCluster, phase: CheckPhase): Plan {
  const folder = mkdtempSync(join(tmpdir(), "portmesh-plan-"));
  try {
    return makePlan(readCluster(writeCluster(folder, lab, cluster)), phase);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the path of the cluster file. */
export function writeCluster(
  folder: string,
  lab: Lab,
  { specs, nodes, thresholds, probing, outside = {}, files = {} }: LabCluster,
): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const cluster = {
    name: "lab",
    specs: specs.map((entry, index) => {
      if (!("spec" in entry)) return entry;
      const file = join(folder, `spec${index}.yaml`);
      writeFileSync(file, JSON.stringify(entry.spec));
      return { file };
    }),
    nodes: nodes.map(({ name, roles = [], families = ["v4"], addresses }) => {
      const host = lab.host(name);
      const own = families.map((family) => (family === "v4" ? host.address : host.address6));
      return { name, addresses: addresses ?? own, roles, zone: host.zone };
    }),
    ...(thresholds === undefined ? {} : { thresholds }),
    ...(probing === undefined ? {} : { probing }),
    ...outside,
  };
  const path = join(folder, "cluster.yaml");
  writeFileSync(path, JSON.stringify(cluster));
  return path;
}
