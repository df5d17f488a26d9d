/** What real services on this node's own ports present, a few at a time. */
import type { TlsFacts } from "../../shared/endpoint-report.ts";
import { describeError } from "../../shared/errors.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { printable } from "../protocols/services/exchange.ts";

/** A TLS handshake with a port of this node's own address; a text says why there is nothing to show. */
export type LookAtCertificate = (port: number, signal: AbortSignal) => Promise<TlsFacts | string>;

/** As many as a report of facts takes. */
const maxPorts = 64;
const atOnce = 8;
const deadlineMs = 5_000;

export async function readCertificates(
  ports: readonly number[],
  look: LookAtCertificate,
  signal: AbortSignal,
): Promise<NodeFacts["certificates"]> {
  const found: NodeFacts["certificates"] = [];
  const asked = [...new Set(ports)].slice(0, maxPorts).entries();
  const work = async (): Promise<void> => {
    for (const [index, port] of asked) {
      const seen = await lookWithin(port, look, signal);
      found[index] = typeof seen === "string" ? { port, detail: printable(seen) } : { port, tls: seen };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found;
}

async function lookWithin(
  port: number,
  look: LookAtCertificate,
  signal: AbortSignal,
): Promise<TlsFacts | string> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  try {
    return await look(port, deadline);
  } catch (error) {
    return signal.aborted ? "the look at it was cut short" : describeError(error);
  }
}
