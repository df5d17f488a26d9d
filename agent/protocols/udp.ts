/**
 * UDP: a request, sent several times, and its proof. Only an answer proves anything, since an open port may
 * stay silent and Linux rate-limits the ICMP errors of closed ones. The last attempts use a connected
 * socket, on which the kernel reports those errors.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { familyOf } from "../../shared/addresses.ts";
import type { Outcome } from "../../shared/outcome.ts";
import {
  answerRequest,
  createRequest,
  messageBytes,
  paddingOf,
  readAnswer,
  requestedBy,
} from "../../shared/proof.ts";
import { connectedUdp } from "./connected-udp.ts";
import { failed, timedOut } from "./failure.ts";
import type { Datagrams, ListenerContext, ProbeContext, ProbeTarget, Protocol } from "./protocol.ts";

export const udp: Protocol = { name: "udp", transport: "udp", probe };

/** Sent again early for loss and late for outages; the last two show ICMP errors. */
export const eagerDatagrams: Datagrams = { resendAt: [0.1, 0.3, 0.55], connectedFrom: 3 };
/** The same, and no ICMP error goes unseen. */
export const attentiveDatagrams: Datagrams = { ...eagerDatagrams, connectedFrom: 1 };
/** One datagram and what comes of it. */
export const singleDatagram: Datagrams = { resendAt: [], connectedFrom: 1 };

function probe(target: ProbeTarget, context: ProbeContext): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = createRequest(context.epoch, { ...target, protocol: "udp" });
    const startedAt = performance.now();
    let sentAt = startedAt;
    let attempts = 1;
    let connected: Socket | undefined;
    let strange: string | undefined;
    const { resendAt, connectedFrom } = context.datagrams;
    const handle = { destroy: () => finish(timedOut("answer", elapsed(), attempts)) };
    context.open.add(handle);
    let timer = setTimeout(next, (resendAt[0] ?? 1) * context.timeoutMs);
    send();

    function next(): void {
      if (attempts > resendAt.length) {
        const silent = timedOut("answer", elapsed(), attempts);
        finish(strange === undefined ? silent : { ...silent, kind: "wrong-answer", detail: strange });
        return;
      }
      timer = setTimeout(next, (resendAt[attempts] ?? 1) * context.timeoutMs - elapsed());
      attempts++;
      send();
    }

    function send(): void {
      sentAt = performance.now();
      if (attempts < connectedFrom) {
        context.udp.send(request, target.address, target.port, onAnswer, onError);
      } else if (connected === undefined) {
        connected = connectedUdp(target, context.source)
          .on("error", onError)
          .on("message", onAnswer)
          .once("connect", sendConnected);
      } else sendConnected();
    }

    function sendConnected(): void {
      connected!.send(request, (error) => {
        if (error !== null) onError(error);
      });
    }

    function onAnswer(answer: Buffer): void {
      const proof = readAnswer(context.epoch, request, answer);
      // Anybody can send a datagram: what is no proof is not an answer, and the real one may still come.
      if (proof === undefined) {
        strange ??= `${answer.length} bytes without a proof`;
        return;
      }
      const now = performance.now();
      finish({
        kind: "open",
        phase: "answer",
        elapsedMs: now - startedAt,
        rttMs: now - sentAt,
        attempts,
        proof,
      });
    }

    function onError(error: Error): void {
      finish(failed(error, "answer", elapsed(), attempts));
    }

    function elapsed(): number {
      return performance.now() - startedAt;
    }

    let finished = false;
    function finish(outcome: Outcome): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      context.udp.forget(request);
      context.open.delete(handle);
      connected?.close();
      resolve(outcome);
    }
  });
}

/**
 * Holds one UDP port. A datagram is answered with one of the same length if it carries a valid request, and
 * else not at all, so a listener can neither amplify nor be found by a scan.
 */
export function listenUdp(address: string, port: number, context: ListenerContext): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: familyOf(address) === 6 ? "udp6" : "udp4",
      ipv6Only: familyOf(address) === 6,
    });
    socket.once("error", reject);
    socket.on("message", (request: Buffer, from: RemoteInfo) => {
      if (request.length < messageBytes) return;
      const padding = paddingOf(request);
      if (request.length !== messageBytes + padding.request) return;
      const answer = answerRequest(context.epoch, request.subarray(0, messageBytes), {
        node: context.node,
        port,
        seenAddress: from.address,
        seenPort: from.port,
        clientVerified: false,
      });
      if (answer === undefined) return;
      context.requests.received(requestedBy(request).from, port, from.address, performance.now());
      const whole = padding.answer === 0 ? answer : Buffer.concat([answer, Buffer.alloc(padding.answer)]);
      socket.send(whole, from.port, from.address, () => {});
    });
    // exclusive: the port is never shared with another process, which would split its traffic.
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeListener("error", reject);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}
