/**
 * One request and answer of a chosen size, for finding out how large a packet may be on a path (RFC 8899 does
 * the same at the transport's level). The padding is said in the request and covered by its MAC; an answer
 * is never longer than its request.
 */
import { connect } from "node:net";
import { createRequest, messageBytes, readAnswer } from "../../shared/proof.ts";
import { connectedUdp } from "./connected-udp.ts";
import type { ProbeContext, ProbeTarget } from "./protocol.ts";

export interface Sizes {
  /** Bytes of the request, and of its answer; 64 at least. */
  request: number;
  answer: number;
}

/** Whether the whole answer came within the time. Sent once over UDP; over TCP the kernel repeats what is lost. */
export function exchange(
  transport: "tcp" | "udp",
  target: ProbeTarget,
  sizes: Sizes,
  context: ProbeContext,
  timeoutMs: number,
): Promise<boolean> {
  const padding = { request: sizes.request - messageBytes, answer: sizes.answer - messageBytes };
  const request = createRequest(context.epoch, { ...target, protocol: transport }, padding);
  const message = Buffer.concat([request, Buffer.alloc(padding.request)]);
  const isProof = (answer: Buffer): boolean =>
    answer.length >= sizes.answer &&
    readAnswer(context.epoch, request, answer.subarray(0, messageBytes)) !== undefined;
  return transport === "udp"
    ? overUdp(target, message, isProof, context, timeoutMs)
    : overTcp(target, message, isProof, context, timeoutMs);
}

function overTcp(
  target: ProbeTarget,
  message: Buffer,
  isProof: (answer: Buffer) => boolean,
  context: ProbeContext,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port, noDelay: true, ...context.source });
    let answer: Buffer = Buffer.alloc(0);
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      context.open.delete(socket);
      socket.resetAndDestroy();
      resolve(answered);
    };
    const timer = setTimeout(end, timeoutMs, false);
    context.open.add(socket);
    socket.once("connect", () => socket.write(message));
    socket.on("data", (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (isProof(answer)) end(true);
    });
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

function overUdp(
  target: ProbeTarget,
  message: Buffer,
  isProof: (answer: Buffer) => boolean,
  context: ProbeContext,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectedUdp(target, context.source);
    const handle = { destroy: () => end(false) };
    let ended = false;
    const end = (answered: boolean): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      context.open.delete(handle);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(end, timeoutMs, false);
    context.open.add(handle);
    socket.on("error", () => end(false));
    socket.on("message", (answer: Buffer) => {
      if (isProof(answer)) end(true);
    });
    socket.once("connect", () => socket.send(message, () => {}));
  });
}
