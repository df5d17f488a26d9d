/**
 * One look at a port from this host alone, without a coordinator and without proof: what the network did,
 * step by step. It shares the errno table with the probes of the mesh.
 */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { familyOf } from "../../shared/addresses.ts";
import type { ProbePhase, ProtocolName } from "../../shared/names.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { connectedUdp } from "./connected-udp.ts";
import { failed, timedOut } from "./failure.ts";

export type PlainProtocol = Exclude<ProtocolName, "mtls">;

export interface PlainTarget {
  host: string;
  port: number;
  protocol: PlainProtocol;
  timeoutMs: number;
}

export interface Step {
  phase: ProbePhase;
  /** Since the step before, in milliseconds. */
  elapsedMs: number;
  /** What was seen; text of the far end in it is hostile until escaped. */
  text: string;
}

export interface PlainResult {
  address: string;
  steps: Step[];
  outcome: Outcome;
}

/** Every address of a name; rejects with the resolver's error. */
export async function resolveHost(host: string): Promise<string[]> {
  if (familyOf(host) !== undefined) return [host];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

export function plainProbe(address: string, target: PlainTarget): Promise<PlainResult> {
  return target.protocol === "udp" ? probeUdp(address, target) : probeStream(address, target);
}

function probeStream(
  address: string,
  { host, port, protocol, timeoutMs }: PlainTarget,
): Promise<PlainResult> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const steps: Step[] = [];
    let phase: ProbePhase = "connect";
    let since = startedAt;
    const secured = protocol === "tls" || protocol === "wss";
    const step = (text: string): void => {
      const now = performance.now();
      steps.push({ phase, elapsedMs: now - since, text });
      since = now;
    };
    // An untrusted certificate is a finding, not an end: the handshake is completed and the fault is told.
    const socket: Socket | TLSSocket = secured
      ? connectTls({
          host: address,
          port,
          rejectUnauthorized: false,
          ...(familyOf(host) === undefined ? { servername: host } : {}),
        })
      : connectTcp({ host: address, port });
    const timer = setTimeout(() => finish(timedOut(phase, performance.now() - startedAt)), timeoutMs);
    socket.once("connect", () => {
      step("the connection was accepted");
      if (secured) phase = "tls";
      else if (protocol === "ws") upgrade();
      else finish(open());
    });
    socket.once("secureConnect", () => {
      step(describeTls(socket as TLSSocket));
      if (protocol === "wss") upgrade();
      else finish(open());
    });
    socket.on("error", (error) => finish(failed(error, phase, performance.now() - startedAt)));

    function upgrade(): void {
      phase = "upgrade";
      const client = new WebSocket(`${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}/`, {
        createConnection: () => socket,
        followRedirects: false,
      });
      client.once("open", () => {
        step("the WebSocket upgrade was accepted");
        finish(open());
      });
      client.once("unexpected-response", (_request, response) => {
        finish({
          kind: "upgrade-refused",
          phase,
          elapsedMs: performance.now() - startedAt,
          attempts: 1,
          code: `HTTP_${response.statusCode}`,
        });
      });
      client.on("error", (error) => finish(failed(error, phase, performance.now() - startedAt)));
    }

    function open(): Outcome {
      return { kind: "open", phase, elapsedMs: performance.now() - startedAt, attempts: 1 };
    }

    let finished = false;
    function finish(outcome: Outcome): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      socket.end(); // in good order, so that a service there has nothing to log
      setTimeout(() => socket.destroy(), 100).unref();
      resolve({ address, steps, outcome });
    }
  });
}

function describeTls(socket: TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  const chain = socket.authorized
    ? "trusted here"
    : `not trusted here (${String(socket.authorizationError)})`;
  if (certificate === undefined) return `${socket.getProtocol()}, no certificate`;
  const flat = (name: string): string => name.split("\n").join(", ");
  return `${socket.getProtocol()}, ${flat(certificate.subject) || "no subject"}, issued by ${flat(certificate.issuer)}, valid until ${certificate.validTo}, ${chain}`;
}

/** A few datagrams of no meaning: only an answer or an ICMP error says anything. */
function probeUdp(address: string, { port, timeoutMs }: PlainTarget): Promise<PlainResult> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const socket = connectedUdp({ address, port });
    const steps: Step[] = [];
    let attempts = 0;
    const timer = setTimeout(
      () => finish(timedOut("answer", performance.now() - startedAt, attempts)),
      timeoutMs,
    );
    const send = (): void => {
      attempts++;
      socket.send(Buffer.alloc(1), (error) => {
        if (error !== null) finish(failed(error, "answer", performance.now() - startedAt, attempts));
      });
    };
    const again = setInterval(send, timeoutMs / 3);
    socket.on("error", (error) => finish(failed(error, "answer", performance.now() - startedAt, attempts)));
    socket.on("message", (answer) => {
      steps.push({
        phase: "answer",
        elapsedMs: performance.now() - startedAt,
        text: `${answer.length} bytes came back`,
      });
      finish({ kind: "open", phase: "answer", elapsedMs: performance.now() - startedAt, attempts });
    });
    socket.once("connect", send);
    let finished = false;
    function finish(outcome: Outcome): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve({ address, steps, outcome });
    }
  });
}
