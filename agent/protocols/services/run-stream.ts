/**
 * Has a conversation over TCP, or inside TLS, with a service that is not ours, and leaves in good order:
 * a goodbye where the protocol has one, close_notify, FIN, and reading on until the service has closed too.
 * A reset, or a close with something unread, would be a line in its error log.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { ProbePhase } from "../../../shared/names.ts";
import type { Outcome } from "../../../shared/outcome.ts";
import { failed, timedOut } from "../failure.ts";
import type { ProbeContext, ProbeTarget } from "../protocol.ts";
import { printable, type Reading, type StreamTalk } from "./exchange.ts";
import { describeTls, tlsFault } from "./service-tls.ts";

/** How long a service may take to close its side; what it needs longer for is its own business. */
const farewellMs = 500;
/** A service that answers more than this without making sense is not the one we look for. */
const maxAnswerBytes = 16 * 1024;

export interface TlsOptions {
  alpn: readonly string[];
}

export function runStream(
  talk: StreamTalk,
  tls: TlsOptions | undefined,
  target: ProbeTarget,
  context: ProbeContext,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let phase: ProbePhase = "connect";
    let sentAt = startedAt;
    let answer: Buffer = Buffer.alloc(0);
    let about = "";
    let patience: NodeJS.Timeout | undefined;
    const raw = connect({ host: target.address, port: target.port, noDelay: true, ...context.source });
    let channel: Socket = raw;
    context.open.add(raw);
    const timer = setTimeout(() => leave({ ...timedOut(phase, elapsed()), ...seen() }), context.timeoutMs);
    raw.once("connect", () => (tls === undefined ? speak() : secure(tls, speak)));
    raw.on("error", (error) => leave(faultOf(error)));
    raw.once("close", () => {
      leave(ended());
      clearTimeout(grace);
      context.open.delete(raw);
      resolve(result!);
    });

    function secure(options: TlsOptions, next: () => void): void {
      phase = "tls";
      const secured: TLSSocket = connectTls({
        socket: raw,
        // The certificate is of an authority that only the product knows; nothing secret is ever sent.
        rejectUnauthorized: false,
        secureContext: (serviceContext ??= anyVersion()),
        ...(options.alpn.length === 0 ? {} : { ALPNProtocols: [...options.alpn] }),
      });
      channel = secured;
      secured.on("error", (error) => leave(faultOf(error)));
      secured.once("secureConnect", () => {
        about = describeTls(secured);
        next();
      });
    }

    function speak(): void {
      phase = "answer";
      sentAt = performance.now();
      channel.on("data", (chunk: Buffer) => {
        if (result !== undefined) return;
        answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk]);
        const reading = talk.read(answer);
        if (reading?.continueInTls === true) goOnInTls(reading);
        else if (reading !== undefined) leave(outcomeOf(reading), reading.farewell);
        else if (answer.length > maxAnswerBytes)
          leave(outcomeOf({ kind: "wrong-answer", detail: "too long" }));
      });
      channel.once("end", () => leave(ended()));
      if (talk.opening !== undefined) channel.write(talk.opening);
      if (talk.patienceMs !== undefined)
        patience = setTimeout(
          () => leave(outcomeOf({ kind: "open", detail: "" })),
          Math.min(talk.patienceMs, context.timeoutMs / 2),
        );
    }

    function goOnInTls(reading: Reading): void {
      raw.removeAllListeners("data");
      secure({ alpn: [] }, () => leave(outcomeOf(reading)));
    }

    function outcomeOf({ kind, detail }: Reading): Outcome {
      const now = performance.now();
      return {
        kind,
        phase,
        elapsedMs: now - startedAt,
        ...(answer.length === 0 ? {} : { rttMs: now - sentAt }),
        attempts: 1,
        ...detailOf(detail),
      };
    }

    function detailOf(detail: string): { detail?: string } {
      const text = printable([about, detail].filter((part) => part !== "").join("; "));
      return text === "" ? {} : { detail: text };
    }

    /** What had come when the conversation stopped in the middle. */
    function seen(): { detail?: string } {
      return answer.length === 0 ? detailOf("") : detailOf(`${answer.length} bytes: ${printable(answer)}`);
    }

    /** The service closed before its answer was whole. */
    function ended(): Outcome {
      const base = { phase, elapsedMs: elapsed(), attempts: 1 };
      if (talk.patienceMs !== undefined && phase === "answer")
        return { ...base, kind: "open", ...detailOf("closed without a word") };
      if (answer.length === 0) return { ...base, kind: "reset", ...detailOf("closed without an answer") };
      return {
        ...base,
        kind: "wrong-answer",
        ...detailOf(`closed after ${answer.length} bytes: ${printable(answer)}`),
      };
    }

    function faultOf(error: Error): Outcome {
      const outcome = tlsFault(error, phase, elapsed()) ?? failed(error, phase, elapsed());
      return outcome.detail === undefined
        ? { ...outcome, ...seen() }
        : { ...outcome, ...detailOf(outcome.detail) };
    }

    function elapsed(): number {
      return performance.now() - startedAt;
    }

    let result: Outcome | undefined;
    let grace: NodeJS.Timeout | undefined;
    function leave(outcome: Outcome, farewell?: Buffer): void {
      if (result !== undefined) return;
      result = outcome;
      clearTimeout(timer);
      clearTimeout(patience);
      if (phase === "connect" || channel.destroyed) {
        raw.destroy();
        return;
      }
      grace = setTimeout(() => raw.destroy(), farewellMs);
      channel.resume();
      if (farewell !== undefined) channel.write(farewell);
      channel.end();
    }
  });
}

/** Old services are to complete their handshake as well: what their TLS is worth is no question of reachability. */
function anyVersion(): SecureContext {
  return createSecureContext({ minVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" });
}
let serviceContext: SecureContext | undefined;
