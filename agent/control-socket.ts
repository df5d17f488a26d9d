/**
 * How commands on the same host speak to an agent: a Unix socket that only its user can open, one request in
 * a line of JSON, one answer. There is no way in from the network.
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { PortmeshError } from "../shared/errors.ts";
import { transports, type Transport } from "../shared/names.ts";

export interface YieldRequest {
  command: "yield";
  port: number;
  transports: Transport[];
  forMs: number;
}

export type YieldAnswer =
  | { ok: true; node: string; givenUp: { transport: Transport; address: string }[]; until: string }
  | { ok: false; node: string; message: string };

/** The longest time a port can be asked for. */
export const maxYieldMs = 7 * 24 * 60 * 60 * 1_000;

const maxLineBytes = 1_024;
const conversationMs = 5_000;
const maxConnections = 16;

/**
 * Listens until disposed of. A socket file that nobody listens on any more is replaced.
 * @throws PortmeshError where the path is taken by a living agent, or cannot be had.
 */
export async function listenForCommands(
  path: string,
  handle: (request: YieldRequest) => Promise<YieldAnswer>,
): Promise<AsyncDisposable> {
  if (await isAnswered(path)) throw new PortmeshError("cannot-run", "another agent listens there");
  removeFile(path);
  const server = createServer((socket) => converse(socket, handle));
  server.maxConnections = maxConnections;
  await bind(server, path);
  server.on("error", () => {});
  return {
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** @throws NodeJS.ErrnoException of the connection; PortmeshError where the agent does not answer. */
export function askAgent(path: string, request: YieldRequest): Promise<YieldAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    let line = "";
    const refuse = (): void =>
      reject(new PortmeshError("cannot-run", `the agent at ${path} does not answer`));
    socket.setTimeout(conversationMs, () => {
      refuse();
      socket.destroy();
    });
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.once("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (text) => (line += String(text)));
    socket.once("close", () => {
      try {
        resolve(JSON.parse(line) as YieldAnswer);
      } catch {
        refuse();
      }
    });
  });
}

function converse(socket: Socket, handle: (request: YieldRequest) => Promise<YieldAnswer>): void {
  let line = "";
  socket.setTimeout(conversationMs, () => socket.destroy());
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (text) => {
    line += String(text);
    const end = line.indexOf("\n");
    if (end < 0 && line.length <= maxLineBytes) return;
    socket.removeAllListeners("data");
    const request = parseRequest(line.slice(0, Math.max(end, 0)));
    if (request === undefined) socket.destroy();
    else
      handle(request).then(
        (answer) => socket.end(`${JSON.stringify(answer)}\n`),
        () => socket.destroy(),
      );
  });
}

function parseRequest(line: string): YieldRequest | undefined {
  let request: Partial<YieldRequest>;
  try {
    request = (JSON.parse(line) ?? {}) as Partial<YieldRequest>;
  } catch {
    return undefined;
  }
  const { command, port, transports: asked, forMs } = request;
  const isValid =
    command === "yield" &&
    isWithin(port, 1, 65_535) &&
    isWithin(forMs, 1, maxYieldMs) &&
    Array.isArray(asked) &&
    asked.every((each) => transports.includes(each));
  return isValid ? { command, port, transports: asked, forMs } : undefined;
}

function isWithin(value: unknown, minimum: number, maximum: number): value is number {
  return Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
}

/** The file gets its mode as it is made, so that there is no moment in which others could connect. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const umask = process.umask(0o177);
    try {
      server.listen({ path }, () => {
        server.removeListener("error", reject);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function removeFile(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch {
    // there was none, or bind says what is wrong
  }
}
