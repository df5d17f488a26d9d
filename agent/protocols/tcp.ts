/** TCP: connect, send a request, read the proof, reset. A bare connect proves nothing and is never enough. */
import { connect, type Socket } from "node:net";
import type { ProbePhase } from "../../shared/names.ts";
import type { Outcome, Proof } from "../../shared/outcome.ts";
import {
  answerRequest,
  createRequest,
  firstRequestByte,
  messageBytes,
  paddingOf,
  readAnswer,
  requestedBy,
} from "../../shared/proof.ts";
import { failed, timedOut } from "./failure.ts";
import type {
  Acceptor,
  Connection,
  ListenerContext,
  ProbeContext,
  ProbeTarget,
  Protocol,
} from "./protocol.ts";

export const tcp: Protocol = { name: "tcp", transport: "tcp", probe };

/** All sockets read into this one buffer: each chunk is copied out before the next is read. */
const readBuffer = Buffer.alloc(4 * 1024);

/** After one lost SYN the kernel sends the next a second later; a connect that took so long needed two. */
const retransmissionMs = 950;

function probe(target: ProbeTarget, context: ProbeContext): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = createRequest(context.epoch, { ...target, protocol: "tcp" });
    const answer = Buffer.alloc(messageBytes);
    const startedAt = performance.now();
    let phase: ProbePhase = "connect";
    let sentAt = startedAt;
    let filled = 0;
    let attempts = 1;
    const socket = connect({
      host: target.address,
      port: target.port,
      ...context.source,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback(bytes: number) {
          filled += readBuffer.copy(answer, filled, 0, Math.min(bytes, messageBytes - filled));
          if (filled === messageBytes) finish(answered(readAnswer(context.epoch, request, answer)));
          return true;
        },
      },
    });
    const timer = setTimeout(() => finish(timedOut(phase, elapsed(), attempts)), context.timeoutMs);
    context.open.add(socket);

    socket.once("connect", () => {
      phase = "answer";
      sentAt = performance.now();
      if (sentAt - startedAt > retransmissionMs) attempts = 2;
      socket.write(request);
    });
    socket.on("error", (error) => finish(failed(error, phase, elapsed(), attempts)));
    socket.once("close", () => finish(closedEarly(filled, phase, elapsed(), attempts)));

    function elapsed(): number {
      return performance.now() - startedAt;
    }

    function answered(proof: Proof | undefined): Outcome {
      const now = performance.now();
      const times = { phase, elapsedMs: now - startedAt, rttMs: now - sentAt, attempts };
      return proof === undefined ? { kind: "wrong-answer", ...times } : { kind: "open", ...times, proof };
    }

    let finished = false;
    function finish(outcome: Outcome): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      context.open.delete(socket);
      leave(socket, outcome);
      resolve(outcome);
    }
  });
}

/**
 * A reset leaves no TIME_WAIT behind, and our own listeners do not mind it. Somebody else's service gets
 * an orderly end, so that its log stays clean.
 */
export function leave(socket: Socket, outcome: Outcome): void {
  if (outcome.proof === undefined && outcome.phase !== "connect" && !socket.destroyed) socket.destroySoon();
  else if (outcome.proof === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** The far end closed in good order without a whole answer. */
export function closedEarly(bytes: number, phase: ProbePhase, elapsedMs: number, attempts: number): Outcome {
  const detail = bytes === 0 ? "closed without an answer" : `closed after ${bytes} bytes`;
  return { kind: bytes === 0 ? "reset" : "wrong-answer", phase, elapsedMs, attempts, detail };
}

/** Answers the proof on any stream: plain, or inside TLS. */
export function proofAcceptor(context: ListenerContext): Acceptor {
  return {
    recognises: (firstByte) => firstByte === firstRequestByte,
    accept(connection, head) {
      const { stream } = connection;
      let request = head;
      const answerWhole = (): void => {
        if (request.length < messageBytes) return;
        const padding = paddingOf(request);
        const length = messageBytes + padding.request;
        if (request.length < length) return;
        const bare = request.subarray(0, messageBytes);
        const answer =
          request.length === length
            ? answerRequest(context.epoch, bare, arrivalOf(context, connection))
            : undefined;
        if (answer === undefined) {
          stream.destroy();
          return;
        }
        const { remoteAddress = "::" } = connection.socket;
        context.requests.met(requestedBy(request).from, remoteAddress, performance.now());
        stream.write(padding.answer === 0 ? answer : Buffer.concat([answer, Buffer.alloc(padding.answer)]));
      };
      stream.on("data", (chunk: Buffer) => {
        request = Buffer.concat([request, chunk]);
        answerWhole();
      });
      answerWhole();
    },
  };
}

export function arrivalOf(
  context: ListenerContext,
  { socket, port, clientVerified }: Connection,
): Parameters<typeof answerRequest>[2] {
  return {
    node: context.node,
    port,
    seenAddress: socket.remoteAddress ?? "::",
    seenPort: socket.remotePort ?? 0,
    clientVerified,
  };
}
