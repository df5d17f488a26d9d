/**
 * Whether a server asks for a client's certificate, as one does that identifies its callers by it: who opens TLS
 * on the way cannot pass such a certificate on. Seen in a handshake of TLS 1.2, where the request is in the clear.
 */
import { createSecureContext, type SecureContext } from "node:tls";
import type { ProbeContext } from "../protocols/protocol.ts";
import { open, type ServiceOutcome, type StreamTalk } from "../protocols/services/exchange.ts";
import { runStream, type TlsOptions } from "../protocols/services/run-stream.ts";
import { asksForCertificate } from "../protocols/services/service-tls.ts";
import type { Tunnel } from "../protocols/tunnels/tunnel.ts";
import { ServerFlight } from "./server-flight.ts";

export interface CertificateLook {
  /** Undefined where nobody could see. */
  requested: boolean | undefined;
  /** The server's own chain in DER. */
  certificates: readonly Buffer[];
  /** The server broke the handshake off, by an alert. */
  wasRefused: boolean;
}

/** The handshake is all that is wanted. */
const noTalk: StreamTalk = { patienceMs: 0, read: () => open("") };

export async function lookForRequest(
  target: { address: string; port: number },
  { alpn, serverName }: Pick<TlsOptions, "alpn" | "serverName">,
  tunnel: Tunnel | undefined,
  context: Pick<ProbeContext, "timeoutMs" | "source" | "open">,
): Promise<CertificateLook> {
  const flight = new ServerFlight();
  const tls: TlsOptions = {
    alpn,
    ...(serverName === undefined ? {} : { serverName }),
    secureContext: (contextOf12 ??= upTo12()),
    tap: (chunk) => flight.push(chunk),
  };
  const conversation = { talk: noTalk, tlsFirst: true, tls, ...(tunnel === undefined ? {} : { tunnel }) };
  const outcome = await runStream(conversation, target, context);
  return {
    requested: asksForCertificate(outcome) ? true : flight.requestsCertificate,
    certificates: flight.certificates,
    wasRefused: isAlert(outcome) || asksForCertificate(outcome),
  };
}

function isAlert({ kind, code = "" }: ServiceOutcome): boolean {
  return kind === "tls-failed" && code.includes("_ALERT_");
}

function upTo12(): SecureContext {
  return createSecureContext({
    ca: [],
    minVersion: "TLSv1",
    maxVersion: "TLSv1.2",
    ciphers: "DEFAULT:@SECLEVEL=0",
  });
}
let contextOf12: SecureContext | undefined;
