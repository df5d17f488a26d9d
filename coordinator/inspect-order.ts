/** What one node is told to look at: its own settings, and its endpoints. */
import type { WireEndpoint, WireOutside } from "../shared/endpoint-report.ts";
import type { PlannedEndpoint } from "../shared/endpoint-plan.ts";
import type { FactNeeds } from "../shared/node-facts.ts";
import type { OutsideSettings } from "../shared/outside.ts";
import type { Plan } from "../shared/plan.ts";
import { formatPorts } from "../shared/ports.ts";
import { factNeedsOf } from "../shared/requirements/index.ts";
import type { InspectMessage } from "../shared/wire.ts";

export type InspectOrder = Pick<InspectMessage, "facts" | "endpoints" | "outside">;

/** Whether anything beside paths is asked for. */
export function isInspected({ skip }: Pick<Plan, "skip">): boolean {
  return !(skip.includes("endpoints") && skip.includes("requirements"));
}

export function inspectOrder(plan: Plan, node: number, outside: OutsideSettings): InspectOrder {
  const endpoints = plan.endpoints.filter(({ from }) => from === node);
  const facts = needsOf(plan, node);
  return {
    facts,
    endpoints: endpoints.map((endpoint) => wireEndpoint(endpoint, outside)),
    outside: wireOutside(outside, facts),
  };
}

/** Of all requirements that are about the node. */
function needsOf(plan: Plan, node: number): FactNeeds {
  const needs = plan.requirements.flatMap((planned) =>
    planned.on.includes(node) ? [factNeedsOf(planned)] : [],
  );
  const all = <Item>(pick: (each: FactNeeds) => readonly Item[]): Item[] => [...new Set(needs.flatMap(pick))];
  return {
    sysctls: all(({ sysctls }) => sysctls),
    modules: all(({ modules }) => modules),
    certificates: all(({ certificates }) => certificates),
    downloads: all(({ downloads }) => downloads),
  };
}

function wireEndpoint(endpoint: PlannedEndpoint, { resolve }: OutsideSettings): WireEndpoint {
  const { id, host, transport, ports, application, security, passthrough, route } = endpoint;
  const addresses = resolve.get(host);
  return {
    id,
    host,
    ...(addresses === undefined ? {} : { addresses }),
    transport,
    ports: formatPorts(ports),
    application,
    security,
    passthrough,
    route,
  };
}

function wireOutside(
  { proxies, resolve, authorities, inspection }: OutsideSettings,
  { downloads }: FactNeeds,
): WireOutside {
  const names = [
    ...Object.values(proxies).map(({ host }) => host),
    ...downloads.flatMap((url) => URL.parse(url)?.hostname ?? []),
  ];
  const given = names.flatMap((name) => {
    const addresses = resolve.get(name);
    return addresses === undefined ? [] : [[name, addresses] as const];
  });
  return {
    ...(given.length === 0 ? {} : { resolve: Object.fromEntries(given) }),
    proxies: Object.fromEntries(
      Object.entries(proxies).map(([kind, { host, port, credentials }]) => [
        kind,
        { host, port, ...credentials },
      ]),
    ),
    authorities,
    inspection,
  };
}
