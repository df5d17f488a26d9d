/** The coordinator's one port: HTTPS with a health answer, and the WebSocket on which agents join. */
import { fastify, type FastifyInstance } from "fastify";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer, type WebSocket } from "ws";
import { linkPath, linkProtocol, maxFrameBytes } from "../shared/link.ts";
import { cannotListen } from "./cannot-listen.ts";
import type { ServerIdentity } from "./authority.ts";

export interface ServerOptions {
  host: string;
  port: number;
  identity: ServerIdentity;
  /** `settled` is to be called once the agent has said who it is. */
  onAgent: (socket: WebSocket, settled: () => void) => void;
}

export interface RunningServer extends AsyncDisposable {
  host: string;
  port: number;
}

const closeMs = 2_000;
/** Sockets that have not said hello yet. */
const maxPending = 200;

/** @throws PortmeshError where the address cannot be listened on. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { cert, key } = options.identity;
  const app = fastify({
    https: { cert, key, minVersion: "TLSv1.2", handshakeTimeout: 10_000 },
    logger: false,
    // Fastify turns Node's own limit off unless one is given.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    bodyLimit: 64 * 1024,
    forceCloseConnections: true,
  });
  app.get("/healthz", () => ({ status: "ok" }));
  const agents = acceptAgents(app, options.onAgent);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    throw cannotListen(options, "--listen", error);
  }
  const { port } = app.server.address() as AddressInfo;
  return {
    host: options.host,
    port,
    async [Symbol.asyncDispose]() {
      for (const client of agents.clients) client.terminate();
      agents.close();
      // A connection in the middle of its handshake is not known to the server and would be waited for.
      await Promise.race([app.close(), sleep(closeMs, undefined, { ref: false })]);
    },
  };
}

function acceptAgents(app: FastifyInstance, onAgent: ServerOptions["onAgent"]): WebSocketServer {
  const pending = new Set<object>();
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(linkProtocol) ? linkProtocol : false),
  });
  app.server.on("upgrade", (request, stream, head) => {
    stream.on("error", () => stream.destroy());
    const offered = request.headers["sec-websocket-protocol"] ?? "";
    if (
      request.url !== linkPath ||
      !offered.split(/,\s*/).includes(linkProtocol) ||
      pending.size >= maxPending
    ) {
      const status =
        request.url === linkPath
          ? pending.size >= maxPending
            ? "503 Service Unavailable"
            : "400 Bad Request"
          : "404 Not Found";
      stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\nx-portmesh-protocols: ${linkProtocol}\r\n\r\n`);
      return;
    }
    pending.add(stream);
    const settled = (): void => void pending.delete(stream);
    stream.once("close", settled);
    server.handleUpgrade(request, stream, head, (socket) => onAgent(socket, settled));
  });
  return server;
}
