/** Says in one sentence what a node found at an endpoint, and in another what to do. */
import { formatDuration as formatMs } from "./duration.ts";
import type { EndpointAttempt } from "./endpoint-report.ts";
import type { Reason } from "./names.ts";
import type { ReportEndpoint } from "./report.ts";

/** What was seen. Text that came from the network is quoted by the caller's escaping. */
export function explainEndpoint(endpoint: ReportEndpoint): string {
  const { reason, evidence } = endpoint;
  const { decisive, resolution } = evidence;
  const detail = evidence.detail ?? decisive?.detail;
  const about = detail === undefined ? "" : `: ${detail}`;
  const code = decisive?.code === undefined ? "" : ` (${decisive.code})`;
  const after = decisive === undefined ? "" : ` after ${formatMs(decisive.elapsedMs)}`;
  const where = decisive === undefined ? "" : whereOf(endpoint, decisive);
  const what: Partial<Record<Reason, string>> = {
    served: `${summaryOf(endpoint)}${where}`,
    expiring: `${evidence.detail ?? "its certificate ends soon"}${where}`,
    unresolved: `the name has no address${resolution?.code === undefined ? "" : ` (${resolution.code})`}${detail === undefined ? asked(endpoint) : `; ${detail}`}`,
    dropped: `no answer${after}${where}`,
    rejected: `refused${code}${after}${where}: a firewall rejects it, or nothing listens there`,
    "egress-blocked": `the node itself refused to send${code}${about}`,
    "no-route":
      decisive?.kind === "local-error" ? `no route${code}${where}` : `unreachable${code}${after}${where}`,
    "proxy-refused": `${refusalOf(decisive)}${code}${about}${where}`,
    intercepted: `TLS is not the endpoint's own${about}${where}`,
    misrouted: `somebody else answered${about}${where}`,
    "tls-failed": `TLS failed${code}${about}${where}`,
    "upgrade-refused": `the WebSocket upgrade was refused${statusOf(decisive)}${about}${where}`,
    "app-filtered": `${endpoint.transport === "tcp" ? "TCP connects, then " : ""}${decisive?.kind === "silent" ? "nothing comes" : "the connection is cut"} in the ${decisive?.phase ?? "next"} step${code}${where}`,
    stranger: `something else than ${endpoint.application} answered${about}${where}`,
    denied: detail ?? "this node's policy does not allow it",
    impaired: `the node could not probe${code}${about}`,
    "agent-missing": `no agent on ${endpoint.from} has joined`,
    "never-probed": "not probed",
  };
  return `${what[reason] ?? reason}${otherPorts(endpoint)}`;
}

/** ` at 10.9.9.9:443 through the proxy 10.0.0.8:3128`, whichever of it says more than the row does. */
function whereOf({ host, evidence }: ReportEndpoint, { address, port, route }: EndpointAttempt): string {
  if (route !== "direct") return ` (${route} proxy ${address})`;
  const several = new Set(evidence.attempts.map((attempt) => attempt.address)).size > 1;
  const ports = new Set(evidence.attempts.map((attempt) => attempt.port)).size > 1;
  const place = [address === host && !several ? "" : address, ports ? `port ${port}` : ""].filter(
    (text) => text !== "",
  );
  return place.length === 0 ? "" : ` (${place.join(" ")})`;
}

function summaryOf({ application, evidence: { decisive, attempts } }: ReportEndpoint): string {
  const { tls, status, detail, clock, rttMs } = decisive ?? {};
  const addresses = new Set(attempts.map(({ address }) => address)).size;
  return [
    status === undefined ? (detail ?? application) : `${application} answered ${status}`,
    tls === undefined ? "" : `${tls.protocol}, issued by ${tls.issuers[0] ?? "nobody"}`,
    tls?.requestsCertificate === true ? "asks for a client certificate" : "",
    clock === undefined ? "" : `clock ${formatSigned(clock.aheadMs)}, stratum ${clock.stratum}`,
    addresses > 1 ? `all of ${addresses} addresses` : "",
    rttMs === undefined ? "" : formatMs(rttMs),
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** Of alternatives: which one is open, and which are not. */
function otherPorts({ anyOf, evidence: { decisive, attempts }, verdict }: ReportEndpoint): string {
  if (!anyOf || decisive === undefined) return "";
  const others = [...new Set(attempts.map(({ port }) => port))].filter((port) => port !== decisive.port);
  if (others.length === 0) return "";
  return verdict === "pass"
    ? `; port ${decisive.port} is enough, so ${others.join(", ")} need not be open`
    : `; port ${others.join(", ")} does not do either`;
}

/** A proxy says no before there is a tunnel, or in the place of the host after it has opened TLS. */
function refusalOf(attempt: EndpointAttempt | undefined): string {
  if (attempt?.kind !== "open") return "the proxy did not connect";
  const error = attempt.proxyError === undefined ? "" : ` (${attempt.proxyError})`;
  return `a proxy on the way answered${statusOf(attempt)} in the place of the host${error}`;
}

function statusOf(attempt: EndpointAttempt | undefined): string {
  return attempt?.status === undefined ? "" : ` with status ${attempt.status}`;
}

function asked({ evidence: { resolution } }: ReportEndpoint): string {
  const resolvers = resolution?.resolvers ?? [];
  return resolvers.length === 0 ? "" : `; asked ${resolvers.join(", ")}`;
}

function formatSigned(ms: number): string {
  return `${ms < 0 ? "behind" : "ahead"} by ${formatMs(Math.abs(ms))}`;
}

/** What to do about an endpoint that is not green, or undefined where nothing is to be done. */
export function remedyForEndpoint(endpoint: ReportEndpoint): string | undefined {
  const { from, host, transport, ports, route, reason, evidence } = endpoint;
  const place = `${transport} ${from} → ${host}${ports === "" ? "" : ` ports ${ports}`}`;
  const rule =
    route === "direct" ? `ask for: allow ${place}` : `check the ${route} proxy and the way to it: ${place}`;
  const remedies: Partial<Record<Reason, string>> = {
    dropped: rule,
    rejected: rule,
    "no-route": `check the route of ${from} to ${host}: ip route get`,
    "egress-blocked": `check the firewall of ${from} itself: nft list ruleset`,
    unresolved: `have the name servers of ${from} answer for ${host}, or name its addresses under resolve in the cluster file`,
    "proxy-refused": `ask for: the ${route === "direct" ? "proxy on the way" : `${route} proxy`} lets ${from} connect to ${host}${ports === "" ? "" : `:${ports}`}`,
    intercepted: `exclude ${host} from TLS inspection`,
    misrouted: `check what ${host} resolves to on ${from}, and what answers there`,
    "upgrade-refused": `have the proxy or inspection pass WebSocket upgrades to ${host}`,
    "app-filtered": `ask for: let ${endpoint.application} pass uninspected, ${place}`,
    "tls-failed": `look at it from ${from}: openssl s_client -connect ${host}:${evidence.decisive?.port ?? 443} -servername ${host}`,
    expiring: `have the certificate of ${host} renewed`,
    "agent-missing": `start the agent on ${from}`,
  };
  return remedies[reason];
}
