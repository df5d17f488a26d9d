/** Relays before a real listener that lose, delay or swallow what passes them: a bad network on one host. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Test } from "tap";

export type Way = "there" | "back";

/** After how many milliseconds this is passed on, or undefined where it is lost. `count` is from 1, for each way. */
export type Fate = (bytes: number, way: Way, count: number) => number | undefined;

interface Place {
  address: string;
  port: number;
}

/** Passes datagrams on from `at` to the same port of `address`. */
export async function relayUdp(t: Test, at: Place, address: string, fate: Fate): Promise<void> {
  const upstreams = new Map<string, UdpSocket>();
  const front = createSocket("udp4");
  const count = { there: 0, back: 0 };
  const pass = (datagram: Buffer, way: Way, send: () => void): void => {
    const afterMs = fate(datagram.length, way, ++count[way]);
    if (afterMs === 0) send();
    else if (afterMs !== undefined) setTimeout(send, afterMs);
  };
  let isOver = false;
  front.on("message", (request: Buffer, { address: from, port }) => {
    const key = `${from} ${port}`;
    let upstream = upstreams.get(key);
    if (upstream === undefined) {
      upstream = createSocket("udp4");
      upstream.on("message", (answer: Buffer) =>
        pass(answer, "back", () => {
          if (!isOver) front.send(answer, port, from);
        }),
      );
      upstreams.set(key, upstream);
    }
    const socket = upstream;
    pass(request, "there", () => {
      if (!isOver) socket.send(request, at.port, address);
    });
  });
  front.bind(at.port, at.address);
  await once(front, "listening");
  t.teardown(() => {
    isOver = true;
    front.close();
    for (const upstream of upstreams.values()) upstream.close();
  });
}

/** Passes what is said on connections on from `at` to the same port of `address`. */
export async function relayTcp(t: Test, at: Place, address: string, fate: Fate): Promise<void> {
  const sockets = new Set<Socket>();
  const count = { there: 0, back: 0 };
  const pass = (from: Socket, to: Socket, way: Way): void => {
    sockets.add(from);
    from.on("error", () => {});
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on("data", (chunk: Buffer) => {
      const afterMs = fate(chunk.length, way, ++count[way]);
      if (afterMs === 0) to.write(chunk);
      else if (afterMs !== undefined) setTimeout(() => to.writable && to.write(chunk), afterMs);
    });
  };
  const server = createServer((client) => {
    const upstream = connect(at.port, address);
    pass(client, upstream, "there");
    pass(upstream, client, "back");
  });
  server.listen(at.port, at.address);
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}
