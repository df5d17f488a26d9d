/** Answers what this agent saw of probes that failed at the other end: the second half of every verdict. */
import { canonicalAddress } from "../shared/addresses.ts";
import type { Transport } from "../shared/names.ts";
import { eachPort, formatPorts, portSetOf, type PortSet } from "../shared/ports.ts";
import type { CoordinatorMessage, LookQuestion, SightingsMessage } from "../shared/wire.ts";
import type { RequestLog } from "./request-log.ts";
import type { SelfWatch } from "./self-watch.ts";
import { socketStates, socketTable } from "./socket-table.ts";

type LookMessage = Extract<CoordinatorMessage, { type: "look" }>;

export interface Witness {
  requests: RequestLog;
  watch: SelfWatch;
  /** A node's own addresses, as the cluster file has them. */
  addressesOf(node: number): readonly string[];
  portsOf(text: string): PortSet;
}

interface Tables {
  halfOpen: readonly { localPort: number; remoteAddress: string }[];
  held: ReadonlySet<number>;
}

/** `now` is the clock of the request log, in milliseconds. */
export function testify(message: LookMessage, witness: Witness, now: number): SightingsMessage {
  const since = now - message.withinMs;
  const held = new Map<Transport, ReadonlySet<number>>();
  // The kernel sends its answer to a half-open connection for a minute: longer than any probe waits.
  const halfOpen = Array.from(socketTable("tcp", socketStates.halfOpen), ({ localPort, remoteAddress }) => ({
    localPort,
    remoteAddress: canonicalAddress(remoteAddress),
  }));
  const { totalMs, longestMs } = witness.watch.stalled(since, now);
  return {
    type: "sightings",
    look: message.look,
    answers: message.questions.map((question) => {
      if (!held.has(question.transport)) held.set(question.transport, heldPorts(question.transport));
      return answer(question, witness, { halfOpen, held: held.get(question.transport)! }, since);
    }),
    stalledMs: totalMs,
    longestStallMs: longestMs,
  };
}

function answer(
  { from, transport, ports: text }: LookQuestion,
  { requests, addressesOf, portsOf }: Witness,
  { halfOpen, held }: Tables,
  since: number,
): SightingsMessage["answers"][number] {
  const asked = [...eachPort(portsOf(text))];
  // Without a readable table nothing is known.
  const absent = held.size === 0 ? "" : textOf(asked.filter((port) => !held.has(port)));
  if (transport === "udp") {
    const saw = asked.filter((port) => requests.sawRequest(from, port, since));
    return { saw: textOf(saw), mute: "", absent };
  }
  const addresses = new Set([...addressesOf(from), ...requests.addressesOf(from)].map(canonicalAddress));
  const half = new Set(
    halfOpen.flatMap(({ localPort, remoteAddress }) => (addresses.has(remoteAddress) ? [localPort] : [])),
  );
  const mute = asked.filter((port) => requests.sawMuteConnection(addresses, port, since));
  const saw = asked.filter((port) => half.has(port));
  return { saw: textOf([...saw, ...mute]), mute: textOf(mute), absent };
}

function heldPorts(transport: Transport): ReadonlySet<number> {
  const state = transport === "tcp" ? socketStates.listening : undefined;
  return new Set(Array.from(socketTable(transport, state), ({ localPort }) => localPort));
}

function textOf(ports: readonly number[]): string {
  return formatPorts(portSetOf(ports));
}
