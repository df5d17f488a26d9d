/** A cluster of made-up nodes on 127.0.0.0/8 for any spec, so that a product can be tried on one host. */
import type { Cluster } from "../shared/cluster-file.ts";
import type { ProductSpec } from "../shared/spec.ts";
import type { OptionValue } from "../shared/spec-options.ts";

/** Away from 127.0.0.1, where the host's own services listen. */
const network = "127.77.0";
export const maxDemoNodes = 40;

/**
 * A role that only some nodes have goes to the first half of them; where there are several such roles they
 * are dealt out in turn, each to at least two nodes where there are enough.
 */
export function demoCluster(spec: ProductSpec, nodes: number): Cluster {
  const roles = Object.entries(spec.roles).flatMap(([name, role]) => (role.place === "in-cluster" && role.everyNode !== true ? [name] : []));
  const rolesOf = (index: number): string[] => {
    if (roles.length === 1) return index < Math.ceil(nodes / 2) ? roles : [];
    return roles.filter((_, position) => position % nodes === index || (position + 1) % nodes === index);
  };
  const options: Record<string, OptionValue | undefined> = {};
  for (const [name, option] of Object.entries(spec.options)) options[name] = option.default ?? (option.type === "choice" ? option.values?.[0] : undefined);
  return {
    name: "demo",
    specs: [{ spec, options }],
    nodes: Array.from({ length: nodes }, (_, index) => ({
      name: `n${index + 1}`,
      addresses: [`${network}.${index + 1}`],
      roles: rolesOf(index),
      zone: index % 2 === 0 ? "a" : "b",
    })),
    probing: { intervalMs: 30_000, timeoutMs: 4_000, budgetMs: 60_000 },
  };
}
