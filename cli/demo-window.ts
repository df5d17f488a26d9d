/**
 * The dashboard of a demo, as this host sees it. The loopback interface of a network namespace cannot be reached from
 * outside of it, a Unix socket can: so a server out here leads to one in there.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Terminal } from "./terminal.ts";

const host = "127.0.0.1";
/** Set in the process that runs inside the namespace: where to listen, and under which port that is seen. */
const socketVariable = "PORTMESH_DEMO_SOCKET";
const portVariable = "PORTMESH_DEMO_PORT";

export interface DemoWindow extends AsyncDisposable {
  /** For the process inside. */
  env: Readonly<Record<string, string>>;
}

/** `port` if it is free. */
export async function openWindow(port: number): Promise<DemoWindow> {
  const folder = mkdtempSync(join(tmpdir(), "portmesh-window-"));
  const socketPath = join(folder, "http");
  const server = createServer((seen, answer) => lead(seen, answer, socketPath));
  await listen(server, port);
  return {
    env: { [socketVariable]: socketPath, [portVariable]: `${portOf(server)}` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Where the dashboard is to be served: by the window this process was started behind, or here. */
export async function dashboardPlace(port: number): Promise<{ host: string; port: number; socket?: string }> {
  const socket = process.env[socketVariable];
  if (socket !== undefined) return { host, port: Number(process.env[portVariable]), socket };
  const server = createServer();
  await listen(server, port);
  const free = portOf(server);
  server.close();
  await once(server, "close");
  return { host, port: free };
}

/** In whatever browser there is. */
export function openInBrowser(url: string, { err }: Terminal): void {
  const child = spawn("xdg-open", [url], { stdio: "ignore", detached: true });
  child.on("error", () => err.write(`cannot open a browser here (xdg-open): open ${url} yourself\n`));
  child.unref();
}

async function listen(server: Server, port: number): Promise<void> {
  const attempt = async (wanted: number): Promise<void> => {
    server.listen(wanted, host);
    await once(server, "listening");
  };
  await attempt(port).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return attempt(0);
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function lead(seen: IncomingMessage, answer: ServerResponse, socketPath: string): void {
  const { method, url, headers } = seen;
  const inner = request({ socketPath, method, path: url, headers }, (found) => {
    answer.writeHead(found.statusCode!, found.headers);
    found.pipe(answer);
  });
  inner.on("error", () => {
    if (!answer.headersSent) answer.writeHead(503, { "content-type": "text/plain" });
    answer.end("The demo is not there yet, or not any more.\n");
  });
  answer.on("close", () => inner.destroy());
  seen.pipe(inner);
}
