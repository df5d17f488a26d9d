/**
 * The catalogue of firewalls: one line a fault, with the reason that a check must name for it. Each becomes a flow of
 * its own, over TCP and over UDP, from `prober` to `target`.
 */
import type { Reason } from "../../shared/names.ts";
import type { FaultAction, FaultRule } from "./faults.ts";
import type { FaultOptions, Place } from "./lab.ts";

export interface FilterLine {
  /** The host whose firewall it is. */
  at: "prober" | "router" | "target";
  /** What happens to requests, or to replies. */
  action: FaultAction;
  replies?: true;
  reason: Reason;
}

export const filters: readonly FilterLine[] = [
  { at: "target", action: "drop", reason: "dropped" },
  { at: "router", action: "drop", reason: "dropped" },
  { at: "target", action: "reject-reset", reason: "rejected" },
  { at: "target", action: "reject-port", reason: "rejected" },
  { at: "target", action: "reject-admin", reason: "rejected" },
  { at: "target", action: "reject-host", reason: "rejected" },
  { at: "target", action: "reject-net", reason: "rejected" },
  { at: "router", action: "reject-reset", reason: "rejected" },
  { at: "router", action: "reject-port", reason: "rejected" },
  { at: "router", action: "reject-admin", reason: "rejected" },
  { at: "router", action: "reject-host", reason: "rejected" },
  { at: "router", action: "reject-net", reason: "rejected" },
  { at: "prober", action: "drop", reason: "egress-blocked" },
  { at: "prober", action: "reject-reset", reason: "egress-blocked" },
  { at: "prober", action: "reject-port", reason: "egress-blocked" },
  { at: "prober", action: "reject-admin", reason: "egress-blocked" },
  { at: "prober", action: "reject-host", reason: "egress-blocked" },
  { at: "prober", action: "reject-net", reason: "egress-blocked" },
  { at: "target", action: "drop", replies: true, reason: "reply-dropped" },
  { at: "router", action: "drop", replies: true, reason: "reply-dropped" },
  { at: "prober", action: "drop", replies: true, reason: "reply-dropped" },
];

/** A reset is TCP's own. */
export function appliesTo({ action }: FilterLine, transport: "tcp" | "udp"): boolean {
  return transport === "tcp" || action !== "reject-reset";
}

/** `target-drop-tcp`, `router-drop-replies-udp`: the name of its flow. */
export function flowOf({ at, action, replies }: FilterLine, transport: "tcp" | "udp"): string {
  return [at, action, ...(replies === true ? ["replies"] : []), transport].join("-");
}

/** The rule. Where it stands on a host, that end is the host's name; an end that is left open is everybody. */
export function ruleOf(
  line: FilterLine,
  between: { prober: Place | undefined; target: Place | undefined; transport: "tcp" | "udp"; ports: string },
): FaultOptions {
  const { at, action } = line;
  const replies = line.replies === true;
  const { prober, target, transport, ports } = between;
  const [from, to] = replies ? [target, prober] : [prober, target];
  const place = at === "router" ? "router" : at === "prober" ? prober : target;
  if (typeof place !== "string") throw new TypeError("a firewall stands on one host or on the router");
  const ends = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  return { at: place, hook: hookOf(at, replies), ...ends, transport, ports, replies, action };
}

/** Requests leave the prober and enter the target, replies the other way round. */
function hookOf(at: FilterLine["at"], replies: boolean): FaultRule["hook"] {
  if (at === "router") return "forward";
  return (at === "prober") === replies ? "input" : "output";
}
