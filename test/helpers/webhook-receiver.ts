/** A receiver of webhooks: a real server that remembers what it was sent and answers as a test wants. */
import { EventEmitter, once } from "node:events";
import { createServer as createHttp, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Test } from "tap";
import type { Hook } from "../../coordinator/notify/hook.ts";
import { defaultNews, type Notification } from "../../shared/notification.ts";

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A status with headers, or `hang-up`. */
export type Reply = { status: number; headers?: Record<string, string>; body?: string } | "hang-up";

export interface Receiver {
  url: string;
  port: number;
  received: Received[];
  /** By message: that which was told last is answered by `reply(how many came before)`. */
  reply: (before: number) => Reply;
  until(count: number): Promise<Received[]>;
  messages(): Notification[];
}

const patienceMs = 20_000;

export async function webhookReceiver(t: Test, tls?: { cert: string; key: string }): Promise<Receiver> {
  const events = new EventEmitter();
  const receiver: Receiver = {
    url: "",
    port: 0,
    received: [],
    reply: () => ({ status: 204 }),
    async until(count) {
      const signal = AbortSignal.timeout(patienceMs);
      while (receiver.received.length < count) await once(events, "received", { signal });
      return receiver.received;
    },
    messages: () => receiver.received.map(({ body }) => JSON.parse(body) as Notification),
  };
  const listener: RequestListener = (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.once("end", () => {
      const reply = receiver.reply(receiver.received.length);
      receiver.received.push({ path: request.url!, headers: request.headers, body });
      if (reply === "hang-up") request.socket.destroy();
      else response.writeHead(reply.status, reply.headers).end(reply.body);
      events.emit("received");
    });
  };
  const server = tls === undefined ? createHttp(listener) : createHttps(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.port = (server.address() as AddressInfo).port;
  receiver.url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${receiver.port}/hooks/s3cr3t`;
  return receiver;
}

/** Without a secret, and for all news that users get unless they say otherwise. */
export function hookOf(url: string, parts: Partial<Hook> = {}): Hook {
  return {
    name: "ops",
    url,
    secretFile: undefined,
    tokenFile: undefined,
    headersFile: undefined,
    on: defaultNews,
    specs: undefined,
    flows: undefined,
    nodes: undefined,
    groupForMs: 20,
    groupIntervalMs: 0,
    repeatEveryMs: undefined,
    proxied: false,
    keys: [],
    headers: {},
    way: undefined,
    authorities: [],
    ...parts,
  };
}
