/** Says in one sentence what both ends saw on a path, and in another what to do. For terminals, reports and pages. */
import { formatDuration as formatMs } from "./duration.ts";
import { rejectedNearbyCode } from "./judge.ts";
import { verdictOf, type Reason } from "./names.ts";
import { formatPorts, parsePorts } from "./ports.ts";
import type { Report, ReportPath } from "./report.ts";

/** What was seen, from both ends. Text that came from the network is quoted by the caller's escaping. */
export function explainPath(path: ReportPath): string {
  const { source, target } = path.evidence;
  const after = source.elapsedMs === undefined ? "" : ` after ${formatMs(source.elapsedMs)}`;
  const code = source.code === undefined ? "" : ` (${source.code})`;
  const isService = target.listener === "occupied";
  const held = isService ? `${target.owner ?? "a service"} holds the port` : `${path.to} was listening`;
  const sawNothing =
    target.sawRequest === undefined
      ? `${isService ? `; ${path.to}` : ", but"} was not asked what it saw`
      : isService
        ? `, and ${path.to} saw nothing`
        : " and saw nothing";
  const answeredBy =
    source.answeredBy === undefined
      ? "somebody else"
      : `${source.answeredBy.node} port ${source.answeredBy.port}`;
  const unreachable =
    source.outcome === "silent"
      ? `no answer${after}, and no sign of a host behind the address`
      : `unreachable${code}${after}`;
  const rttMs = source.quality?.rttMs ?? path.rttMs;
  const what: Record<Reason, string> = {
    reachable: `${path.to} proved itself${path.rttMs === null ? "" : `, ${formatMs(path.rttMs)}`}`,
    served: `${target.owner ?? "the service there"} answered${detail(source.detail)}`,
    slow: `${path.to} answered too slowly${rttMs === null ? "" : `, ${formatMs(rttMs)}`}`,
    lossy: `${path.to} answered, but ${source.quality === undefined ? "packets" : `${source.quality.lost} of ${source.quality.sent} round trips`} were lost on the way`,
    "low-bandwidth": `${path.to} is reached with less bandwidth than is asked for`,
    "small-mtu": smallMtu(path),
    expiring: `the certificate of ${path.to} expires soon`,
    met: `as the document asks`,
    "blocked-as-required": `${source.outcome ?? "no answer"}${code}${after}, as it should be`,
    dropped: `no answer${after}; ${held}${sawNothing}`,
    rejected:
      source.code === rejectedNearbyCode
        ? `no answer${after}, but neighbouring ports are rejected, and not every such error is sent; ${held}`
        : `${source.outcome ?? "refused"}${code}${after}, although ${held}`,
    "reply-dropped": `${path.to} saw ${whatArrived(path)}, its answer did not come back`,
    "egress-blocked": `${path.from} itself refused to send${code}${detail(source.detail)}`,
    "no-route":
      source.outcome === "local-error"
        ? `${path.from} has no route${code}`
        : `${unreachable}; the agent on ${path.to} is alive`,
    "node-down": `${unreachable}; the agent on ${path.to} is gone`,
    closed: `refused${code}; no service listens`,
    misrouted: `${answeredBy} answered instead of ${path.to}`,
    stranger: `something answered without proof${detail(source.detail)}; ${held}`,
    intercepted: `TLS was ended by somebody else${code}${detail(source.detail)}`,
    "tls-failed": `TLS failed${code}${detail(source.detail)}`,
    "upgrade-refused": `the WebSocket upgrade was refused${code}${detail(source.detail)}`,
    "app-filtered": `TCP connects, then ${source.outcome === "silent" ? "nothing comes" : "the connection is cut"} in the ${source.phase ?? "next"} step${code}${isService ? `; ${held}` : whyStalled(path)}`,
    "proxy-refused": `the proxy refused to connect${code}${detail(source.detail)}`,
    unresolved: `the name has no address${code}`,
    exposed: `open, although it must be closed`,
    unmet: `not as the document asks${detail(target.detail)}`,
    "not-listening": `nothing was listening on ${path.to}${detail(target.detail)}`,
    denied: target.detail ?? source.detail ?? "not permitted",
    "silent-service": `${target.owner ?? "a service"} holds the port and did not answer a probe`,
    "never-probed": `not probed${detail(source.detail)}`,
    stale: `${path.from} has told nothing for too long`,
    "agent-missing":
      target.agent === "gone"
        ? `the agent on ${path.to} is gone`
        : `no agent on ${target.agent === "missing" ? path.to : path.from} has joined`,
    impaired: whoIsImpaired(path),
  };
  const translated = source.seenAs === undefined ? "" : `; a NAT shows ${path.from} as ${source.seenAs}`;
  return `${which(path)}${what[path.reason]}${translated}`;
}

/** Of alternatives: which port the sentence is about, and how it stands with the others. */
function which(path: ReportPath): string {
  const { anyOf, expected, ports, verdict, evidence } = path;
  if (anyOf !== true || expected === "closed" || verdict === "unknown") return "";
  const intervals = path.intervals ?? [];
  if (verdict === "fail") {
    const each = intervals.map((interval) => `${interval.ports}: ${interval.reason}`).join(", ");
    return `none of ${alternatives(ports, "and")} is open${each === "" ? "" : ` (${each})`}: `;
  }
  if (intervals.length === 0) return `${alternatives(ports, "and")} are open: `;
  const decisive = String(evidence.source.port);
  const others = intervals
    .filter((interval) => interval.ports !== decisive)
    .map(({ ports: other, reason }) => `${other} is ${isOpen(reason) ? "open too" : `not (${reason})`}`);
  return `${[`${decisive} is open`, ...others].join(", ")}: `;
}

function isOpen(reason: Reason): boolean {
  const verdict = verdictOf(reason);
  return verdict === "pass" || verdict === "warn";
}

/** `25 or 587` of `25,587`. */
function alternatives(ports: string, word: "or" | "and"): string {
  const list = ports.split(",");
  return list.length < 2 ? ports : `${list.slice(0, -1).join(", ")} ${word} ${list.at(-1)}`;
}

function smallMtu(path: ReportPath): string {
  return largeLost(path) ?? `${path.to} is reached by small packets only`;
}

function largeLost({ from, to, evidence }: ReportPath): string | undefined {
  const { blackHole } = evidence.source.quality ?? {};
  if (blackHole === undefined) return undefined;
  const way = blackHole.lost === "there" ? `from ${from} to ${to}` : `back from ${to} to ${from}`;
  return `packets of more than ${blackHole.pathMtu} bytes are lost on the way ${way}`;
}

/** What the far end saw of a probe whose answer was lost. */
function whatArrived({ from, transport, evidence }: ReportPath): string {
  if (transport === "udp") return "the request";
  return evidence.target.sawConnection === true ? "the connection" : `a half-open connection of ${from}`;
}

/** A handshake has packets of full size: where those vanish, nobody filters it. */
function whyStalled(path: ReportPath): string {
  const lost = path.evidence.source.outcome === "silent" ? largeLost(path) : undefined;
  return lost === undefined ? reachedBy(path) : `; ${lost}`;
}

/** Where the conversation on a connection ended, as far as the far end knows. */
function reachedBy({ to, evidence }: ReportPath): string {
  const { sawConnection } = evidence.target;
  if (sawConnection === undefined) return "";
  return sawConnection
    ? `; the connection reached ${to}, the request on it did not`
    : `; either the request reached ${to} as well, or not even the connection did`;
}

/** Whose fault it is that nothing can be said: the prober's, or the far agent's. */
function whoIsImpaired({ from, to, evidence: { source, target } }: ReportPath): string {
  const code = source.code === undefined ? "" : ` (${source.code})`;
  if (source.outcome === "tls-failed")
    return `${from} cannot verify the certificate of ${to}${code}: its clock is wrong by more than a day${detail(source.detail)}`;
  if (source.outcome !== "local-error" && target.impaired === true)
    return `the agent on ${to} did not get to run, so no answer means nothing`;
  return `${from} could not probe${code}${detail(source.detail)}`;
}

const mtuRemedy =
  "have ICMP fragmentation-needed and packet-too-big pass, or lower the MTU of both hosts to what fits";

/** What was measured of a path that works, or nothing. */
export function explainQuality({ evidence }: ReportPath): string | undefined {
  const { quality } = evidence.source;
  if (quality === undefined || quality.sent === 0) return undefined;
  const rtt = quality.rttMs === undefined ? "" : `, ${formatMs(quality.rttMs)}`;
  return `${quality.lost} of ${quality.sent} round trips lost${rtt}`;
}

/** That ranges were sampled, and what to do about it; nothing where every port was probed. */
export function explainSampling({ fullSweepMs }: Report["summary"]): string | undefined {
  if (fullSweepMs === undefined) return undefined;
  return `Ranges were sampled: all of their ports take about ${formatMs(fullSweepMs)}, and probing.budget decides for how long they are probed.`;
}

/** Undefined where all are listed. */
export function explainOmitted({ omitted }: Report["summary"]): string | undefined {
  if (omitted === undefined) return undefined;
  return `${omitted} of the paths and endpoints are counted and not listed, because there are too many: those that pass first. The JSON report has all.`;
}

/** What to do about a path that is not green, or undefined where nothing is to be done. */
export function remedyFor(path: ReportPath): string | undefined {
  const needed = path.anyOf === true && path.expected === "open";
  const ports = needed ? alternatives(failingPorts(path), "or") : failingPorts(path);
  const rule = `${path.transport} ${path.from} → ${path.to} ports ${ports}`;
  const answers = `${path.transport} from ${path.to} ports ${failingPorts(path)}`;
  const remedies: Partial<Record<Reason, string | undefined>> = {
    dropped: `ask for: allow ${rule}`,
    rejected: `ask for: allow ${rule}`,
    "app-filtered":
      path.evidence.source.quality?.blackHole === undefined
        ? `ask for: let ${path.protocol} pass uninspected, ${rule}`
        : mtuRemedy,
    "small-mtu": mtuRemedy,
    "reply-dropped": `let ${answers} pass, on ${path.to} and on the way back to ${path.from}; check for routes that differ by direction`,
    intercepted: `exclude ${path.to} port ${failingPorts(path)} from TLS inspection`,
    misrouted: `check what leads ${path.from} elsewhere: a DNAT rule, a load balancer, a stale address of ${path.to}`,
    "egress-blocked": `check the firewall of ${path.from} itself: nft list ruleset`,
    "no-route": `check routes and links between ${path.from} and ${path.to}: ip route get`,
    exposed: `ask for: block ${rule}`,
    denied: remedyForDenied(path),
    ...(path.evidence.target.impaired === true
      ? { impaired: `check the load of ${path.to}, and check again` }
      : {}),
    "agent-missing": `start the agent on ${path.evidence.target.agent === "alive" ? path.from : path.to}`,
  };
  return remedies[path.reason];
}

/** Either the near end may not look, or the far end may not hold the port. */
function remedyForDenied({ from, to, evidence: { source, target } }: ReportPath): string | undefined {
  if (source.code === "EPOLICY")
    return `on ${from}: add ${source.address ?? "the address"} to allow in a policy file (agent run --policy FILE)`;
  if (target.listener === "denied") return `run the agent on ${to} as root or with CAP_NET_BIND_SERVICE`;
  return undefined;
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
