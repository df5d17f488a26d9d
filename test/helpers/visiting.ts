/** Visits of endpoints on this host's loopback addresses, as the agent of a demo is allowed to make. */
import { EndpointPolicy } from "../../agent/endpoints/endpoint-policy.ts";
import { NodeResolver, type ResolverDependencies } from "../../agent/endpoints/resolve.ts";
import { Trust } from "../../agent/endpoints/tls-facts.ts";
import { visitEndpoint, type VisitDependencies } from "../../agent/endpoints/visit.ts";
import { alwaysWell } from "../../agent/health.ts";
import { AddressPolicy, defaultPolicy } from "../../agent/policy.ts";
import { eagerDatagrams } from "../../agent/protocols/udp.ts";
import type { EndpointReport, WireEndpoint, WireOutside } from "../../shared/endpoint-report.ts";

export interface Setting extends Partial<WireOutside> {
  timeoutMs?: number;
  /** Of the policy. */
  endpoints?: readonly string[];
  allow?: readonly string[];
  /** Whether loopback addresses may be dialled. */
  loopback?: boolean;
  /** In PEM, instead of those that Mozilla trusts. */
  publicRoots?: readonly string[];
  /** Addresses by name; by default no name is known. */
  names?: Readonly<Record<string, readonly string[]>>;
}

export const nothingOutside: WireOutside = { proxies: {}, authorities: [], inspection: [] };

export function visiting(setting: Setting = {}): VisitDependencies {
  const { timeoutMs = 3_000, endpoints = [], allow = defaultPolicy.allow, loopback = true } = setting;
  const { authorities = [], inspection = [], names = {} } = setting;
  const policy = { ...defaultPolicy, allow, endpoints };
  const lookup: ResolverDependencies["lookup"] = async (host) => {
    if (Object.hasOwn(names, host)) return [...names[host]!];
    throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
  };
  return {
    policy: new EndpointPolicy(new AddressPolicy(policy, { loopback }), endpoints),
    resolver: new NodeResolver({ lookup, servers: () => [] }),
    trust: new Trust({ authorities, inspection }, () => new Date(), setting.publicRoots),
    timeoutMs,
    sourceFor: () => ({}),
    health: alwaysWell,
    datagrams: eagerDatagrams,
    pace: async () => {},
  };
}

export function orderFor(port: number, parts: Partial<WireEndpoint> = {}): WireEndpoint {
  return {
    id: 7,
    host: "service.example",
    addresses: ["127.0.0.1"],
    transport: "tcp",
    ports: `${port}`,
    application: "https",
    security: "tls",
    passthrough: false,
    route: "direct",
    ...parts,
  };
}

export function visit(
  order: WireEndpoint,
  setting: Setting = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<EndpointReport> {
  return visitEndpoint(order, { ...nothingOutside, ...setting }, visiting(setting), signal);
}
