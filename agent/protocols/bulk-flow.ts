/** What both ends of a stream share: its limits, the counting at the receiver, the writing at the sender. */
import { randomFillSync } from "node:crypto";
import type { Socket } from "node:net";
import { streamLimits } from "../../shared/stream-limits.ts";

export interface StreamLimits {
  warmUpMs: number;
  /** After the warm-up. */
  durationMs: number;
  /** In all, the warm-up included. */
  maxBytes: number;
}

/** What arrived after the warm-up. */
export interface StreamFigure {
  bytes: number;
  elapsedMs: number;
}

export function withinHardLimits({ warmUpMs, durationMs, maxBytes }: StreamLimits): StreamLimits {
  const warmUp = Math.min(warmUpMs, streamLimits.streamMs);
  return {
    warmUpMs: warmUp,
    durationMs: Math.min(durationMs, streamLimits.streamMs - warmUp),
    maxBytes: Math.min(maxBytes, streamLimits.bytes),
  };
}

/** On links so fast that the bytes are used up before the time is, this part of them is the warm-up. */
const warmUpShare = 0.25;

/** Counts at the receiver. Times are of a monotonic clock, in milliseconds. */
export class ReceivingWindow {
  readonly #limits: StreamLimits;
  readonly #begunAt: number;
  /** When the warm-up was over: the end of the first read that fell behind it, whose bytes came before. */
  #since: number | undefined;
  #total = 0;
  #counted = 0;

  constructor(limits: StreamLimits, now: number) {
    this.#limits = limits;
    this.#begunAt = now;
  }

  /** @returns whether that was the last that counts. */
  take(bytes: number, now: number): boolean {
    const { warmUpMs, durationMs, maxBytes } = this.#limits;
    this.#total += bytes;
    if (this.#since !== undefined) this.#counted += bytes;
    else if (now - this.#begunAt >= warmUpMs || this.#total >= warmUpShare * maxBytes) this.#since = now;
    return this.#total >= maxBytes || (this.#since !== undefined && now - this.#since >= durationMs);
  }

  figure(now: number): StreamFigure {
    const since = this.#since ?? this.#begunAt + this.#limits.warmUpMs;
    return { bytes: this.#counted, elapsedMs: Math.max(0, now - since) };
  }
}

/** Large writes, so that the kernel and not this process is what limits. */
const fillerBytes = 256 * 1024;
let filler: Buffer | undefined;

/** Writes until all bytes were written or it is stopped; `onAll` is called in the first case. */
export function pump(socket: Socket, maxBytes: number, onAll: () => void): { stop: () => void } {
  // Of no pattern, since some links compress; the same for all streams.
  const bytes = (filler ??= randomFillSync(Buffer.allocUnsafeSlow(fillerBytes)));
  let left = maxBytes;
  const stop = (): void => void socket.removeListener("drain", write);
  function write(): void {
    let hasRoom = true;
    while (hasRoom && left > 0) {
      const piece = left >= bytes.length ? bytes : bytes.subarray(0, left);
      left -= piece.length;
      hasRoom = socket.write(piece);
    }
    if (left > 0) return;
    stop();
    onAll();
  }
  socket.on("drain", write);
  write();
  return { stop };
}

/**
 * Gives the memory of what was read back at once. Left to the collector, 64 KiB a read come to 60 MB before it
 * runs: more than an agent has.
 */
export function discard(chunk: Buffer): number {
  const { length, buffer } = chunk;
  // A small chunk may share its memory with others.
  if (buffer.byteLength === length && buffer instanceof ArrayBuffer) buffer.transfer(0);
  return length;
}
