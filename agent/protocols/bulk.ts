/**
 * One stream to a peer's listener, in either direction, to measure what the way between them carries: order,
 * grant, start, the bytes, result. The figure is that of the end that receives.
 */
import { connect } from "node:net";
import { formatEndpoint } from "../../shared/addresses.ts";
import { messageBytes, type EpochKey } from "../../shared/proof.ts";
import type { Shortage } from "../shortage.ts";
import { pump, ReceivingWindow, withinHardLimits, type StreamFigure } from "./bulk-flow.ts";
import {
  freshNonce,
  readGrant,
  readResult,
  writeOrder,
  writeStart,
  type StreamOrder,
  type StreamTie,
} from "./bulk-messages.ts";

export interface StreamContext {
  epoch: EpochKey;
  /** The source address to use; empty leaves it to the routing table. */
  source: { localAddress?: string };
}

export interface StreamResult extends StreamFigure {
  /** What the listening end was short of, where it could say so. */
  farShortage: Shortage | undefined;
}

/** Until the stream begins: three SYNs, and a round trip. */
const beginMs = 5_000;
/** For the result, when the time is up. */
const resultMs = 3_000;
/** A sender's last word is waited for no longer: on a slow way much is queued before it, and nobody was short. */
const lastWordMs = 500;

const readBytes = 256 * 1024;
let readBuffer: Buffer | undefined;

/** Resolves with the figure, or with why there is none. One at a time: all read into one buffer. */
export function runStream(
  address: string,
  asked: StreamOrder,
  { epoch, source }: StreamContext,
  signal: AbortSignal,
): Promise<StreamResult | string> {
  const order = { ...asked, ...withinHardLimits(asked) };
  const { port } = order;
  const buffer = (readBuffer ??= Buffer.allocUnsafeSlow(readBytes));
  const there = formatEndpoint(address, port);
  const nonce = freshNonce();
  return new Promise((resolve) => {
    let phase: "connect" | "grant" | "stream" | "last-word" = "connect";
    let finished = false;
    let tie: StreamTie | undefined;
    let window: ReceivingWindow | undefined;
    let sending: ReturnType<typeof pump> | undefined;
    let figure: StreamFigure | undefined;
    let startedAt = performance.now();
    /** The last bytes that came: a message, or what may be one behind a stream. */
    let tail: Buffer = Buffer.alloc(0);

    const socket = connect({
      host: address,
      port,
      ...source,
      noDelay: true,
      onread: {
        buffer,
        callback(bytes: number) {
          receive(buffer.subarray(0, bytes));
          return true;
        },
      },
    });
    const abort = (): void => finish(`the stream to ${there} was given up`);
    let timer = setTimeout(() => finish(`${there} did not begin a stream within ${beginMs} ms`), beginMs);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("connect", () => {
      phase = "grant";
      socket.write(writeOrder(epoch, nonce, order));
    });
    let code: string | undefined;
    socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
    socket.once("end", () => {
      // A peer that is killed ends its stream too, but without a word.
      const isInTime = phase === "stream" && window !== undefined && lastWordOf(tail) !== undefined;
      if (isInTime) lastWord();
      if (phase === "last-word") conclude();
    });
    socket.once("close", () => {
      if (phase === "last-word") conclude();
      else finish(brokenOff());
    });
    if (signal.aborted) abort();

    function receive(chunk: Buffer): void {
      if (phase === "stream" && window !== undefined && window.take(chunk.length, performance.now()))
        lastWord();
      const { length } = chunk;
      tail =
        length >= messageBytes
          ? Buffer.from(chunk.subarray(length - messageBytes))
          : Buffer.concat([tail, chunk]).subarray(-messageBytes);
      if (phase === "grant" && tail.length === messageBytes) begin(tail);
      else if (phase === "stream" && sending !== undefined && tail.length === messageBytes) takeResult(tail);
    }

    function begin(message: Buffer): void {
      const challenge = readGrant(epoch, message, nonce, order);
      if (challenge === undefined) return finish(`${there} answered without proof`);
      if (challenge === "busy") return finish(`${there} has other streams at the moment`);
      tie = { nonce, challenge };
      tail = Buffer.alloc(0);
      phase = "stream";
      startedAt = performance.now();
      clearTimeout(timer);
      const streamMs = order.warmUpMs + order.durationMs;
      socket.write(writeStart(epoch, tie));
      if (order.direction === "back") {
        window = new ReceivingWindow(order, startedAt);
        timer = setTimeout(lastWord, streamMs);
      } else {
        const late = (): void => finish(`${there} sent no result of the stream within ${resultMs} ms`);
        timer = setTimeout(late, streamMs + resultMs);
        sending = pump(socket, order.maxBytes, () => {});
      }
    }

    function takeResult(message: Buffer): void {
      const result = readResult(epoch, message, tie!);
      if (result === undefined) return finish(`${there} sent a result without proof`);
      finish({ bytes: result.bytes, elapsedMs: result.elapsedMs, farShortage: result.shortage });
    }

    /** All that counts has arrived; the sender says at the end what it was short of. */
    function lastWord(): void {
      phase = "last-word";
      figure = window!.figure(performance.now());
      clearTimeout(timer);
      timer = setTimeout(conclude, lastWordMs);
    }

    function conclude(): void {
      finish({ ...figure!, farShortage: lastWordOf(tail)?.shortage });
    }

    function lastWordOf(bytes: Buffer): ReturnType<typeof readResult> {
      return bytes.length === messageBytes ? readResult(epoch, bytes, tie!) : undefined;
    }

    function brokenOff(): string {
      const why = code ?? "it was closed";
      if (phase === "connect") return `cannot connect to ${there}: ${why}`;
      if (phase === "grant") return `${there} takes no order for a stream: ${why}`;
      return `the stream with ${there} broke off after ${Math.round(performance.now() - startedAt)} ms: ${why}`;
    }

    function finish(result: StreamResult | string): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      sending?.stop();
      // Nothing that is still queued is worth sending.
      socket.resetAndDestroy();
      resolve(result);
    }
  });
}
