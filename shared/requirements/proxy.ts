/** A proxy that must be there, or that must leave something alone: shown by the endpoints behind it. */
import type { ProxyKind } from "../names.ts";
import type { ReportEndpoint } from "../report.ts";
import type { Requirement } from "../spec.ts";
import { unmet, type RequirementCheck, type RequirementContext } from "./requirement-check.ts";
import { endpointFindings, endpointsOfRow } from "./shown-by.ts";

const kinds: ReadonlySet<string> = new Set<ProxyKind>(["http", "socks5"]);

export const proxy: RequirementCheck = {
  how: (row) => {
    if (row.endpoints === undefined) return { stated: "the document names nothing that is behind the proxy" };
    if (row.key === "passthrough")
      return { how: "probed", text: "by the certificates that the nodes are shown at its endpoints" };
    const which = isKind(row) ? `the ${row.key} proxy, which the cluster file must name` : "whichever proxy";
    return { how: "probed", text: `by its endpoints that are reached through ${which}` };
  },
  hindrance: ({ row }, { routes, plannedEndpoints }) => {
    if (!isKind(row) && row.key !== "passthrough" && !routes.some((route) => kinds.has(route)))
      return "the cluster file names no proxy, so that nothing is reached through one";
    const isProbed = row.endpoints?.some((name) => plannedEndpoints.has(`endpoints/${name}`));
    const isFound = !isKind(row) || routes.includes(row.key as (typeof routes)[number]);
    return isProbed === true || !isFound ? undefined : "none of its endpoints is probed in this check";
  },
  judge: ({ row }, context) => {
    const endpoints = endpointsOfRow(row, context.endpoints);
    if (row.key === "passthrough") return unopened(row, endpoints);
    if (isKind(row) && !context.proxies.includes(row.key!)) return [missing(row, context)];
    const behind = endpoints.filter(({ route }) => (isKind(row) ? route === row.key : route !== "direct"));
    if (behind.length === 0) return { stated: "none of its endpoints is reached through a proxy" };
    const words = { from: "the endpoints behind it", things: "hosts", good: "reached through it" };
    return endpointFindings(behind, row.expected, words);
  },
};

function isKind({ key }: Requirement): boolean {
  return key !== undefined && kinds.has(key);
}

function missing({ key, expected }: Requirement, { proxies }: RequirementContext): ReturnType<typeof unmet> {
  return unmet({
    expected,
    actual: `the cluster file names ${proxies.length === 0 ? "no proxy" : `only ${proxies.join(" and ")}`}`,
    from: "the cluster file",
    remedy: `set proxies.${key}`,
  });
}

/** Whoever opens TLS shows a certificate of its own; an endpoint that is not reached shows nothing. */
function unopened(
  { expected }: Requirement,
  endpoints: readonly ReportEndpoint[],
): ReturnType<typeof endpointFindings> {
  const words = {
    from: "the certificates of its endpoints",
    things: "hosts",
    good: "reached without TLS being opened",
  };
  return endpointFindings(endpoints, expected, words, ({ verdict, reason }) => ({
    verdict: verdict === "fail" && reason !== "intercepted" ? "unknown" : verdict,
    reason,
  }));
}
