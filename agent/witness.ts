/** Answers what this agent saw of probes that failed at the other end: the second half of every verdict. */
import { canonicalAddress } from "../shared/addresses.ts";
import type { Transport } from "../shared/names.ts";
import { eachPort, formatPorts, portSetOf, type PortSet } from "../shared/ports.ts";
import type { CoordinatorMessage, LookQuestion, SightingsMessage } from "../shared/wire.ts";
import type { HalfOpenWatch } from "./half-open.ts";
import type { RequestLog } from "./request-log.ts";
import type { SelfWatch } from "./self-watch.ts";
import { socketStates, socketTable } from "./socket-table.ts";

type LookMessage = Extract<CoordinatorMessage, { type: "look" }>;

export interface Witness {
  requests: RequestLog;
  halfOpen: HalfOpenWatch;
  self: SelfWatch;
  /** A node's own addresses, as the cluster file has them. */
  addressesOf: (node: number) => readonly string[];
  portsOf: (text: string) => PortSet;
}

/** `now` is the clock of the request log, in milliseconds. */
export function testify(message: LookMessage, witness: Witness, now: number): SightingsMessage {
  const since = now - message.withinMs;
  witness.halfOpen.look();
  const held = new Map<Transport, ReadonlySet<number>>();
  const { totalMs, longestMs } = witness.self.stalled(since, now);
  return {
    type: "sightings",
    look: message.look,
    answers: message.questions.map((question) => {
      if (!held.has(question.transport)) held.set(question.transport, heldPorts(question.transport));
      return answer(question, witness, held.get(question.transport)!, since);
    }),
    stalledMs: totalMs,
    longestStallMs: longestMs,
  };
}

function answer(
  { from, transport, ports }: LookQuestion,
  { requests, addressesOf, portsOf }: Witness,
  held: ReadonlySet<number>,
  since: number,
): SightingsMessage["answers"][number] {
  const asked = [...eachPort(portsOf(ports))];
  // Without a readable table nothing is known.
  const absent = held.size === 0 ? [] : asked.filter((port) => !held.has(port));
  const addresses = new Set([...addressesOf(from), ...requests.addressesOf(from)].map(canonicalAddress));
  const mute =
    transport === "udp" ? [] : asked.filter((port) => requests.hadMuteConnection(addresses, port, since));
  const saw = asked.filter((port) =>
    transport === "udp"
      ? requests.sawRequest(from, port, since)
      : requests.hadHalfOpen(addresses, port, since),
  );
  return { saw: textOf([...saw, ...mute]), mute: textOf(mute), absent: textOf(absent) };
}

function heldPorts(transport: Transport): ReadonlySet<number> {
  const state = transport === "tcp" ? socketStates.listening : undefined;
  return new Set(Array.from(socketTable(transport, state), ({ localPort }) => localPort));
}

function textOf(ports: readonly number[]): string {
  return formatPorts(portSetOf(ports));
}
