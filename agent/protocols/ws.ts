/** WebSocket (RFC 6455): a real upgrade, then the proof as one binary message. */
import { connect } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { ProbePhase, ProtocolName } from "../../shared/names.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { answerRequest, createRequest, messageBytes, readAnswer } from "../../shared/proof.ts";
import { failed, timedOut } from "./failure.ts";
import { arrivalOf } from "./tcp.ts";
import { openTls } from "./tls.ts";
import type {
  Acceptor,
  Connection,
  ListenerContext,
  ProbeContext,
  ProbeTarget,
  Protocol,
} from "./protocol.ts";

// Imported as a module, node:http evaluates its lazy exports and brings a whole HTTP client along: 10 MB.
const { createServer } = process.getBuiltinModule("node:http");

export const ws: Protocol = {
  name: "ws",
  transport: "tcp",
  probe: (target, context) => probeWebSocket(target, context, "ws"),
};

const path = "/portmesh";

export function probeWebSocket(
  target: ProbeTarget,
  context: ProbeContext,
  protocol: "ws" | "wss",
): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = createRequest(context.epoch, { ...target, protocol: protocol satisfies ProtocolName });
    const startedAt = performance.now();
    let phase: ProbePhase = "connect";
    let sentAt = startedAt;
    const verified = (): void => {
      phase = "upgrade";
    };
    const opened = protocol === "wss" ? openTls(target, context, false, verified) : undefined;
    const raw = opened?.raw ?? connect({ host: target.address, port: target.port, ...context.source });
    raw.on("error", (error) => finish(failed(error, phase, elapsed())));
    raw.once("connect", () => {
      phase = protocol === "wss" ? "tls" : "upgrade";
    });
    // The name in the URL only fills the Host header; the connection above is the one that is used.
    const client = new WebSocket(`${protocol}://${target.serverName}:${target.port}${path}`, {
      createConnection: () => opened?.secured ?? raw,
      perMessageDeflate: false,
      maxPayload: messageBytes,
      followRedirects: false,
    });
    const timer = setTimeout(() => finish(timedOut(phase, elapsed())), context.timeoutMs);
    context.open.add(raw);

    client.once("open", () => {
      phase = "answer";
      sentAt = performance.now();
      client.send(request);
    });
    client.once("message", (data: Buffer) => {
      const proof = readAnswer(context.epoch, request, data);
      const times = { phase, elapsedMs: elapsed(), rttMs: performance.now() - sentAt, attempts: 1 };
      finish(proof === undefined ? { kind: "wrong-answer", ...times } : { kind: "open", ...times, proof });
    });
    client.once("unexpected-response", (_request, response) => {
      finish({
        kind: "upgrade-refused",
        phase,
        elapsedMs: elapsed(),
        attempts: 1,
        code: `HTTP_${response.statusCode}`,
      });
    });
    client.once("close", (code) =>
      finish({ kind: "reset", phase, elapsedMs: elapsed(), attempts: 1, code: `WS_${code}` }),
    );
    client.on("error", (error) => finish(upgradeFailed(error)));

    function elapsed(): number {
      return performance.now() - startedAt;
    }

    /** What is no errno in the upgrade phase is an answer that is no valid upgrade. */
    function upgradeFailed(error: Error): Outcome {
      const outcome = failed(error, phase, elapsed());
      const isParsing = outcome.kind === "local-error" && outcome.detail !== undefined && phase === "upgrade";
      return isParsing ? { ...outcome, kind: "upgrade-refused" } : outcome;
    }

    let finished = false;
    function finish(outcome: Outcome): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      context.open.delete(raw);
      if (outcome.proof === undefined) client.terminate();
      else raw.resetAndDestroy();
      resolve(outcome);
    }
  });
}

/** Upgrades on any stream: plain, or inside TLS. */
export function webSocketAcceptor(context: ListenerContext): Acceptor {
  const connections = new WeakMap<object, Connection>();
  const server = new WebSocketServer({ noServer: true, maxPayload: messageBytes, perMessageDeflate: false });
  const http = createServer({ requestTimeout: 5_000, headersTimeout: 3_000 }, (_request, response) => {
    response.writeHead(404, { connection: "close" }).end();
  });
  http.on("clientError", (_error, stream) => stream.destroy());
  http.on("upgrade", (request, stream, head) => {
    const connection = connections.get(stream);
    if (connection === undefined || request.url !== path) {
      stream.destroy();
      return;
    }
    server.handleUpgrade(request, stream, head, (client) => {
      client.on("error", () => client.terminate());
      client.on("message", (data: Buffer) => {
        const answer = answerRequest(context.epoch, data, arrivalOf(context, connection));
        if (answer === undefined) client.terminate();
        else client.send(answer);
      });
    });
  });
  return {
    recognises: (firstByte) => firstByte === "G".charCodeAt(0),
    accept(connection, head) {
      connection.stream.pause();
      connection.stream.unshift(head);
      connections.set(connection.stream, connection);
      http.emit("connection", connection.stream);
      connection.stream.resume();
    },
  };
}
