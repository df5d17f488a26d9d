/**
 * The closed word lists of the domain. Types, schemas, metrics labels and help texts are all derived
 * from these arrays, so that a new word is added in one place and the compiler finds every table
 * that has to learn it.
 */

export const transports = ["tcp", "udp"] as const;
export type Transport = (typeof transports)[number];

/** How an endpoint is reached; `icmp` has no ports. */
export const endpointTransports = [...transports, "icmp"] as const;
export type EndpointTransport = (typeof endpointTransports)[number];

/** The way a probe takes out of the cluster: straight, or through a proxy of this kind. */
export const routes = ["direct", "http", "socks5"] as const;
export type RouteName = (typeof routes)[number];
export type ProxyKind = Exclude<RouteName, "direct">;

/** What a probe can speak. Each name has one file in `agent/protocols/`. */
export const protocolNames = ["tcp", "udp", "tls", "mtls", "ws", "wss"] as const;
export type ProtocolName = (typeof protocolNames)[number];

/**
 * How a real service on an occupied port is spoken to. Each name has one file in `agent/protocols/services/`;
 * `plain` knows no protocol: it connects, listens for a moment and leaves.
 */
export const exchangeNames = [
  "plain",
  "http",
  "http2",
  "websocket",
  "postgres",
  "mysql",
  "ssh",
  "smtp",
  "ftp",
  "redis",
  "memcached",
  "ldap",
  "cassandra",
  "dns",
  "ntp",
  "amqp-websocket",
  "lumberjack",
  "smtp-starttls",
] as const;
export type ExchangeName = (typeof exchangeNames)[number];

export const phases = ["install", "runtime", "both"] as const;
export type Phase = (typeof phases)[number];

/** The phase a check is run for. */
export const checkPhases = ["install", "runtime"] as const;
export type CheckPhase = (typeof checkPhases)[number];

/** Sections of a spec that a check may leave out. */
export const skippable = ["endpoints", "requirements"] as const;
export type Skippable = (typeof skippable)[number];

export const scopes = ["cluster", "localhost", "inbound", "outbound", "admin", "user"] as const;
export const directions = ["inbound", "outbound", "bidirectional"] as const;
export const levels = ["required", "optional", "conditional"] as const;
export type Level = (typeof levels)[number];

/** How the channel is secured, as the document says it; `unstated` where it says nothing. */
export const securities = ["none", "tls", "mtls", "unstated"] as const;
export type Security = (typeof securities)[number];

/** What the network did to one probe. */
export const outcomeKinds = [
  "open",
  "refused",
  "silent",
  "unreachable",
  "reset",
  "unresolved",
  "tls-failed",
  "upgrade-refused",
  "wrong-answer",
  "proxy-refused",
  "local-error",
] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

/** The step of a probe in which its outcome was decided. */
export const probePhases = ["resolve", "connect", "proxy", "tls", "upgrade", "answer"] as const;
export type ProbePhase = (typeof probePhases)[number];

/** What an agent holds on a port. `absent` means that nothing was bound and nobody else was found. */
export const listenerStates = ["bound", "occupied", "denied", "absent"] as const;
export type ListenerState = (typeof listenerStates)[number];

/** From best to worst: the order decides which verdict a matrix cell shows. */
export const verdicts = ["pass", "warn", "unknown", "fail"] as const;
export type Verdict = (typeof verdicts)[number];

/** Every reason belongs to exactly one verdict, so a reason alone says how bad it is. */
export const reasonsByVerdict = {
  pass: ["reachable", "served", "blocked-as-required", "met"],
  warn: ["slow", "lossy", "low-bandwidth", "small-mtu", "expiring"],
  fail: [
    "dropped",
    "rejected",
    "reply-dropped",
    "egress-blocked",
    "no-route",
    "node-down",
    "closed",
    "misrouted",
    "stranger",
    "intercepted",
    "tls-failed",
    "upgrade-refused",
    "app-filtered",
    "proxy-refused",
    "unresolved",
    "exposed",
    "unmet",
  ],
  unknown: [
    "not-listening",
    "denied",
    "silent-service",
    "never-probed",
    "stale",
    "agent-missing",
    "impaired",
  ],
} as const satisfies Record<Verdict, readonly string[]>;
export type Reason = (typeof reasonsByVerdict)[Verdict][number];

const verdictOfReason = new Map<string, Verdict>(
  verdicts.flatMap((verdict) =>
    reasonsByVerdict[verdict].map((reason) => [reason, verdict] as [string, Verdict]),
  ),
);

export function verdictOf(reason: Reason): Verdict {
  return verdictOfReason.get(reason)!;
}

/** The worse of two verdicts; `pass` is the neutral element. */
export function worse(a: Verdict, b: Verdict): Verdict {
  return verdicts.indexOf(a) >= verdicts.indexOf(b) ? a : b;
}
