/**
 * Has a conversation over TCP, or inside TLS, with a service that is not ours, maybe through a proxy, and leaves in good order:
 * a goodbye where the protocol has one, close_notify, FIN, and reading on until the service has closed too.
 * A reset, or a close with something unread, would be a line in its error log.
 */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { ProbePhase } from "../../../shared/names.ts";
import type { Outcome } from "../../../shared/outcome.ts";
import { failed, timedOut } from "../failure.ts";
import type { ProbeContext, ProbeTarget } from "../protocol.ts";
import type { Tunnel } from "../tunnels/tunnel.ts";
import { printable, type Reading, type ServiceOutcome, type StreamTalk } from "./exchange.ts";
import { describeTls, tlsFault } from "./service-tls.ts";
import { tapped } from "./tapped.ts";

/** How long a service may take to close its side; what it needs longer for is its own business. */
const farewellMs = 500;
/** A service that answers more than this without making sense is not the one we look for. */
const maxAnswerBytes = 16 * 1024;

export interface TlsOptions {
  alpn: readonly string[];
  /** Whom the certificate has to name, and what SNI asks for; absent for addresses and for services of a node. */
  serverName?: string;
  /** Absent where the certificate is of an authority that only the product knows. */
  secureContext?: SecureContext;
  /** Gets the finished handshake to look at. */
  onSecured?: (secured: TLSSocket) => void;
  /** Gets what arrives under TLS. */
  tap?: (chunk: Buffer) => void;
}

export interface Conversation {
  talk: StreamTalk;
  /** TLS comes before the talk; else only where the talk agrees on it. */
  tlsFirst: boolean;
  tls: TlsOptions;
  /** With the proxy that was dialled. */
  tunnel?: Tunnel;
}

/** Resolves when the conversation is over and nothing is open any more. */
export function runStream(
  { talk, tlsFirst, tls, tunnel }: Conversation,
  target: Pick<ProbeTarget, "address" | "port">,
  context: Pick<ProbeContext, "timeoutMs" | "source" | "open">,
): Promise<ServiceOutcome> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let phase: ProbePhase = "connect";
    let sentAt = startedAt;
    let answer: Buffer = Buffer.alloc(0);
    let about = "";
    let patience: NodeJS.Timeout | undefined;
    const raw = connect({ host: target.address, port: target.port, noDelay: true, ...context.source });
    let channel: Duplex = raw;
    context.open.add(raw);
    const timer = setTimeout(() => leave({ ...timedOut(phase, elapsed()), ...seen() }), context.timeoutMs);
    const begin = (): void => (tlsFirst ? secure(tls, speak) : speak());
    raw.once("connect", () => (tunnel === undefined ? begin() : passProxy(tunnel, begin)));
    raw.on("error", (error) => leave(faultOf(error)));
    raw.once("close", () => {
      leave(ended());
      clearTimeout(grace);
      context.open.delete(raw);
      resolve(result!);
    });

    function passProxy({ opening, read }: Tunnel, next: () => void): void {
      phase = "proxy";
      let passed = 0;
      const onEnd = (): void => leave(ended());
      const onData = (chunk: Buffer): void => {
        if (result !== undefined) return;
        answer = Buffer.concat([answer, chunk]);
        while (answer.length > 0) {
          const step = read(answer);
          if (step === undefined) break;
          if ("kind" in step) {
            const { detail, ...refusal } = step;
            leave({ ...refusal, phase, elapsedMs: elapsed(), attempts: 1, ...detailOf(detail) });
            return;
          }
          const rest = answer.subarray(step.taken);
          answer = rest;
          passed += step.taken;
          if (step.say !== undefined) {
            if (passed > maxAnswerBytes) break;
            raw.write(step.say);
            continue;
          }
          raw.off("data", onData).off("end", onEnd).pause();
          answer = Buffer.alloc(0);
          if (rest.length > 0) raw.unshift(rest);
          next();
          return;
        }
        if (passed + answer.length > maxAnswerBytes)
          leave({ kind: "wrong-answer", phase, elapsedMs: elapsed(), attempts: 1, detail: "too long" });
      };
      raw.on("data", onData).once("end", onEnd);
      raw.write(opening);
    }

    function secure(options: TlsOptions, next: () => void): void {
      phase = "tls";
      const { alpn, serverName, secureContext, onSecured, tap } = options;
      const secured: TLSSocket = connectTls({
        socket: tap === undefined ? raw : tapped(raw, tap),
        // Whose certificate it is gets told, and is judged elsewhere; nothing secret is ever sent.
        rejectUnauthorized: false,
        secureContext: secureContext ?? (serviceContext ??= anyVersion()),
        ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
        ...(serverName === undefined ? { checkServerIdentity: () => undefined } : { servername: serverName }),
      });
      channel = secured;
      secured.on("error", (error) => leave(faultOf(error)));
      secured.once("secureConnect", () => {
        about = describeTls(secured);
        onSecured?.(secured);
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
        if (reading === undefined) {
          if (answer.length > maxAnswerBytes) leave(outcomeOf({ kind: "wrong-answer", detail: "too long" }));
        } else if ("say" in reading) {
          answer = Buffer.alloc(0);
          sentAt = performance.now();
          channel.write(reading.say);
        } else if (reading.continueInTls === true) goOnInTls(reading);
        else leave(outcomeOf(reading), reading.farewell);
      });
      channel.once("end", () => leave(ended()));
      // A tunnel has left the socket paused.
      channel.resume();
      if (talk.opening !== undefined) channel.write(talk.opening);
      if (talk.patienceMs !== undefined)
        patience = setTimeout(
          () => leave(outcomeOf({ kind: "open", detail: "" })),
          Math.min(talk.patienceMs, context.timeoutMs / 2),
        );
    }

    function goOnInTls(reading: Reading): void {
      raw.removeAllListeners("data");
      secure({ ...tls, alpn: [] }, () => leave(outcomeOf(reading), reading.farewell));
    }

    function outcomeOf({ kind, detail, found }: Reading): ServiceOutcome {
      const now = performance.now();
      return {
        kind,
        phase,
        elapsedMs: now - startedAt,
        ...(answer.length === 0 ? {} : { rttMs: now - sentAt }),
        attempts: 1,
        ...detailOf(detail),
        ...found,
      };
    }

    function detailOf(detail: string): { detail?: string } {
      const text = printable([about, detail].filter((part) => part !== "").join("; "));
      return text === "" ? {} : { detail: text };
    }

    /** What had come when the conversation stopped in the middle. */
    function seen(): { detail?: string } {
      return answer.length === 0 ? detailOf("") : detailOf(`${answer.length} bytes: ${quoted()}`);
    }

    /** The service closed before its answer was whole. */
    function ended(): Outcome {
      const base = { phase, elapsedMs: elapsed(), attempts: 1 };
      if (talk.patienceMs !== undefined && talk.mustStay !== true && phase === "answer")
        return { ...base, kind: "open", ...detailOf("closed without a word") };
      if (answer.length === 0) return { ...base, kind: "reset", ...detailOf("closed without an answer") };
      return {
        ...base,
        kind: "wrong-answer",
        ...detailOf(`closed after ${answer.length} bytes: ${quoted()}`),
      };
    }

    /** Of a proxy one line, since who gives back what it was told gives back the login, too. */
    function quoted(): string {
      const end = phase === "proxy" ? answer.indexOf("\n") : -1;
      return printable(end < 0 ? answer : answer.subarray(0, end));
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

    let result: ServiceOutcome | undefined;
    let grace: NodeJS.Timeout | undefined;
    function leave(outcome: ServiceOutcome, farewell?: Buffer): void {
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
