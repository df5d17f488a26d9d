/**
 * How often each bucket of round trips was seen, for a number of targets: what sweeps are folded into. Written as
 * three columns, since equals stand beside each other there and compress: how many buckets a target has, the buckets
 * as differences, the counts.
 */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { BucketCounts } from "./latency-summary.ts";
import { pushVarint, readVarint } from "./varint.ts";

/** Targets that share a row: few enough for a question about one of them, enough to compress. */
export const targetsPerRow = 1_024;
const buckets = 256;

export class LatencyCounts {
  readonly #counts = new Uint32Array(targetsPerRow * buckets);
  /** The lowest and the highest bucket of each target; the lowest is above the highest where there is none. */
  readonly #low = new Uint8Array(targetsPerRow).fill(buckets - 1);
  readonly #high = new Uint8Array(targetsPerRow);
  #isEmpty = true;

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Bucket 0 says that nothing answered, and is not counted. */
  add(target: number, bucket: number, count = 1): void {
    if (bucket === 0 || target >= targetsPerRow) return;
    this.#counts[target * buckets + bucket]! += count;
    if (bucket < this.#low[target]!) this.#low[target] = bucket;
    if (bucket > this.#high[target]!) this.#high[target] = bucket;
    this.#isEmpty = false;
  }

  /** Of each target up to the last of which anything is known. */
  get targets(): BucketCounts[] {
    let targets = targetsPerRow;
    while (targets > 0 && this.#high[targets - 1] === 0) targets--;
    return Array.from({ length: targets }, (_, target) => {
      const found: [number, number][] = [];
      for (let bucket = this.#low[target]!; bucket <= this.#high[target]!; bucket++) {
        const count = this.#counts[target * buckets + bucket]!;
        if (count > 0) found.push([bucket, count]);
      }
      return found;
    });
  }

  encode(): Uint8Array {
    const { targets } = this;
    const sizes = targets.map(({ length }) => length);
    const steps: number[] = [];
    const counts: number[] = [];
    for (const found of targets) {
      let before = 0;
      for (const [bucket, count] of found) {
        steps.push(bucket - before);
        pushVarint(counts, count);
        before = bucket;
      }
    }
    const header: number[] = [];
    pushVarint(header, targets.length);
    return zstdCompressSync(Uint8Array.from([...header, ...sizes, ...steps, ...counts]));
  }

  clear(): void {
    for (let target = 0; target < targetsPerRow; target++) {
      if (this.#high[target] === 0) continue;
      this.#counts.fill(0, target * buckets + this.#low[target]!, target * buckets + this.#high[target]! + 1);
    }
    this.#low.fill(buckets - 1);
    this.#high.fill(0);
    this.#isEmpty = true;
  }
}

/** What was written is trusted here: its row has a checksum. */
export function decodeCounts(
  encoded: Uint8Array,
  each: (target: number, bucket: number, count: number) => void,
): void {
  const bytes = zstdDecompressSync(encoded);
  const [targets, sizesAt] = readVarint(bytes, 0);
  const stepsAt = sizesAt + targets;
  let total = 0;
  for (let index = sizesAt; index < stepsAt; index++) total += bytes[index]!;
  let step = stepsAt;
  let at = stepsAt + total;
  for (let target = 0; target < targets; target++) {
    let bucket = 0;
    for (let left = bytes[sizesAt + target]!; left > 0; left--) {
      bucket += bytes[step++]!;
      const [count, after] = readVarint(bytes, at);
      at = after;
      each(target, bucket, count);
    }
  }
}
