/** Reasons as bytes: in matrices, in histories, and on the page, which loads no schemas. */
import type { Reason } from "./names.ts";

/**
 * All reasons in one order: what a byte of a matrix says is the position here plus one, 0 where there is no
 * path. Only ever appended to, because histories keep these bytes.
 */
export const reasonCodes: readonly Reason[] = [
  "reachable",
  "served",
  "blocked-as-required",
  "met",
  "slow",
  "lossy",
  "low-bandwidth",
  "small-mtu",
  "expiring",
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
  "not-listening",
  "denied",
  "silent-service",
  "never-probed",
  "stale",
  "agent-missing",
  "impaired",
];

export function codeOf(reason: Reason): number {
  return reasonCodes.indexOf(reason) + 1;
}
