/** Visits straight to a host: each way in which the network can answer, and what an order may not ask for. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { visitAll } from "../../../agent/endpoints/visit.ts";
import type { EndpointReport } from "../../../shared/endpoint-report.ts";
import { freePort } from "../../helpers/agent-fixtures.ts";
import { makeAuthority, makeIdentity } from "../../helpers/certificates.ts";
import { httpProxy } from "../../helpers/proxies.ts";
import { serve, type Say } from "../../helpers/services.ts";
import { nothingOutside, orderFor, visit, visiting } from "../../helpers/visiting.ts";

const root = await makeAuthority("World Root");
const { cert, key } = await makeIdentity({ hosts: ["service.example"] }, root);
const tls = { cert, key };
const publicRoots = [root.pem];
const answerHttp: Say = (heard) =>
  heard.toString().endsWith("\r\n\r\n") ? "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n" : undefined;

/** Counts its connections, and does nothing else. */
async function listener(t: Test): Promise<{ port: number; connections: number; server: Server }> {
  const server = createServer();
  const counted = { port: 0, connections: 0, server };
  server.on("connection", (socket) => {
    counted.connections++;
    t.teardown(() => socket.destroy());
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  counted.port = (server.address() as AddressInfo).port;
  return counted;
}

t.test("each kind of outcome, with the step in which it was decided", async (t) => {
  const cases: [what: string, say: Say, pattern: object][] = [
    ["open", answerHttp, { kind: "open", phase: "answer", status: 404, attempts: 1, tls: {} }],
    [
      "silent",
      () => undefined,
      { kind: "silent", phase: "answer", attempts: 2, tls: { trust: "public" }, status: undefined },
    ],
    [
      "reset",
      (heard, socket) => void (heard.length > 0 && socket.destroy()),
      { kind: "reset", phase: "answer", attempts: 2 },
    ],
    [
      "wrong-answer",
      (heard) => (heard.length > 0 ? "220 mail\r\n" : undefined),
      { kind: "wrong-answer", phase: "answer", detail: /220 mail/ },
    ],
  ];
  for (const [what, say, pattern] of cases) {
    const { port } = await serve(t, say, { tls });
    const report = await visit(orderFor(port), { publicRoots, timeoutMs: what === "silent" ? 300 : 3_000 });
    t.match(
      report,
      {
        endpoint: 7,
        resolution: { resolvers: ["cluster file"], addresses: ["127.0.0.1"] },
        attempts: [{ route: "direct", address: "127.0.0.1", port, exchange: "http", ...pattern }],
        direct: undefined,
      },
      what,
    );
  }
  t.match(await visit(orderFor(await freePort())), {
    attempts: [{ kind: "refused", phase: "connect", code: "ECONNREFUSED", tls: undefined }],
  });
  const noTls = await serve(t, (heard) => (heard.length > 0 ? "HTTP/1.1 400\r\n\r\n" : undefined));
  t.match(await visit(orderFor(noTls.port)), { attempts: [{ kind: "wrong-answer", phase: "tls" }] });
  const alert = await serve(t, (heard) =>
    heard.length > 0 ? Buffer.from([0x15, 3, 3, 0, 2, 2, 70]) : undefined,
  );
  t.match(await visit(orderFor(alert.port)), { attempts: [{ kind: "tls-failed", phase: "tls" }] });
  const { addresses: _, ...unknown } = orderFor(443);
  t.match(await visit(unknown), { attempts: [], resolution: { code: "ENOTFOUND", addresses: [] } });
});

t.test("an accident is tried once more", async (t) => {
  let connections = 0;
  const { port } = await serve(t, (heard, socket) => {
    if (heard.length === 0 && ++connections === 1) socket.resetAndDestroy();
    return heard.toString().startsWith("2W") ? "2A\0\0\0\0" : undefined;
  });
  const order = orderFor(port, { application: "lumberjack", security: "none" });
  t.match(await visit(order), { attempts: [{ kind: "open", attempts: 2 }] });
});

t.test("a host is called by its name; the usual port goes without saying", async (t) => {
  const service = await serve(t, answerHttp, { tls });
  const { port, heard } = service;
  await visit(orderFor(port));
  await visit(orderFor(port, { host: "127.0.0.1" }));
  await service.ended();
  t.match(heard[0]!.toString(), `\r\nHost: service.example:${port}\r\n`);
  t.match(heard[1]!.toString(), `\r\nHost: 127.0.0.1:${port}\r\n`);
});

t.test("through a proxy a usual port stands only where it is dialled", async (t) => {
  const service = await serve(t, answerHttp, { tls });
  const names = { "service.example:443": { address: "127.0.0.1", port: service.port } };
  const proxy = await httpProxy(t, { names });
  await visit(orderFor(443, { route: "http" }), {
    proxies: { http: { host: "127.0.0.1", port: proxy.port } },
    endpoints: ["service.example:443"],
  });
  await service.ended();
  t.match(service.heard[0]!.toString(), "\r\nHost: service.example\r\n");
  t.strictSame(proxy.asked, ["service.example:443"]);
});

t.test("every port at every address is its own attempt", async (t) => {
  const one = await serve(t, answerHttp, { tls });
  const closed = await freePort();
  const order = orderFor(0, { ports: `${one.port},${closed}`, addresses: ["127.0.0.1", "::1", "127.0.0.1"] });
  const { attempts } = await visit(order);
  const found = attempts.map(({ address, port, kind }) => [address, port === one.port, kind].join(" "));
  t.strictSame(found.toSorted(), [
    "127.0.0.1 false refused",
    "127.0.0.1 true open",
    "::1 false refused",
    "::1 true refused",
  ]);
});

t.test("a report never holds more attempts than it may, whatever is asked for", async (t) => {
  const addresses = Array.from({ length: 100 }, (_, index) => `127.0.1.${index + 1}`);
  const first = await freePort();
  const ports = `${Math.min(first, 65_000)}-${Math.min(first, 65_000) + 63}`;
  const report = await visit(orderFor(0, { ports, addresses }));
  t.equal(report.attempts.length, 256);
  t.equal(report.resolution?.addresses.length, 64);
});

t.test("where the document does not say, TLS is tried first and plain next", async (t) => {
  const order = { application: "lumberjack", security: "unstated" } as const;
  const secured = await serve(t, () => undefined, { tls });
  t.match(await visit(orderFor(secured.port, order), { publicRoots }), {
    attempts: [{ kind: "open", exchange: "lumberjack", tls: { trust: "public" } }],
  });
  // As Logstash does with what is none of its frames.
  const plain = await serve(t, (heard, socket) => {
    if (heard.length > 0 && heard.toString("latin1", 0, 2) !== "2W") socket.end();
    return undefined;
  });
  t.match(await visit(orderFor(plain.port, order)), {
    attempts: [{ kind: "open", exchange: "lumberjack", phase: "answer", tls: undefined }],
  });
  const other = await serve(t, (heard) =>
    heard.length > 0 ? "HTTP/1.1 400 Bad Request\r\n\r\n" : undefined,
  );
  t.match(await visit(orderFor(other.port, order)), {
    attempts: [{ kind: "wrong-answer", phase: "answer" }],
  });
  const mute = await serve(t, () => undefined);
  const stated = { ...order, security: "tls" } as const;
  t.match(await visit(orderFor(mute.port, stated), { timeoutMs: 300 }), {
    attempts: [{ kind: "silent", phase: "tls" }],
  });
});

/** Speaks SMTP and goes over to TLS on request. */
async function mailServer(t: Test, said: string[]): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write("220 mail.example ESMTP\r\n");
    socket.on("data", function listen(line: Buffer) {
      said.push(line.toString());
      if (line.toString().startsWith("EHLO"))
        socket.write("250-mail.example\r\n250-STARTTLS\r\n250 SIZE\r\n");
      if (line.toString() !== "STARTTLS\r\n") return;
      socket.off("data", listen);
      socket.write("220 go ahead\r\n");
      const secured = new TLSSocket(socket, { ...tls, isServer: true });
      secured.on("error", (error) => said.push(error.message));
      secured.on("data", (words: Buffer) => {
        said.push(`inside: ${words.toString()}`);
        secured.end("221 bye\r\n");
      });
    });
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

t.test("mail goes over to TLS where the server offers it, and says goodbye inside", async (t) => {
  const said: string[] = [];
  const port = await mailServer(t, said);
  // Off its usual ports the document decides, and no mail server begins with TLS there.
  const order = orderFor(port, { application: "smtp", security: "none" });
  t.match(await visit(order, { publicRoots }), {
    attempts: [
      {
        kind: "open",
        exchange: "smtp-starttls",
        detail: /220 mail\.example ESMTP$/,
        tls: { trust: "public", code: undefined, names: ["service.example"] },
      },
    ],
  });
  t.match(said, [/^EHLO /, "STARTTLS\r\n", "inside: QUIT\r\n"]);
});

interface TimeServer {
  port: number;
  asked: number;
}

/** By so much ahead of this host, with this first byte and stratum. */
async function timeServer(
  t: Test,
  { aheadMs = 0, mode = 0x24, stratum = 2, lose = 0, reference = "GPS\0", holdMs = 0 } = {},
): Promise<TimeServer> {
  const socket = createSocket("udp4");
  const server: TimeServer = { port: 0, asked: 0 };
  const stamp = (into: Buffer, at: number): void => {
    const ms = Date.now() + aheadMs + 2_208_988_800_000;
    into.writeUInt32BE(Math.floor(ms / 1_000) % 2 ** 32, at);
    into.writeUInt32BE(Math.floor(((ms % 1_000) / 1_000) * 2 ** 32), at + 4);
  };
  socket.on("message", (question, from) => {
    if (++server.asked <= lose) return;
    const answer = Buffer.alloc(48);
    answer[0] = mode;
    answer[1] = stratum;
    answer.write(reference, 12, "latin1");
    question.copy(answer, 24, 40, 48);
    stamp(answer, 32);
    setTimeout(() => {
      stamp(answer, 40);
      if (isOpen) socket.send(answer, from.port, from.address);
    }, holdMs);
  });
  let isOpen = true;
  t.teardown(() => {
    isOpen = false;
    socket.close();
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  server.port = socket.address().port;
  return server;
}

const ntp = { transport: "udp", application: "ntp", security: "none" } as const;

t.test("a time server tells by how much this node's clock is ahead", async (t) => {
  for (const aheadMs of [0, 90_000, -3_600_000]) {
    const { port } = await timeServer(t, { aheadMs });
    const { attempts } = await visit(orderFor(port, ntp));
    t.match(attempts, [{ kind: "open", exchange: "ntp", clock: { stratum: 2 } }]);
    const { clock } = attempts[0]!;
    t.ok(clock!.errorMs > 0 && clock!.errorMs < 1_000);
    t.ok(Math.abs(clock!.aheadMs + aheadMs) <= clock!.errorMs + 2, `${clock!.aheadMs} for ${-aheadMs}`);
  }
});

t.test("the time that a server takes for itself is not the way's", async (t) => {
  const { port } = await timeServer(t, { holdMs: 1_000 });
  const { attempts } = await visit(orderFor(port, ntp), { timeoutMs: 10_000 });
  const { clock } = attempts[0]!;
  t.ok(clock!.errorMs < 400, `${clock!.errorMs} ms`);
  t.ok(Math.abs(clock!.aheadMs) <= clock!.errorMs + 2);
});

t.test("a question that was lost does not spoil the time of the next one", async (t) => {
  const server = await timeServer(t, { lose: 1 });
  const { attempts } = await visit(orderFor(server.port, ntp), { timeoutMs: 2_000 });
  t.match(attempts, [{ kind: "open", attempts: 2 }]);
  t.ok(Math.abs(attempts[0]!.clock!.aheadMs) <= attempts[0]!.clock!.errorMs + 2);
});

t.test("a time server without the time is of no use", async (t) => {
  const cases: [Parameters<typeof timeServer>[1], RegExp][] = [
    [{ mode: 0xe4 }, /not synchronised \(leap indicator 3, stratum 2\)/],
    [{ stratum: 16 }, /not synchronised/],
    [{ stratum: 0, reference: "DENY" }, /turns us away: DENY/],
  ];
  for (const [how, detail] of cases) {
    const { port } = await timeServer(t, how);
    t.match(await visit(orderFor(port, ntp)), {
      attempts: [{ kind: "wrong-answer", phase: "answer", detail, clock: undefined }],
    });
  }
});

t.test("over UDP an unknown protocol is no question that one could ask", async (t) => {
  const order = orderFor(514, { transport: "udp", application: "syslog", security: "none" });
  t.match(await visit(order), {
    attempts: [{ kind: "local-error", code: "EPROTONOSUPPORT", detail: /syslog over UDP/ }],
  });
});

t.test("the end of an inspection closes what is open, and nothing is reported any more", async (t) => {
  const mute = await listener(t);
  const over = new AbortController();
  const reports: EndpointReport[] = [];
  const orders = Array.from({ length: 20 }, (_, id) => ({ ...orderFor(mute.port), id }));
  const sockets: Promise<unknown>[] = [];
  mute.server.on("connection", (socket) => {
    socket.resume();
    socket.on("error", () => {});
    sockets.push(once(socket, "close"));
    if (mute.connections === 8) over.abort();
  });
  const deps = visiting({ timeoutMs: 3_600_000 });
  await visitAll(orders, nothingOutside, deps, (report) => reports.push(report), over.signal);
  await Promise.all(sockets);
  t.strictSame(reports, []);
  t.equal(mute.connections, 8, "no more hosts at once, and none after the end");
});

t.test("all hosts are visited, each is reported as soon as it is done", async (t) => {
  const mute = await serve(t, () => undefined, { tls });
  const quick = await serve(t, answerHttp, { tls });
  const orders = Array.from({ length: 12 }, (_, id) => ({
    ...orderFor(id === 0 ? mute.port : quick.port),
    id,
  }));
  const order: number[] = [];
  const signal = new AbortController().signal;
  const deps = visiting({ timeoutMs: 500 });
  await visitAll(orders, nothingOutside, deps, ({ endpoint }) => order.push(endpoint), signal);
  t.equal(order.at(-1), 0);
  t.equal(new Set(order).size, 12);
});

t.test("orders that make no sense are not carried out, nor is any other beside them", async (t) => {
  const target = await listener(t);
  const bad = [
    { host: "a.example\r\nX-Evil: 1" },
    { host: "A.example" },
    { host: "a.example:80" },
    { host: "" },
    { ports: "1-65535" },
    { ports: "x" },
    { ports: "" },
    { transport: "icmp", ports: "80" },
  ] as const;
  for (const parts of bad) {
    const orders = [orderFor(target.port), orderFor(target.port, parts)];
    await t.rejects(
      visitAll(orders, nothingOutside, visiting(), () => {}, new AbortController().signal),
      { code: "policy-refused", message: /^the coordinator sent an endpoint that makes no sense: / },
    );
  }
  t.equal(target.connections, 0);
});

t.test("what the policy does not allow is not dialled, and the line to add is named", async (t) => {
  const target = await listener(t);
  const proxy = await httpProxy(t, { names: {} });
  const never = /no policy allows/;
  t.match(await visit(orderFor(target.port), { loopback: false, endpoints: ["service.example:1"] }), {
    attempts: [{ kind: "local-error", phase: "connect", code: "EPOLICY", detail: never }],
  });
  t.match(await visit(orderFor(target.port, { addresses: ["203.0.113.7"] })), {
    attempts: [
      {
        address: "203.0.113.7",
        code: "EPOLICY",
        detail: `203.0.113.7 is outside of this agent's policy; add 203.0.113.7:${target.port} to endpoints in the policy file`,
      },
    ],
  });
  const proxies = { http: { host: "127.0.0.1", port: proxy.port } };
  const behind = orderFor(target.port, { route: "http" });
  t.match(await visit(behind, { proxies }), {
    attempts: [
      {
        code: "EPOLICY",
        address: "127.0.0.1",
        detail: `service.example is in no spec that this agent has, nor in its policy; add service.example:${target.port} to endpoints in the policy file`,
      },
    ],
  });
  const allowed = [`service.example:${target.port}`];
  t.match(await visit(behind, { proxies, endpoints: allowed, loopback: false }), {
    attempts: [{ code: "EPOLICY", detail: never }],
  });
  const metadata = orderFor(target.port, { route: "http", host: "169.254.169.254" });
  t.match(await visit(metadata, { proxies, endpoints: [`169.254.169.254:${target.port}`] }), {
    attempts: [{ code: "EPOLICY", detail: never }],
  });
  t.equal(target.connections, 0);
  t.equal(proxy.connections, 0);
});
