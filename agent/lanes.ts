/** The work of a round, in lanes: one a node, so that nodes are probed in turn and a dead one delays nobody. */
import { createHash } from "node:crypto";
import type { ProbeOrder, ProberLimits } from "./prober.ts";
import { sweepOrder, type SweepOrder } from "./sweep-order.ts";
import { TokenBucket } from "./token-bucket.ts";

/** A bucket holds what flows in over this time, so that the timer's tick does not cost rate. */
const burstMs = 50;

export interface Lane {
  orders: ProbeOrder[];
  /** Pairs of order and port. */
  order: Uint32Array;
  port: Uint16Array;
  /** So many of them are probed however long it takes. */
  always: number;
  taken: number;
  /** How many there are to take: fewer once the time for sweeps is up. */
  end: number;
  young: number;
  open: number;
  bucket: TokenBucket;
}

export function bucketOf(ratePerSecond: number, now: number): TokenBucket {
  return new TokenBucket(ratePerSecond, Math.max(1, (ratePerSecond * burstMs) / 1_000), now);
}

/** One lane a node. Where a lane begins is a hash of who probes whom, so that peers spread. */
export function lanesOf(orders: readonly ProbeOrder[], limits: ProberLimits, now: number): Lane[] {
  const byNode = Map.groupBy(orders, ({ to }) => to);
  const from = orders[0]?.from ?? 0;
  const lanes = Array.from(byNode, ([to, laneOrders]): Lane & { to: number } => {
    const sweeps = laneOrders.map(({ ports, start = 0, faulty }) => sweepOrder(ports, start, faulty));
    const always = sweeps.flatMap((sweep, order) => sweep.always.map((port) => ({ order, port })));
    const first = hashOf(`${from}>${to}`) % Math.max(1, always.length);
    const count = sweeps.reduce((sum, { inTurn }) => sum + inTurn.length, always.length);
    const order = new Uint32Array(count);
    const port = new Uint16Array(count);
    for (const [index, item] of [...always.slice(first), ...always.slice(0, first)].entries()) {
      order[index] = item.order;
      port[index] = item.port;
    }
    interleave(sweeps, order, port, always.length);
    return {
      to,
      orders: laneOrders,
      order,
      port,
      always: always.length,
      end: count,
      taken: 0,
      young: 0,
      open: 0,
      bucket: bucketOf(limits.ratePerNodePerSecond, now),
    };
  });
  // Everybody begins with the node after itself.
  return lanes.toSorted((a, b) => Number(a.to < from) - Number(b.to < from) || a.to - b.to);
}

/** Ranges of different sizes in step, so that a cut leaves each with its share. Into columns, from `at` on. */
function interleave(sweeps: readonly SweepOrder[], order: Uint32Array, port: Uint16Array, at: number): void {
  const taken = sweeps.map(() => 0);
  for (let index = at; index < order.length; index++) {
    let next = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const [sweep, { inTurn }] of sweeps.entries()) {
      const share = (taken[sweep]! + 1) / inTurn.length;
      if (taken[sweep]! < inTurn.length && share < least) {
        next = sweep;
        least = share;
      }
    }
    order[index] = next;
    port[index] = sweeps[next]!.inTurn[taken[next]!++]!;
  }
}

function hashOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0);
}
