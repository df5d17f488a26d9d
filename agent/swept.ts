/**
 * How many ports of a large range earlier rounds have had, and which of them were not as they should be. Known for as
 * long as the agent lives, over all its links: one that comes back goes on with its ranges where it was.
 */
import { portSetOf, type PortSet } from "../shared/ports.ts";
import type { ProbeOrder } from "./prober.ts";

type Range = Pick<ProbeOrder, "to" | "address" | "protocol" | "isShut">;

/** Of one range: of more intervals these are chosen evenly. */
const mostFaultyIntervals = 64;

export class SweptPorts {
  readonly #count = new Map<string, number>();
  readonly #faulty = new Map<string, readonly number[]>();

  of(range: Range): number {
    return this.#count.get(keyOf(range)) ?? 0;
  }

  add(range: Range, ports: number): void {
    this.#count.set(keyOf(range), this.of(range) + ports);
  }

  /** Ports that the next sweep must not leave out: both ends of each interval that was faulty the last time. */
  faulty(range: Range): readonly number[] {
    return this.#faulty.get(keyOf(range)) ?? [];
  }

  /** All that were found faulty in a sweep. */
  setFaulty(range: Range, ports: readonly number[]): void {
    if (ports.length === 0) this.#faulty.delete(keyOf(range));
    else this.#faulty.set(keyOf(range), endsOf(portSetOf(ports)));
  }
}

function endsOf(intervals: PortSet): number[] {
  const step = Math.max(1, intervals.length / mostFaultyIntervals);
  const count = Math.min(intervals.length, mostFaultyIntervals);
  const chosen = Array.from({ length: count }, (_, index) => intervals[Math.floor(index * step)]!);
  return [...new Set(chosen.flat())];
}

/** The positions of targets may be others after a coordinator was started again. */
function keyOf({ to, address, protocol, isShut = false }: Range): string {
  return `${to} ${address} ${protocol} ${isShut}`;
}
