/** What the TLS of a foreign service says, in its handshake and in its alerts. */
import type { TLSSocket } from "node:tls";
import type { ProbePhase } from "../../../shared/names.ts";
import type { Outcome } from "../../../shared/outcome.ts";
import { printable } from "./exchange.ts";

/**
 * OpenSSL's names, as Node puts them into `code`: ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED, ERR_SSL_SSL/TLS_ALERT_….
 * Alerts 110 to 114 (RFC 6066) are called without that word.
 */
const sslCode = /^ERR_SSL_/;
const alertCode =
  /^ERR_SSL_(?:.*_ALERT_|TLSV1_(?=UNSUPPORTED_EXTENSION|CERTIFICATE_UNOBTAINABLE|UNRECOGNIZED_NAME|BAD_CERTIFICATE_))(.*)$/;
/** TLS 1.3 has an alert for it; with 1.2 some say that the certificate (none) is bad, some just fail. */
const certificateAlerts = new Set(["CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "NO_CERTIFICATE"]);

/** `TLSv1.3, CN=n1.example`: the version and whom the certificate names. */
export function describeTls(socket: TLSSocket): string {
  const subject = socket.getPeerX509Certificate()?.subject ?? "";
  return printable([socket.getProtocol() ?? "TLS", subject].filter((part) => part !== "").join(", "));
}

/** The service has ended the handshake for want of a certificate of ours. */
export function asksForCertificate({ code = "" }: Pick<Outcome, "code">): boolean {
  return certificateAlerts.has(alertCode.exec(code)?.[1] ?? "");
}

/** Undefined where the error is not one of TLS. */
export function tlsFault(error: Error, phase: ProbePhase, elapsedMs: number): Outcome | undefined {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!sslCode.test(code)) return undefined;
  const base = { phase, elapsedMs, attempts: 1, code };
  const alert = alertCode.exec(code)?.[1];
  if (alert === undefined)
    return {
      ...base,
      kind: phase === "tls" ? "wrong-answer" : "tls-failed",
      detail: `not TLS as it should be: ${words(code)}`,
    };
  // Only a service asks for a certificate, and it was asked in earnest: it has answered.
  return certificateAlerts.has(alert)
    ? { ...base, kind: "open", detail: "asks for a client certificate" }
    : { ...base, kind: "tls-failed", detail: `TLS alert: ${words(alert)}` };
}

function words(code: string): string {
  return code.replace(sslCode, "").replaceAll("_", " ").toLowerCase();
}
