/**
 * TLS: a full handshake, verified by chain and name against the run's own authority, then the proof
 * inside. Whoever ends TLS on the way cannot present such a certificate.
 */
import { connect as connectTcp, type Socket } from "node:net";
import {
  connect,
  createSecureContext,
  Server,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import type { ProbePhase } from "../../shared/names.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { createRequest, messageBytes, readAnswer } from "../../shared/proof.ts";
import { handshakeRecord } from "./client-hello.ts";
import { failed, timedOut } from "./failure.ts";
import { closedEarly, leave } from "./tcp.ts";
import type {
  Acceptor,
  Connection,
  ListenerContext,
  ProbeContext,
  ProbeTarget,
  Protocol,
} from "./protocol.ts";

export const tls: Protocol = {
  name: "tls",
  transport: "tcp",
  probe: (target, context) => probeTls(target, context, "tls"),
};

/** X25519 alone saves a seventh of the handshake against the default list; both ends are ours. */
const curve = "X25519";

/** A context for one side of the run's own connections; without a certificate it only verifies. */
export function secureContext(ca: string, identity?: { cert: string; key: string }): SecureContext {
  return createSecureContext({ ca, ...identity, minVersion: "TLSv1.2", ecdhCurve: curve });
}

/** A TLS connection on its way, with the TCP socket under it: that one tells when TCP connects, and can be reset. */
export interface SecuredSocket {
  raw: Socket;
  secured: TLSSocket;
}

/** `onVerified` is called when the far end has shown a certificate of the run; any other is an error of `secured`. */
export function openTls(
  target: ProbeTarget,
  context: ProbeContext,
  identified: boolean,
  onVerified: () => void,
): SecuredSocket {
  const raw = connectTcp({ host: target.address, port: target.port, noDelay: true, ...context.source });
  const secured = connect({
    socket: raw,
    servername: target.serverName,
    secureContext: identified ? context.credentials.identified : context.credentials.anonymous,
    // Judged below: Node would close the socket before the certificate could be read.
    rejectUnauthorized: false,
  });
  secured.once("secureConnect", () => {
    const error = verificationError(secured);
    if (error === undefined) onVerified();
    else secured.destroy(error);
  });
  return { raw, secured };
}

/** Says whose certificate it was. */
function verificationError(secured: TLSSocket): Error | undefined {
  if (secured.authorized) return undefined;
  // A string code, whatever the types say.
  const code = String(secured.authorizationError);
  const certificate = secured.getPeerX509Certificate();
  const flat = (name: string | undefined): string => (name ?? "nobody").split("\n").join(", ");
  const text = `certificate of ${flat(certificate?.subject)}, issued by ${flat(certificate?.issuer)}, valid from ${certificate?.validFrom} to ${certificate?.validTo}`;
  return Object.assign(new Error(text), { code });
}

/** A caller whose chain is the run's own is who it says, also where this host's clock is wrong. */
function isVerified(stream: TLSSocket): boolean {
  return stream.authorized || clockCodes.has(String(stream.authorizationError));
}

const clockCodes: ReadonlySet<string> = new Set(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"]);

export function probeTls(
  target: ProbeTarget,
  context: ProbeContext,
  protocol: "tls" | "mtls",
): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = createRequest(context.epoch, { ...target, protocol });
    const startedAt = performance.now();
    let phase: ProbePhase = "connect";
    let sentAt = startedAt;
    let answer: Buffer = Buffer.alloc(0);
    const { raw, secured } = openTls(target, context, protocol === "mtls", () => {
      phase = "answer";
      sentAt = performance.now();
      secured.write(request);
    });
    const timer = setTimeout(() => finish(timedOut(phase, elapsed())), context.timeoutMs);
    context.open.add(raw);

    raw.once("connect", () => {
      phase = "tls";
    });
    secured.on("data", (chunk: Buffer) => {
      answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk]);
      if (answer.length >= messageBytes) finish(judgeAnswer());
    });
    raw.on("error", (error) => finish(failed(error, phase, elapsed())));
    secured.on("error", (error) => finish(failed(error, phase, elapsed())));
    secured.once("close", () => finish(closedEarly(answer.length, phase, elapsed(), 1)));

    function elapsed(): number {
      return performance.now() - startedAt;
    }

    function judgeAnswer(): Outcome {
      const proof = readAnswer(context.epoch, request, answer);
      const times = { phase, elapsedMs: elapsed(), rttMs: performance.now() - sentAt, attempts: 1 };
      if (proof === undefined) return { kind: "wrong-answer", ...times };
      if (protocol === "mtls" && !proof.clientVerified) {
        return {
          kind: "tls-failed",
          ...times,
          phase: "tls",
          code: "CLIENT_CERTIFICATE_LOST",
          detail: "the far end saw no valid client certificate",
          proof,
        };
      }
      return { kind: "open", ...times, proof };
    }

    let finished = false;
    function finish(outcome: Outcome): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      context.open.delete(raw);
      if (outcome.proof === undefined && !secured.destroyed) secured.end(); // close_notify
      leave(raw, outcome);
      resolve(outcome);
    }
  });
}

export interface TlsAcceptor extends Acceptor {
  /** Shows the certificate that the context has now. */
  renew(): void;
}

/**
 * Ends TLS for every port of the agent. A client certificate is asked for but not required: whether one
 * came is part of the proof. `inside` gets the decrypted stream.
 */
export function tlsAcceptor(context: ListenerContext, inside: (connection: Connection) => void): TlsAcceptor {
  const outer = new WeakMap<object, Connection>();
  const identity = (): SecureContextOptions => ({
    ...context.certificate,
    minVersion: "TLSv1.2",
    ecdhCurve: curve,
  });
  const server = new Server({
    ...identity(),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: 5_000,
  });
  server.on("secureConnection", (stream: TLSSocket) => {
    const connection = outer.get((stream as unknown as { _parent: object })._parent);
    if (connection === undefined) {
      stream.destroy();
      return;
    }
    stream.on("error", () => stream.destroy());
    inside({ ...connection, stream, clientVerified: isVerified(stream) });
  });
  server.on("tlsClientError", (_error, stream) => stream.destroy());
  return {
    renew: () => server.setSecureContext(identity()),
    recognises: (firstByte) => firstByte === handshakeRecord,
    accept(connection, head) {
      connection.stream.pause();
      connection.stream.unshift(head);
      outer.set(connection.socket, connection);
      server.emit("connection", connection.socket);
    },
  };
}
