/** The only place that knows what errno, TLS and WebSocket codes mean for a probe. */
import type { OutcomeKind, ProbePhase } from "../../shared/names.ts";
import type { Outcome } from "../../shared/outcome.ts";

/** Measured for each kind of firewall rule; Linux: net/ipv4/icmp.c `icmp_err_convert`. */
const kindByErrno = new Map<string, OutcomeKind>([
  ["ECONNREFUSED", "refused"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["ECONNABORTED", "reset"],
  ["ETIMEDOUT", "silent"],
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["EHOSTDOWN", "unreachable"],
  ["ENETDOWN", "unreachable"],
  ["ENOPROTOOPT", "unreachable"],
  // An ICMPv6 "administratively prohibited"; a local route that prohibits looks alike until it is asked for.
  ["EACCES", "unreachable"],
  ["ENOTFOUND", "unresolved"],
  ["EAI_AGAIN", "unresolved"],
  ["EPERM", "local-error"],
  ["EINVAL", "local-error"],
  ["EADDRINUSE", "local-error"],
  ["EADDRNOTAVAIL", "local-error"],
  ["EMFILE", "local-error"],
  ["ENFILE", "local-error"],
  ["ENOBUFS", "local-error"],
  ["ENOMEM", "local-error"],
  ["EMSGSIZE", "local-error"],
]);

/** The outcome of a probe that ended in an error. */
export function failed(error: Error, phase: ProbePhase, elapsedMs: number, attempts = 1): Outcome {
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  const kind = kindByErrno.get(code) ?? (phase === "tls" ? "tls-failed" : "local-error");
  return {
    kind,
    phase,
    elapsedMs,
    attempts,
    code,
    ...(kindByErrno.has(code) ? {} : { detail: error.message }),
  };
}

/** The outcome of a probe whose time ran out. */
export function timedOut(phase: ProbePhase, elapsedMs: number, attempts = 1): Outcome {
  return { kind: "silent", phase, elapsedMs, attempts };
}
