/**
 * What all probes from one node to one address of another say together about the host behind it. One port
 * that is silent says little; a host of which nothing is heard any more is another matter.
 */
import { isNeighbourTimeout } from "../shared/judge.ts";
import type { Outcome } from "../shared/outcome.ts";

export interface HostSigns {
  /** The last hop found nobody behind the address. */
  neighbourTimeout: boolean;
  /** A TCP connection was not answered at all. */
  silentConnect: boolean;
  /** The host proved itself on some port. */
  proved: boolean;
  /** A probe failed, and yet the host answered: with a refusal, or a connection. */
  answered: boolean;
  /** An ICMP error came sooner than a neighbour's time-out: from a firewall, or in the middle of another time-out. */
  icmp: boolean;
}

export class HostSignsByAddress {
  readonly #signs = new Map<string, HostSigns>();

  record(
    from: number,
    address: string,
    transport: string,
    outcome: Pick<Outcome, "kind" | "phase" | "elapsedMs" | "attempts">,
  ): void {
    const key = `${from} ${address}`;
    let signs = this.#signs.get(key);
    if (signs === undefined) {
      signs = { neighbourTimeout: false, silentConnect: false, proved: false, answered: false, icmp: false };
      this.#signs.set(key, signs);
    }
    const { kind, phase } = outcome;
    if (kind === "open") signs.proved = true;
    else if (isNeighbourTimeout(outcome)) signs.neighbourTimeout = true;
    else if (kind === "unreachable") signs.icmp = true;
    else if (kind === "silent" && (transport === "udp" || phase === "connect"))
      signs.silentConnect ||= transport === "tcp";
    // A connection that was cut off in the middle is seen once; a host that is there, again and again.
    else if (kind === "silent") signs.answered ||= outcome.attempts > 1;
    else if (kind !== "local-error") signs.answered = true;
  }

  of(from: number, address: string): HostSigns | undefined {
    return this.#signs.get(`${from} ${address}`);
  }
}

/** How an agent was last heard: over its link, not even its answer to a question, or until its link went quiet or closed. */
export type LastHeard = "alive" | "mute" | "silent" | "closed";

/**
 * Whether the host is gone from the network. An agent that is stopped leaves a kernel that still answers; an
 * agent that lives cannot be behind an address that proves nothing and answers nothing.
 */
export function hasVanished(signs: HostSigns | undefined, agent: LastHeard): boolean {
  if (signs === undefined || signs.answered) return false;
  if (agent === "alive") return signs.neighbourTimeout && !signs.proved && !signs.icmp;
  // An agent that is too busy to answer is behind a host that proved itself a moment ago.
  if (agent === "mute") return !signs.proved && (signs.neighbourTimeout || signs.silentConnect);
  return signs.neighbourTimeout || (signs.silentConnect && agent === "silent");
}
