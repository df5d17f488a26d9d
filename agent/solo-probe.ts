/** One probe of a port, apart from any round: what it does to the kernel's counters is then its own doing. */
import { neighbourTimeoutMs } from "../shared/judge.ts";
import type { Outcome } from "../shared/outcome.ts";
import { probePort, type ProbeResult, type ProberDependencies } from "./prober.ts";
import type { Closable } from "./protocols/protocol.ts";
import { singleDatagram } from "./protocols/udp.ts";

/** Enough for an answer from anywhere. */
export const answerMs = 500;
/** A SYN is sent again after one second (RFC 6298 section 2.1): enough for an answer to the second one, too. */
export const nextSynMs = 1_300;

/** `open` gets what the probe has open, to be closed by whoever has seen enough. */
export function probeAlone(
  { order, port }: Pick<ProbeResult, "order" | "port">,
  timeoutMs: number,
  { protocols, context }: ProberDependencies,
  open: Set<Closable> = context.open,
): Promise<Outcome> {
  return probePort(order, port, {
    protocols,
    context: { ...context, timeoutMs, open, datagrams: singleDatagram },
  });
}

/** Nothing came, not even a connection. */
export function isSilent({ order, outcome }: ProbeResult): boolean {
  return outcome.kind === "silent" && (order.protocol === "udp" || outcome.phase === "connect");
}

export function isSilentTcp(result: ProbeResult): boolean {
  return isSilent(result) && result.order.protocol !== "udp";
}

/** Somebody said no; an ICMP error may be the answer only to the SYN of second three. */
export function isRejection({ outcome }: ProbeResult): boolean {
  return outcome.kind === "refused" || outcome.kind === "unreachable";
}

/** TCP was told no at once. */
export function isRefused(result: ProbeResult): boolean {
  const { order, outcome } = result;
  const isLate = outcome.elapsedMs >= neighbourTimeoutMs;
  return isRejection(result) && !isLate && order.protocol !== "udp" && outcome.phase === "connect";
}
