/** What all middleboxes share: where they listen, whom they speak to, and how they say that they are up. */
import { connect, type Server, type Socket } from "node:net";

export interface BoxSettings {
  port: number;
  /** Whom the clients believe to speak to; the family is the client's. */
  upstream: { v4: string; v6: string; port: number };
  delayMs?: number;
  /** Certificate chain and key of a box that ends TLS, in PEM. */
  cert?: string;
  key?: string;
  /** A box that cuts by name lets all names pass but this one. */
  blockedName?: string;
}

export const settings = JSON.parse(process.argv[2]!) as BoxSettings;

/** Where the box has to connect to for this client. */
export function upstreamOf(client: Socket): { host: string; port: number } {
  const { v4, v6, port } = settings.upstream;
  return { host: client.remoteAddress?.includes(".") === true ? v4 : v6, port };
}

/** Ends both where one ends, the hard way where it was no orderly end. */
export function bind(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.once("close", () => to.destroySoon());
  }
}

/** Both ways, byte for byte. */
export function relay(client: Socket): void {
  const upstream = connect(upstreamOf(client));
  bind(client, upstream);
  client.pipe(upstream).pipe(client);
}

export function serve(server: Server): void {
  server.listen(settings.port, "::", () => process.stdout.write("ready\n"));
}
