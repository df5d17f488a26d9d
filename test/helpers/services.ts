/** Small servers that speak the real bytes of a protocol, and say how each conversation ended for them. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { Test } from "tap";

export interface SmallService {
  port: number;
  /** All that each connection said, in order of its end. */
  heard: Buffer[];
  /** Once no connection is open any more: how each ended, `end` in good order, or the errno. */
  ended(): Promise<string[]>;
}

/** `say` is called with everything heard so far, whenever something comes, and once with nothing at the start. */
export type Say = (heard: Buffer, socket: Socket) => Buffer | string | undefined;

export function serve(
  t: Test,
  say: Say,
  options: { tls?: TlsOptions; host?: string } = {},
): Promise<SmallService> {
  const sockets = new Set<Socket>();
  const ends: string[] = [];
  let idle: () => void = () => {};
  const service: SmallService = {
    port: 0,
    heard: [],
    async ended() {
      while (sockets.size > 0) await new Promise<void>((resolve) => (idle = resolve));
      return ends;
    },
  };
  const converse = (socket: Socket): void => {
    let heard = Buffer.alloc(0);
    let end: string | undefined;
    sockets.add(socket);
    const speak = (): void => {
      const words = say(heard, socket);
      if (words !== undefined && socket.writable) socket.write(words);
    };
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end ??= error.code ?? error.message;
    });
    socket.once("end", () => {
      end ??= "end";
    });
    socket.once("close", () => {
      service.heard.push(heard);
      ends.push(end ?? "closed");
      sockets.delete(socket);
      idle();
    });
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      speak();
    });
    speak();
  };
  const server: Server =
    options.tls === undefined ? createServer(converse) : createTlsServer(options.tls, converse);
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => ends.push(`tls ${error.code}`));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, options.host ?? "127.0.0.1", () => {
      service.port = (server.address() as AddressInfo).port;
      resolve(service);
    });
  });
}
