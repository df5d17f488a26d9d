/**
 * The listening end of streams that measure bandwidth, on every TCP port of an agent. Nobody without the epoch
 * key makes it send or take in anything, and whoever has the key gets no more than the limits here.
 */
import type { Socket } from "node:net";
import { messageBytes } from "../../shared/proof.ts";
import { ShortageWatch } from "../shortage.ts";
import { discard, pump, ReceivingWindow, withinHardLimits, type StreamFigure } from "./bulk-flow.ts";
import {
  firstOrderByte,
  freshNonce,
  isStart,
  readOrder,
  writeGrant,
  writeResult,
  type StreamOrder,
  type StreamTie,
} from "./bulk-messages.ts";
import type { Acceptor, ListenerContext } from "./protocol.ts";

export const bulkLimits = {
  /** Of one agent at once, each with another peer: the node is to be measured, not loaded. */
  streams: 4,
  /** For the last bytes and the result, when the time is up. */
  lingerMs: 3_000,
} as const;

export class BulkStreams {
  readonly #context: Pick<ListenerContext, "epoch" | "node">;
  readonly #open = new Map<number, Socket>();

  constructor(context: Pick<ListenerContext, "epoch" | "node">) {
    this.#context = context;
  }

  /** `leave` is told of each connection that becomes a stream: it lasts longer than any probe. */
  acceptor(leave: (socket: Socket) => void): Acceptor {
    return {
      recognises: (firstByte) => firstByte === firstOrderByte,
      accept: ({ stream, socket, port }, head) => {
        // Inside of TLS the ciphers would be measured.
        if (stream !== socket) stream.destroy();
        else
          readMessage(socket, head, (order, rest) => {
            // Who does not wait for the grant is no peer.
            if (rest.length > 0) socket.destroy();
            else this.#answer(socket, port, order, leave);
          });
      },
    };
  }

  /** Ends what came in over one port, so that whoever takes it over finds nothing of it. */
  reset(port: number): void {
    for (const socket of this.#open.values()) if (socket.localPort === port) socket.resetAndDestroy();
  }

  close(): void {
    for (const socket of this.#open.values()) socket.destroy();
  }

  #answer(socket: Socket, port: number, bytes: Buffer, leave: (socket: Socket) => void): void {
    const { epoch, node } = this.#context;
    const order = readOrder(epoch, bytes);
    if (order === undefined || order.to !== node || order.port !== port) {
      socket.destroy();
      return;
    }
    const { nonce } = order;
    // No place is kept for it yet: a recorded order, repeated by a stranger, comes as far as this.
    const challenge = this.#isFree(order.from) ? freshNonce() : undefined;
    const grant = writeGrant(epoch, nonce, { node, port, challenge });
    if (challenge === undefined) {
      socket.end(grant);
      return;
    }
    socket.write(grant);
    const tie = { nonce, challenge };
    readMessage(socket, undefined, (start, rest) => {
      if (!isStart(epoch, start, tie) || !this.#isFree(order.from)) {
        socket.destroy();
        return;
      }
      leave(socket);
      this.#enter(order.from, socket);
      this.#run(socket, order, tie, rest);
    });
  }

  #isFree(peer: number): boolean {
    return this.#open.has(peer) || this.#open.size < bulkLimits.streams;
  }

  /** A peer runs one stream at a time: what is left of an earlier one is over, and word of that on its way. */
  #enter(peer: number, socket: Socket): void {
    this.#open.get(peer)?.destroy();
    this.#open.set(peer, socket);
    socket.once("close", () => {
      if (this.#open.get(peer) === socket) this.#open.delete(peer);
    });
  }

  #run(socket: Socket, order: StreamOrder, tie: StreamTie, head: Buffer): void {
    const limits = withinHardLimits(order);
    const watch = new ShortageWatch();
    const startedAt = performance.now();
    const window = new ReceivingWindow(limits, startedAt);
    const streamMs = limits.warmUpMs + limits.durationMs;
    let isOver = false;
    const tell = (figure: StreamFigure): Buffer =>
      writeResult(this.#context.epoch, tie, figure, watch.shortage);
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      if (order.direction === "there") socket.write(tell(window.figure(performance.now())));
      else {
        sending?.stop();
        socket.end(tell({ bytes: 0, elapsedMs: performance.now() - startedAt }));
      }
    };
    const ending = setTimeout(finish, streamMs);
    const killing = setTimeout(() => socket.destroy(), streamMs + bulkLimits.lingerMs);
    socket.once("close", () => {
      clearTimeout(ending);
      clearTimeout(killing);
      sending?.stop();
      watch[Symbol.dispose]();
    });
    let taken = 0;
    let sending: ReturnType<typeof pump> | undefined;
    const take = (chunk: Buffer): void => {
      const bytes = discard(chunk);
      taken += bytes;
      // What is under way when the time is up still arrives; more than was agreed does not.
      if (order.direction === "back" || taken > limits.maxBytes) socket.destroy();
      else if (!isOver && window.take(bytes, performance.now())) finish();
    };
    socket.on("data", take);
    if (order.direction === "back") sending = pump(socket, limits.maxBytes, finish);
    else if (head.length > 0) take(head);
  }
}

/** Calls back with one whole message and what came with it; a stream that follows a message may. */
function readMessage(
  socket: Socket,
  head: Buffer | undefined,
  then: (message: Buffer, rest: Buffer) => void,
): void {
  let read = head ?? Buffer.alloc(0);
  const more = (chunk: Buffer): void => {
    read = read.length === 0 ? chunk : Buffer.concat([read, chunk]);
    if (read.length < messageBytes) return;
    socket.removeListener("data", more);
    then(read.subarray(0, messageBytes), read.subarray(messageBytes));
  };
  if (read.length >= messageBytes) then(read.subarray(0, messageBytes), read.subarray(messageBytes));
  else socket.on("data", more);
}
