/** Proxies for tests: HTTP CONNECT and SOCKS5, with names of their own and the faults that proxies have. */
import { connect, createServer, isIPv4, type AddressInfo, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Test } from "tap";
import type { TestIdentity } from "./certificates.ts";

export interface ProxyOptions {
  /** Where a name leads to, by `host:port`; anything else is not known to the proxy. */
  names: Readonly<Record<string, { address: string; port: number }>>;
  login?: { user: string; password: string };
  /** What it does instead of its work: an HTTP proxy says this, a SOCKS proxy replies with this code. */
  fault?: "silent" | "reset" | "close" | "garbage" | { say: string } | { reply: number };
  /** Opens TLS and shows this certificate. */
  inspect?: TestIdentity;
  /** Whether its answers come in single bytes. */
  drips?: boolean;
}

export interface TestProxy {
  port: number;
  /** What it was asked for, as `host:port`. */
  asked: string[];
  /** How many connections it has had. */
  connections: number;
}

type Serve = (socket: Socket, talk: Talk) => Promise<void>;

/** Reads what is asked for, and remembers the rest. */
interface Talk {
  until(isWhole: (heard: Buffer) => number | undefined): Promise<Buffer>;
  say(bytes: Buffer | string): Promise<void>;
}

export const httpProxy = (t: Test, options: ProxyOptions): Promise<TestProxy> =>
  start(t, options, (proxy) => async (socket, talk) => {
    const head = await talk.until((heard) => {
      const end = heard.indexOf("\r\n\r\n");
      return end < 0 ? undefined : end + 4;
    });
    const [first = "", ...headers] = head.toString().split("\r\n");
    const target = /^CONNECT (\S+) HTTP\/1\.1$/.exec(first)?.[1] ?? "";
    proxy.asked.push(target);
    const { login, fault } = options;
    const given = headers.find((line) => /^proxy-authorization: Basic /i.test(line))?.slice(27);
    const wanted = login && Buffer.from(`${login.user}:${login.password}`).toString("base64");
    if (wanted !== undefined && given !== wanted)
      return talk.say(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
      );
    if (typeof fault === "object" && "say" in fault) return talk.say(fault.say);
    const upstream = await dial(options, target);
    if (upstream === undefined) return talk.say("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    await talk.say("HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n");
    pass(socket, upstream, options);
  });

export const socksProxy = (t: Test, options: ProxyOptions): Promise<TestProxy> =>
  start(t, options, (proxy) => async (socket, talk) => {
    const { login, fault } = options;
    const greeting = await talk.until((heard) =>
      heard.length >= 2 && heard.length >= 2 + heard[1]! ? 2 + heard[1]! : undefined,
    );
    const method = login === undefined ? 0 : 2;
    if (!greeting.subarray(2).includes(method)) return talk.say(Buffer.from([5, 0xff]));
    await talk.say(Buffer.from([5, method]));
    if (login !== undefined) {
      const given = await talk.until((heard) => {
        const user = heard[1] ?? 0;
        const password = heard[2 + user];
        return password !== undefined && heard.length >= 3 + user + password
          ? 3 + user + password
          : undefined;
      });
      const sized = (text: string): number[] => [Buffer.byteLength(text), ...Buffer.from(text)];
      const right = Buffer.from([1, ...sized(login.user), ...sized(login.password)]);
      if (!given.equals(right)) return talk.say(Buffer.from([1, 1]));
      await talk.say(Buffer.from([1, 0]));
    }
    const request = await talk.until((heard) => {
      const length = heard[3] === 1 ? 4 : heard[3] === 4 ? 16 : 1 + (heard[4] ?? 255);
      return heard.length >= 6 + length ? 6 + length : undefined;
    });
    const name = request[3] === 3 ? request.toString("latin1", 5, request.length - 2) : undefined;
    const host = name ?? request.subarray(4, -2).join(request[3] === 1 ? "." : ":");
    const target = `${host}:${request.readUInt16BE(request.length - 2)}`;
    proxy.asked.push(target);
    const reply = (code: number): Promise<void> =>
      talk.say(Buffer.from([5, code, 0, 3, 4, ...Buffer.from("name"), 0, 80]));
    if (typeof fault === "object" && "reply" in fault) return reply(fault.reply);
    const upstream = await dial(options, target);
    if (upstream === undefined) return reply(4);
    await reply(0);
    pass(socket, upstream, options);
  });

function dial({ names }: ProxyOptions, target: string): Promise<Socket | undefined> {
  const host = target.slice(0, target.lastIndexOf(":"));
  const place = names[target] ?? {
    address: isIPv4(host) ? host : "",
    port: Number(target.slice(host.length + 1)),
  };
  if (place.address === "") return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const upstream = connect({ host: place.address, port: place.port });
    upstream.once("connect", () => resolve(upstream));
    upstream.on("error", () => resolve(undefined));
  });
}

function pass(socket: Socket, upstream: Socket, { inspect }: ProxyOptions): void {
  socket.once("close", () => upstream.destroy());
  if (inspect === undefined) {
    upstream.pipe(socket);
    socket.pipe(upstream);
    return;
  }
  // To its client it is the server; what it would do upstream is of no interest here.
  const opened = new TLSSocket(socket, { isServer: true, cert: inspect.cert, key: inspect.key });
  opened.on("error", () => socket.destroy());
  opened.once("data", () => opened.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
}

async function start(t: Test, options: ProxyOptions, serve: (proxy: TestProxy) => Serve): Promise<TestProxy> {
  const proxy: TestProxy = { port: 0, asked: [], connections: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    proxy.connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    if (options.fault === "silent") return;
    if (options.fault === "close") return void socket.end();
    if (options.fault === "reset") return void socket.once("data", () => socket.resetAndDestroy());
    if (options.fault === "garbage") return void socket.write("+OK ready\r\n");
    socket.setNoDelay(true);
    serve(proxy)(socket, talkOver(socket, options.drips === true)).catch(() => socket.destroy());
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.port = (server.address() as AddressInfo).port;
  return proxy;
}

function talkOver(socket: Socket, drips: boolean): Talk {
  return {
    async until(isWhole) {
      let heard = Buffer.alloc(0);
      for (;;) {
        const length = isWhole(heard);
        if (length !== undefined) {
          if (length < heard.length) socket.unshift(heard.subarray(length));
          return heard.subarray(0, length);
        }
        if (socket.readableLength === 0)
          await new Promise<void>((resolve, reject) => {
            socket.once("readable", resolve);
            socket.once("close", () => reject(new Error("gone")));
          });
        const chunk = socket.read() as Buffer | null;
        if (chunk === null && socket.readableEnded) throw new Error("gone");
        heard = Buffer.concat([heard, chunk ?? Buffer.alloc(0)]);
      }
    },
    async say(words) {
      const bytes = Buffer.from(words as string);
      const size = drips ? 1 : bytes.length;
      for (let at = 0; at < bytes.length; at += size)
        await new Promise<void>((resolve) => socket.write(bytes.subarray(at, at + size), () => resolve()));
    },
  };
}
