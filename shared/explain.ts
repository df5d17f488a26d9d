/** Says in one sentence what both ends saw on a path, and in another what to do. For terminals, reports and pages. */
import { formatDuration as formatMs } from "./duration.ts";
import type { Reason } from "./names.ts";
import { formatPorts, parsePorts } from "./ports.ts";
import type { ReportPath } from "./report.ts";

/** What was seen, from both ends. Text that came from the network is quoted by the caller's escaping. */
export function explainPath(path: ReportPath): string {
  const { source, target } = path.evidence;
  const after = source.elapsedMs === undefined ? "" : ` after ${formatMs(source.elapsedMs)}`;
  const code = source.code === undefined ? "" : ` (${source.code})`;
  const held =
    target.listener === "occupied"
      ? `${target.owner ?? "a service"} holds the port`
      : `${path.to} was listening`;
  const answeredBy =
    source.answeredBy === undefined
      ? "somebody else"
      : `${source.answeredBy.node} port ${source.answeredBy.port}`;
  const what: Record<Reason, string> = {
    reachable: `${path.to} proved itself${path.rttMs === null ? "" : `, ${formatMs(path.rttMs)}`}`,
    served: `${target.owner ?? "the service there"} answered${detail(source.detail)}`,
    slow: `${path.to} answered too slowly${path.rttMs === null ? "" : `, ${formatMs(path.rttMs)}`}`,
    lossy: `${path.to} answered, but packets were lost on the way`,
    "low-bandwidth": `${path.to} is reached with less bandwidth than is asked for`,
    "small-mtu": `${path.to} is reached by small packets only`,
    expiring: `the certificate of ${path.to} expires soon`,
    "blocked-as-required": `${source.outcome ?? "no answer"}${code}${after}, as it should be`,
    dropped: `no answer${after}; ${held}`,
    rejected: `${source.outcome ?? "refused"}${code}${after}, although ${held}`,
    "reply-dropped": `${path.to} got the request, its answer did not come back`,
    "egress-blocked": `${path.from} itself refused to send${code}`,
    "no-route":
      source.outcome === "local-error"
        ? `${path.from} has no route${code}`
        : `unreachable${code}${after}; the agent on ${path.to} is alive`,
    "node-down": `unreachable${code}${after}; the agent on ${path.to} is gone`,
    closed: `refused${code}; no service listens`,
    misrouted: `${answeredBy} answered instead of ${path.to}`,
    stranger: `something answered without proof; ${held}`,
    intercepted: `TLS was ended by somebody else${code}`,
    "tls-failed": `TLS failed${code}${detail(source.detail)}`,
    "upgrade-refused": `the WebSocket upgrade was refused${code}${detail(source.detail)}`,
    "app-filtered": `TCP connects, then ${source.outcome === "silent" ? "nothing comes" : "the connection is cut"} in the ${source.phase ?? "next"} step${code}${target.listener === "occupied" ? `; ${held}` : ""}`,
    "proxy-refused": `the proxy refused to connect${code}${detail(source.detail)}`,
    unresolved: `the name has no address${code}`,
    exposed: `open, although it must be closed`,
    unmet: `not as the document asks${detail(target.detail)}`,
    "not-listening": `nothing was listening on ${path.to}${detail(target.detail)}`,
    denied: target.detail ?? source.detail ?? "not permitted",
    "silent-service": `${target.owner ?? "a service"} holds the port and did not answer a probe`,
    "never-probed": `not probed${detail(source.detail)}`,
    stale: `what is known of ${path.to} is too old`,
    "agent-missing": `no agent on ${target.agent === "missing" ? path.to : path.from} has joined`,
    impaired: `${path.from} could not probe${code}${detail(source.detail)}`,
  };
  return what[path.reason];
}

/** What to do about a path that is not green, or undefined where nothing is to be done. */
export function remedyFor(path: ReportPath): string | undefined {
  const rule = `${path.transport} ${path.from} → ${path.to} ports ${failingPorts(path)}`;
  const remedies: Partial<Record<Reason, string>> = {
    dropped: `ask for: allow ${rule}`,
    rejected: `ask for: allow ${rule}`,
    "app-filtered": `ask for: let ${path.protocol} pass uninspected, ${rule}`,
    "reply-dropped": `check the rules for the way back from ${path.to}, and asymmetric routes`,
    "egress-blocked": `check the firewall of ${path.from} itself: nft list ruleset`,
    "no-route": `check routes and links between ${path.from} and ${path.to}: ip route get`,
    exposed: `ask for: block ${rule}`,
    "agent-missing": `start the agent on ${path.evidence.target.agent === "missing" ? path.to : path.from}`,
  };
  return remedies[path.reason];
}

/** The ports of a path that share its verdict: all of them, or the intervals that do. */
export function failingPorts(path: ReportPath): string {
  if (path.intervals === undefined) return path.ports;
  const failing = path.intervals.filter(({ verdict }) => verdict === path.verdict);
  const set = parsePorts(failing.map(({ ports }) => ports));
  return typeof set === "string" ? path.ports : formatPorts(set);
}

function detail(text: string | undefined): string {
  return text === undefined ? "" : `: ${text}`;
}
