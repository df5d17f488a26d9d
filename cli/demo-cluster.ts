/** A cluster of made-up nodes on 127.0.0.0/8 for any spec, so that a product can be tried on one host. */
import { defaultHistory, noSchedule } from "../shared/calendar-settings.ts";
import { defaultBandwidth, defaultThresholds, type Cluster } from "../shared/cluster-file.ts";
import { nothingOutside } from "../shared/outside.ts";
import type { ProductSpec } from "../shared/spec.ts";
import type { OptionValue } from "../shared/spec-options.ts";

/** Away from 127.0.0.1, where the host's own services listen. */
const network = "127.77.0";
export const maxDemoNodes = 40;

export function demoCluster(spec: ProductSpec, nodes: number): Cluster {
  const roles = dealRoles(spec, nodes);
  const options: Record<string, OptionValue | undefined> = {};
  for (const [name, option] of Object.entries(spec.options))
    options[name] = option.default ?? (option.type === "choice" ? option.values?.[0] : undefined);
  return {
    name: "demo",
    specs: [{ spec, options }],
    nodes: Array.from({ length: nodes }, (_, index) => ({
      name: `n${index + 1}`,
      addresses: [`${network}.${index + 1}`],
      roles: roles[index]!,
      zone: index % 2 === 0 ? "a" : "b",
    })),
    probing: {
      intervalMs: 30_000,
      timeoutMs: 4_000,
      budgetMs: 60_000,
      outsideMs: 300_000,
      bandwidth: defaultBandwidth,
    },
    thresholds: defaultThresholds,
    outside: nothingOutside,
    notify: [],
    schedule: noSchedule,
    history: defaultHistory,
  };
}

/**
 * Roles that talk among themselves (and an only role) go to the first half of the nodes, at least three;
 * the others go to one node each, beginning with the last.
 */
function dealRoles(spec: ProductSpec, nodes: number): string[][] {
  const roles = Object.entries(spec.roles).flatMap(([name, role]) =>
    role.place === "in-cluster" && role.everyNode !== true ? [name] : [],
  );
  const isMesh = (role: string): boolean =>
    roles.length === 1 || spec.flows.some(({ from, to }) => from.includes(role) && to.includes(role));
  const meshed = Math.min(nodes, Math.max(3, Math.ceil(nodes / 2)));
  const single = roles.filter((role) => !isMesh(role));
  return Array.from({ length: nodes }, (_, index) => [
    ...roles.filter((role) => isMesh(role) && index < meshed),
    ...single.filter((_role, position) => position % nodes === nodes - 1 - index),
  ]);
}
