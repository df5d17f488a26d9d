/** The cluster file of a check in a lab: nodes are hosts, with the addresses that the lab gave them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
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
    bandwidth?: { duration?: string; megabytes?: number };
  };
}

/** Returns the path of the cluster file. */
export function writeCluster(
  folder: string,
  lab: Lab,
  { specs, nodes, thresholds, probing }: LabCluster,
): string {
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
  };
  const path = join(folder, "cluster.yaml");
  writeFileSync(path, JSON.stringify(cluster));
  return path;
}
