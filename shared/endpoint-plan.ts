/**
 * What lies outside of the cluster and must be reached: one entry a node and host, from the endpoints of a
 * spec and from its flows to outside roles whose hosts an option names.
 */
import { familyOf, parseHost } from "./addresses.ts";
import type { EndpointTransport, Level, RouteName, Security } from "./names.ts";
import type { PortSet } from "./ports.ts";
import type { Endpoint, Flow } from "./spec.ts";
import type { OptionValues } from "./spec-options.ts";

/** What a verdict is about: one node, one host, all ports of the row on it. */
export interface PlannedEndpoint {
  /** Position in the plan: how results refer to it. */
  id: number;
  from: number;
  spec: string;
  section: "endpoints" | "flows";
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
export function plannedEndpoint(
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
    passthrough: ("passthrough" in row && row.passthrough === true) || row.security === "mtls",
    supplied: row.supplied !== undefined,
    route: familyOf(host) === undefined || row.transport === "tcp" ? routeOf(row, available) : "direct",
  };
}
