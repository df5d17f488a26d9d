/** When sweeps begin: spread over the interval by the node's name, and never further apart than the interval. */
import { createHash } from "node:crypto";

/** Agents that were started together drift apart by so much of an interval each time. */
const jitter = 0.1;

/** From the first pinglist to the first sweep, in milliseconds: the same for a node whenever it is asked. */
export function firstDelayMs(node: string, intervalMs: number): number {
  const place = createHash("sha256").update(node).digest().readUInt32BE(0) / 2 ** 32;
  return place * intervalMs;
}

/** From the beginning of one sweep to that of the next. `random` is from 0 to 1. */
export function pauseMs(intervalMs: number, random: number): number {
  return intervalMs * (1 - jitter * random);
}
