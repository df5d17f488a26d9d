/** Asks a UDP service one question, several times. */
import { connectedUdp } from "../connected-udp.ts";
import { failed, timedOut } from "../failure.ts";
import type { ProbeContext, ProbeTarget } from "../protocol.ts";
import { foreign, type DatagramTalk, type Moment, type ServiceOutcome } from "./exchange.ts";

export function runDatagram(
  talk: DatagramTalk,
  target: Pick<ProbeTarget, "address" | "port">,
  context: Pick<ProbeContext, "timeoutMs" | "source" | "datagrams" | "open">,
): Promise<ServiceOutcome> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let sentAt = startedAt;
    let attempts = 0;
    let other: Buffer | undefined;
    const socket = connectedUdp(target, context.source);
    const handle = { destroy: () => finish(timedOut("answer", elapsed(), attempts)) };
    context.open.add(handle);
    const timers = [
      ...context.datagrams.resendAt.map((share) => setTimeout(send, share * context.timeoutMs)),
      setTimeout(giveUp, context.timeoutMs),
    ];
    socket.on("error", (error) => finish(failed(error, "answer", elapsed(), Math.max(1, attempts))));
    socket.on("message", (message) => {
      const now = moment();
      const reading = talk.read(message, now);
      if (reading === undefined) other = message;
      else
        finish({
          kind: reading.kind,
          phase: "answer",
          elapsedMs: now.monotonic - startedAt,
          rttMs: now.monotonic - sentAt,
          attempts,
          detail: reading.detail,
          ...reading.found,
        });
    });
    socket.once("connect", send);

    function send(): void {
      attempts++;
      const now = moment();
      sentAt = now.monotonic;
      socket.send(talk.ask(now), (error) => {
        if (error !== null) finish(failed(error, "answer", elapsed(), attempts));
      });
    }

    /** Something else than the answer may have come: then it was not silence. */
    function giveUp(): void {
      const outcome = timedOut("answer", elapsed(), attempts);
      finish(other === undefined ? outcome : { ...outcome, ...foreign(other) });
    }

    function elapsed(): number {
      return performance.now() - startedAt;
    }

    let finished = false;
    function finish(outcome: ServiceOutcome): void {
      if (finished) return;
      finished = true;
      timers.forEach(clearTimeout);
      context.open.delete(handle);
      socket.close();
      resolve(outcome);
    }
  });
}

function moment(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}
