/** What the network did to one probe. What that means is decided by `judge` alone. */
import type { ExchangeName, OutcomeKind, ProbePhase } from "./names.ts";

/** A valid proof: who answered, and what it saw of the probe. */
export interface Proof {
  /** Index of the answering node in the plan. */
  node: number;
  /** The local port on which the probe arrived; a redirect on the host shows here. */
  port: number;
  /** The source of the probe as the answering node saw it; a NAT on the way shows here. */
  seenAddress: string;
  seenPort: number;
  /** Whether a client certificate arrived and was valid; always false outside mutual TLS. */
  clientVerified: boolean;
}

export interface Outcome {
  kind: OutcomeKind;
  /** The step that decided it. */
  phase: ProbePhase;
  /** From the start of the probe until it was decided, in milliseconds. */
  elapsedMs: number;
  /** From sending the request to reading its answer; only where there was an answer. */
  rttMs?: number;
  /** Errno (`ECONNREFUSED`), TLS or WebSocket code where there is one. */
  code?: string;
  /** What was seen, in words; from the network, so escape it before showing. */
  detail?: string;
  /** Sends or connects that were needed; more than one means loss. */
  attempts: number;
  /** What was spoken with the real service of an occupied port; absent where a proof was asked for. */
  exchange?: ExchangeName;
  proof?: Proof;
}
