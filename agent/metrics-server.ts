/** The one port that an agent may have besides those it holds: for Prometheus, and only where it is asked for. */
import { once } from "node:events";
import { createServer } from "node:http";
import { formatEndpoint } from "../shared/addresses.ts";
import { PortmeshError } from "../shared/errors.ts";
import type { AgentMetrics } from "./metrics.ts";

const maxConnections = 16;
const requestMs = 10_000;
const maxHeaderBytes = 8_192;

/** @throws PortmeshError where the address cannot be listened on. */
export async function serveMetrics(
  { host, port }: { host: string; port: number },
  metrics: Pick<AgentMetrics, "text" | "contentType">,
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs, maxHeaderSize: maxHeaderBytes },
    (request, response) => {
      const path = request.url?.split("?")[0];
      const isRead = request.method === "GET" || request.method === "HEAD";
      if (!isRead || path !== "/metrics") {
        response.writeHead(path === "/metrics" ? 405 : 404, { "content-type": "text/plain" });
        response.end("only GET /metrics is here\n");
        return;
      }
      void metrics.text().then(
        (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    },
  );
  server.maxConnections = maxConnections;
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw new PortmeshError(
      "cannot-run",
      `cannot serve metrics on ${formatEndpoint(host, port)}: ${(error as NodeJS.ErrnoException).code}`,
      { next: "Choose another --metrics HOST:PORT.", cause: error },
    );
  }
  // It never keeps the process: the agent ends when its work is over.
  server.unref();
  const address = server.address() as { address: string; port: number };
  return {
    url: `http://${formatEndpoint(address.address, address.port)}/metrics`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
