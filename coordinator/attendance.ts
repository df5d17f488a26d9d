/** Who took part and what each held: what a report needs to know, whether agents joined or left a bundle. */
import type { FarEnd } from "../shared/judge.ts";
import { eachException } from "../shared/listener-exceptions.ts";
import type { ListenerState } from "../shared/names.ts";
import type { PlannedNode } from "../shared/plan.ts";
import { countPorts } from "../shared/ports.ts";
import type { ListenerException, ListeningMessage } from "../shared/wire.ts";

export interface Attendance {
  /** Undefined where the node has no agent. */
  member(node: number): Attendant | undefined;
  /** What the far end of a probe held on a port. */
  farEnd(node: number, transport: string, address: string, port: number): HeldFarEnd;
}

export interface Attendant {
  version: string;
  host: string;
  /** The relay through which it came. */
  via: string | undefined;
  connected: boolean;
  /** Whether its link was closed or only went silent, once it is lost. */
  lostBy: "close" | "silence" | undefined;
  /** What it held; undefined until it said so. */
  listening: ListeningReport | undefined;
}

export interface ListeningReport {
  bound: number;
  elapsedMs: number;
  counts: Record<ListenerState, number>;
  exceptions: ReadonlyMap<string, ListenerException>;
}

export type HeldFarEnd = FarEnd & { exception?: ListenerException; lostBy?: "close" | "silence" };

/** Undefined where it says more of ports than the node was given. */
export function listeningReportOf(
  { bound, elapsedMs, exceptions: groups }: Pick<ListeningMessage, "bound" | "elapsedMs" | "exceptions">,
  { listeners }: PlannedNode,
): ListeningReport | undefined {
  const given = listeners.reduce((sum, { ports }) => sum + countPorts(ports), 0);
  const exceptions = eachException(groups, given);
  if (exceptions === undefined) return undefined;
  const counts: Record<ListenerState, number> = { bound, occupied: 0, denied: 0, absent: 0 };
  const byPort = new Map<string, ListenerException>();
  for (const exception of exceptions) {
    counts[exception.state]++;
    byPort.set(listenerKey(exception.transport, exception.address, exception.port), exception);
  }
  return { bound, elapsedMs, counts, exceptions: byPort };
}

export function heldBy(
  attendant: Attendant | undefined,
  transport: string,
  address: string,
  port: number,
): HeldFarEnd {
  if (attendant?.listening === undefined) return { agent: "missing", listener: undefined };
  const exception = attendant.listening.exceptions.get(listenerKey(transport, address, port));
  const farEnd = {
    ...(attendant.lostBy === undefined ? {} : { lostBy: attendant.lostBy }),
    agent: attendant.connected ? ("alive" as const) : ("gone" as const),
    listener: exception?.state ?? ("bound" as const),
  };
  return exception === undefined ? farEnd : { ...farEnd, exception };
}

function listenerKey(transport: string, address: string, port: number): string {
  return `${transport} ${address} ${port}`;
}
