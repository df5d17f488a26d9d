/**
 * What lies outside of the cluster and must be reached: one entry a node and host, from the endpoints of a spec,
 * from its flows to outside roles whose hosts an option names, and from the services that it requires.
 */
import { familyOf, parseHost } from "./addresses.ts";
import type { EndpointTransport, Level, RouteName, Security } from "./names.ts";
import { applies, having, portsOf, type SpecScope } from "./plan-rows.ts";
import type { PortSet } from "./ports.ts";
import { isRegistered, registeredPorts } from "./registered-ports.ts";
import type { Endpoint, Flow, Requirement } from "./spec.ts";
import type { OptionValues } from "./spec-options.ts";

/** What a verdict is about: one node, one host, all ports of the row on it. */
export interface PlannedEndpoint {
  /** Position in the plan: how results refer to it. */
  id: number;
  from: number;
  spec: string;
  section: "flows" | "endpoints" | "requirements";
  row: string;
  doc: string;
  level: Level;
  /** A name in lower case, or an address. */
  host: string;
  transport: EndpointTransport;
  /** None for icmp. */
  ports: PortSet;
  /** One open port is enough. */
  anyOf: boolean;
  application: string;
  security: Security;
  tlsMinimum: "1.2" | "1.3" | undefined;
  issuer: string | undefined;
  /** TLS must arrive unopened. */
  passthrough: boolean;
  /** The user named it: its certificate may be of an authority of the user's own. */
  supplied: boolean;
  route: RouteName;
}

type EndpointRow = Endpoint | Flow;

type Section = PlannedEndpoint["section"];

/** All that the nodes of a cluster must reach for one spec. */
export function endpointsOf(
  scope: SpecScope,
  available: readonly RouteName[],
): Omit<PlannedEndpoint, "id">[] {
  const { spec, options, rolesOf } = scope;
  const from = (
    section: Section,
    row: EndpointRow,
    roles: readonly string[],
  ): Omit<PlannedEndpoint, "id">[] => {
    if (!applies(row, scope) || isNotYetThere(row, scope)) return [];
    const ports = row.transport === "icmp" ? [] : portsOf(row, options);
    return having(roles, rolesOf).flatMap((node) =>
      hostsOf(row, options).map((host) => ({
        from: node,
        spec: spec.id,
        section,
        ...plannedEndpoint(row, host, ports, available),
      })),
    );
  };
  return [
    ...spec.endpoints.flatMap((row) => from("endpoints", row, row.from)),
    ...spec.flows.flatMap((row) => from("flows", row, row.from)),
    ...spec.requirements.flatMap((row) =>
      servicesOf(row).flatMap((service) => from("requirements", service, row.on)),
    ),
  ];
}

/** The product itself answers behind its own names, and it is not installed yet. */
function isNotYetThere(row: EndpointRow, { phase }: SpecScope): boolean {
  return phase === "install" && !("scope" in row) && row.to !== undefined;
}

/** A service that the user has to name, as the endpoints that it is: one for each option that names it. */
function servicesOf(row: Requirement): Endpoint[] {
  const { name, description, doc, phase, level, when, kind, on, key, supplied = [] } = row;
  if (kind !== "service" || !isRegistered(key)) return [];
  const { transport, ports } = registeredPorts[key];
  return supplied.map((option) => ({
    name,
    description,
    doc,
    phase,
    level,
    ...(when === undefined ? {} : { when }),
    from: on,
    supplied: { option },
    transport,
    ...(ports.length > 1 ? { anyOf: [...ports] } : { ports: ports[0] }),
    application: key,
    security: "unstated" as const,
  }));
}

/** Hosts of a row, each maybe with a port that the user gave; none where the user has to name it and did not. */
export function hostsOf(
  row: EndpointRow,
  options: OptionValues,
): { host: string; port: number | undefined }[] {
  if (row.supplied !== undefined) {
    const value = options[row.supplied.option];
    const texts = value === undefined ? [] : [value].flat();
    return texts.flatMap((text) => parseHost(String(text)) ?? []);
  }
  if (!("hosts" in row || "addresses" in row)) return [];
  return [...(row.hosts ?? []), ...(row.addresses ?? [])].map((host) => ({ host, port: undefined }));
}

/** The proxy that stands between, where the document allows for one and the cluster file has it. */
export function routeOf(row: EndpointRow, available: readonly RouteName[]): RouteName {
  const allowed = "proxies" in row ? (row.proxies ?? []) : [];
  return allowed.find((kind) => available.includes(kind)) ?? "direct";
}

/** All but the place in the plan. `ports` are those of the row. */
function plannedEndpoint(
  row: EndpointRow,
  { host, port }: { host: string; port: number | undefined },
  ports: PortSet,
  available: readonly RouteName[],
): Omit<PlannedEndpoint, "id" | "from" | "spec" | "section"> {
  return {
    row: row.name,
    doc: row.doc,
    level: row.level,
    host,
    transport: row.transport,
    ports: port === undefined ? ports : [[port, port]],
    anyOf: row.anyOf !== undefined && port === undefined,
    application: row.application,
    security: row.security,
    tlsMinimum: row.tlsMinimum,
    issuer: "issuer" in row ? row.issuer : undefined,
    passthrough: ("passthrough" in row && row.passthrough) || row.security === "mtls",
    supplied: row.supplied !== undefined,
    route: familyOf(host) === undefined || row.transport === "tcp" ? routeOf(row, available) : "direct",
  };
}
