/**
 * What is to be seen of an agent that watches, for whoever counts it. Nothing is counted where nobody asked for it:
 * most agents have no metrics.
 */
import type { ListenerState, OutcomeKind, ProtocolName } from "../shared/names.ts";

/** As it happens. */
export interface Observer {
  probed(protocol: ProtocolName, outcome: OutcomeKind): void;
  /** So many probes were not sent, because the policy of this node forbids them. */
  refused(probes: number): void;
  /** In milliseconds: how long a sweep took, and for how long this process did not get to run meanwhile. */
  swept(tookMs: number, stalledMs: number): void;
  /** Where to ask for what holds at a moment. */
  watch(state: AgentState): void;
}

export interface AgentState {
  readonly isConnected: boolean;
  readonly listeners: Readonly<Record<ListenerState, number>>;
  /** Sweeps that the coordinator has not acknowledged; `dropped` are all for which there was no room, so far. */
  readonly backlog: { readonly sweeps: number; readonly bytes: number; readonly dropped: number };
}
