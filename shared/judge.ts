/**
 * The only place that turns what the network did into what it means. Both ends take part: an outcome at
 * the source is read in the light of what the far end held and saw. Pure; the whole table is tested.
 */
import { type ListenerState, type Reason, type Verdict, verdictOf } from "./names.ts";
import type { Outcome } from "./outcome.ts";

export interface Expectation {
  /** Whether the flow must be open or must be closed. */
  open: boolean;
  transport: "tcp" | "udp";
  /** Index of the node that must answer, and the ports it may answer from (a declared redirect adds one). */
  node: number;
  ports: readonly number[];
  /** In continuous mode the real service is expected on the port, in a check the agent's own listener. */
  serviceExpected: boolean;
  /** Slower or more lossy than this is worth a warning. */
  thresholds: { rttMs: number | undefined; lossRatio: number | undefined };
}

export interface FarEnd {
  agent: "alive" | "gone" | "missing";
  /** What the far agent holds on the port; undefined where it has not said. */
  listener: ListenerState | undefined;
  /** Whether the far end saw the request of a probe that got no answer; undefined where nobody looked. */
  sawRequest?: boolean;
  /** A service held the port when the round began, and nothing holds it now. */
  serviceLeft?: boolean;
  /** Whether an absent port was left to a service; false where the far agent could not have it for another reason. */
  leftToService?: boolean;
  /** The far agent did not get to run for so long that silence says nothing. */
  impaired?: boolean;
  /** Whether all probes from the same node to the same address together show that no host is behind it any more. */
  hostVanished?: boolean;
}

/** How good a path is that works, as far as it was measured. */
export interface PathQuality {
  sent: number;
  lost: number;
  rttMs?: number;
  /** Larger packets than this many bytes are lost without a word, to the far node or back from it. */
  blackHole?: { pathMtu: number; lost: "there" | "back" };
}

export interface Judgement {
  verdict: Verdict;
  reason: Reason;
}

/**
 * Slower than this, an `unreachable` is the kernel giving up on ARP or neighbour discovery (after about
 * 3 s); faster, somebody on the way answered with ICMP (a rate-limited one takes up to a second).
 */
export const neighbourTimeoutMs = 2_500;

/** The code of a silent probe whose neighbouring ports are rejected: ICMP errors are limited in number. */
export const rejectedNearbyCode = "ICMP_LIMITED";

export function judge(
  expectation: Expectation,
  outcome: Outcome | undefined,
  farEnd: FarEnd,
  quality?: PathQuality,
): Judgement {
  // What an agent held before it left says nothing about the moment of the probe.
  const known = farEnd.agent === "gone" ? { ...farEnd, listener: undefined } : farEnd;
  const reason =
    outcome === undefined
      ? neverProbed(known)
      : expectation.open
        ? inTheLightOf(quality, expectation, judgeOpen(expectation, outcome, known))
        : judgeClosed(expectation, outcome, known);
  return { verdict: verdictOf(reason), reason };
}

function neverProbed(farEnd: FarEnd): Reason {
  return farEnd.agent === "alive" ? "never-probed" : "agent-missing";
}

/** One lost round trip of a few is chance, not a figure. */
const fewestLost = 2;

/** A path that works may be a bad one. One that fails is not excused by a measurement. */
function inTheLightOf(quality: PathQuality | undefined, { thresholds }: Expectation, reason: Reason): Reason {
  if (quality === undefined || reason !== "reachable") return reason;
  if (quality.blackHole !== undefined) return "small-mtu";
  const { sent, lost, rttMs } = quality;
  if (thresholds.lossRatio !== undefined && lost >= fewestLost && lost / sent > thresholds.lossRatio)
    return "lossy";
  return thresholds.rttMs !== undefined && rttMs !== undefined && rttMs > thresholds.rttMs ? "slow" : reason;
}

function judgeOpen(expectation: Expectation, outcome: Outcome, farEnd: FarEnd): Reason {
  const own = ownFault(outcome);
  if (own !== undefined) return own;
  if (outcome.proof !== undefined && !isProofOf(expectation, outcome)) return "misrouted";
  if (outcome.code === foreignNameCode) return "misrouted";
  if (outcome.kind === "open" && outcome.proof !== undefined) return "reachable";
  const held = farEnd.listener === "bound" || farEnd.listener === "occupied";
  if (!held) return withoutListener(expectation, outcome, farEnd);
  // Whatever a real service says to a stranger, it answered; but an exchange in its own protocol is finished.
  if (farEnd.listener === "occupied" && hasAnswered(expectation, outcome))
    return isCutShort(outcome) ? "app-filtered" : "served";
  switch (outcome.kind) {
    case "refused":
    case "reset":
      if (isClosedService(expectation, outcome, farEnd)) return "closed";
      return isPastConnect(expectation, outcome) ? "app-filtered" : "rejected";
    case "silent":
      return silent(expectation, outcome, farEnd);
    case "unreachable":
      // An ICMP error may answer only the SYN that is sent after three seconds: a host that answers is no gap.
      return isNeighbourTimeout(outcome) && farEnd.hostVanished !== false ? "no-route" : "rejected";
    case "open":
    case "wrong-answer":
      return "stranger";
    case "tls-failed":
      if (outcome.code !== undefined && clockCodes.has(outcome.code)) return "impaired";
      return outcome.code !== undefined && interceptionCodes.has(outcome.code) ? "intercepted" : "tls-failed";
    case "upgrade-refused":
      return "upgrade-refused";
    case "proxy-refused":
      return "proxy-refused";
    case "unresolved":
      return "unresolved";
    case "local-error":
      return "impaired";
  }
}

/** A certificate that another authority made: somebody between the nodes ended TLS. */
const interceptionCodes = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
]);

/** The chain is the run's own, which has just been made: it is the prober's clock that is wrong by more than a day. */
const clockCodes = new Set(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"]);

/** The chain was valid, so the certificate is of another node of this run. */
const foreignNameCode = "ERR_TLS_CERT_ALTNAME_INVALID";

function silent(expectation: Expectation, outcome: Outcome, farEnd: FarEnd): Reason {
  const isAnsweredByKernel = expectation.transport === "tcp" && !isPastConnect(expectation, outcome);
  if (farEnd.impaired === true && !isAnsweredByKernel) return "impaired";
  if (isPastConnect(expectation, outcome)) return "app-filtered";
  if (farEnd.sawRequest === true) return "reply-dropped";
  if (farEnd.hostVanished === true) return "no-route";
  if (outcome.code === rejectedNearbyCode) return "rejected";
  if (expectation.transport === "udp" && farEnd.listener === "occupied") return "silent-service";
  return "dropped";
}

/** Whether the last hop found nobody behind the address. */
export function isNeighbourTimeout({ kind, elapsedMs }: Pick<Outcome, "kind" | "elapsedMs">): boolean {
  return kind === "unreachable" && elapsedMs >= neighbourTimeoutMs;
}

/** A failed probe of a port that nobody is known to hold says little about the network. */
function withoutListener(expectation: Expectation, outcome: Outcome, farEnd: FarEnd): Reason {
  if (farEnd.agent === "missing") return "agent-missing";
  const vanished = farEnd.hostVanished ?? isNeighbourTimeout(outcome);
  if (vanished && (outcome.kind === "silent" || outcome.kind === "unreachable"))
    return farEnd.agent === "gone" ? "node-down" : "no-route";
  if (isClosedService(expectation, outcome, farEnd)) return "closed";
  return unheld(farEnd);
}

/** Why nothing can be said of a port that nobody is known to have held. */
function unheld(farEnd: FarEnd): Reason {
  if (farEnd.agent !== "alive") return "agent-missing";
  return farEnd.listener === "denied" ? "denied" : "not-listening";
}

function judgeClosed(expectation: Expectation, outcome: Outcome, farEnd: FarEnd): Reason {
  if (ownFault(outcome) !== undefined) return "impaired";
  if (outcome.proof !== undefined || hasAnswered(expectation, outcome)) return "exposed";
  // Where a service is expected and gone, the far host's own refusal shows that the port is shut.
  if (isClosedService(expectation, outcome, farEnd)) return "blocked-as-required";
  if (farEnd.listener !== "bound" && farEnd.listener !== "occupied") return unheld(farEnd);
  if (expectation.transport === "udp" && farEnd.listener === "occupied" && outcome.kind === "silent")
    return "silent-service";
  if (outcome.kind === "silent" && farEnd.impaired === true) return "impaired";
  return "blocked-as-required";
}

/** Failures that the source host itself caused. */
export function ownFault(outcome: Pick<Outcome, "kind" | "code">): Reason | undefined {
  if (outcome.kind !== "local-error") return undefined;
  return localReasons.get(outcome.code ?? "") ?? "impaired";
}

const localReasons = new Map<string, Reason>([
  ["EPERM", "egress-blocked"],
  ["EACCES", "egress-blocked"],
  ["EINVAL", "egress-blocked"],
  ["ENETUNREACH", "no-route"],
  ["EHOSTUNREACH", "no-route"],
  ["EPOLICY", "denied"],
]);

function isClosedService(expectation: Expectation, outcome: Outcome, farEnd: FarEnd): boolean {
  const isLeft = farEnd.listener === "absent" && farEnd.leftToService !== false;
  const isGone = expectation.serviceExpected && isLeft;
  return (isGone || farEnd.serviceLeft === true) && outcome.kind === "refused";
}

function isProofOf(expectation: Expectation, outcome: Outcome): boolean {
  return outcome.proof?.node === expectation.node && expectation.ports.includes(outcome.proof.port);
}

/** Whether anything came back from the port itself; for TCP the handshake is enough. */
function hasAnswered(expectation: Expectation, outcome: Outcome): boolean {
  return outcome.kind === "open" || outcome.kind === "wrong-answer" || isPastConnect(expectation, outcome);
}

/** Whether a conversation that the service understands ended before its answer. */
function isCutShort({ exchange, kind }: Outcome): boolean {
  return exchange !== undefined && (kind === "reset" || kind === "silent" || kind === "unreachable");
}

/** Whether TCP had connected when the probe ended; UDP has no such step. */
function isPastConnect(expectation: Expectation, outcome: Outcome): boolean {
  return expectation.transport === "tcp" && outcome.phase !== "connect" && outcome.phase !== "resolve";
}
