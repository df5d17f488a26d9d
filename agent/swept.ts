/**
 * How many ports of a large range earlier rounds have had. Known for as long as the agent lives, over all its
 * links: one that comes back goes on with its ranges where it was.
 */
import type { ProbeOrder } from "./prober.ts";

type Range = Pick<ProbeOrder, "to" | "address" | "protocol">;

export class SweptPorts {
  readonly #count = new Map<string, number>();

  of(range: Range): number {
    return this.#count.get(keyOf(range)) ?? 0;
  }

  add(range: Range, ports: number): void {
    this.#count.set(keyOf(range), this.of(range) + ports);
  }
}

/** The positions of targets may be others after a coordinator was started again. */
function keyOf({ to, address, protocol }: Range): string {
  return `${to} ${address} ${protocol}`;
}
