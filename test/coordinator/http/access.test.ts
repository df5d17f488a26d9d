/** Who is let in, and what becomes of those who send something else than HTTP. */
import { connect } from "node:net";
import { once } from "node:events";
import t from "tap";
import { serve, type Served } from "../../helpers/watch-coordinator.ts";
import { Random } from "../../lab/random.ts";

t.setTimeout(60_000);

const token = "a-token-of-the-test-0123456789";
const order = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ from: "n1", to: "n2", transport: "tcp", port: 9001 }),
};

t.test("with a token nobody reads without it, but whether it lives", async (t) => {
  await using served = await serve(t.testdir(), { access: { token } });
  for (const path of ["/api/v1/status", "/api/v1/openapi.json", "/api/v1/events", "/metrics", "/api/v1/none"])
    for (const authorization of [undefined, "", "Bearer", `Bearer ${token}x`, `Basic ${token}`, token])
      t.match(
        await served.ask(path, authorization === undefined ? {} : { headers: { authorization } }),
        {
          status: 401,
          headers: { "www-authenticate": "Bearer" },
          body: { error: "unauthorized", next: String },
        },
        `${path} ${authorization}`,
      );
  t.equal((await served.ask("/api/v1/probes", order)).status, 401);
  const authorization = `Bearer ${token}`;
  t.equal((await served.ask("/api/v1/status", { headers: { authorization } })).status, 200);
  t.equal(
    (await served.ask("/api/v1/status", { headers: { authorization: `bearer ${token}` } })).status,
    200,
  );
  t.match((await served.ask("/metrics", { headers: { authorization } })).bytes.toString(), /portmesh_paths/);
  for (const path of ["/healthz", "/readyz"]) t.equal((await served.ask(path)).status, 200, path);
});

t.test("no other way of writing a path leads past the token", async (t) => {
  await using served = await serve(t.testdir(), { access: { token } });
  const { host } = new URL(served.http.url);
  for (const path of [
    "/%61pi/v1/status",
    "/api%2Fv1/status",
    "/api/v1/%73tatus",
    "/%6detrics",
    "/metrics?",
    "//api/v1/status",
    "/./api/v1/status",
    "/assets/../api/v1/status",
    "/healthz/../metrics",
    "/api;/v1/status",
    `http://${host}/api/v1/status`,
    `http://${host}/metrics`,
  ])
    t.not((await served.ask(path)).status, 200, path);
  t.equal((await served.ask(`http://${host}/%61pi/v1/probes`, order)).status, 401);
});

t.test("a name that is not ours, and a page of another site, get nothing", async (t) => {
  await using served = await serve(t.testdir(), { access: { names: ["portmesh.example.com"] } });
  for (const [host, status] of [
    ["evil.example.com", 421],
    ["127.0.0.1.evil.example.com", 421],
    ["localhost.", 421],
    ["localhost:1", 200],
    ["[::1]:7718", 200],
    ["10.0.0.1", 200],
    ["Portmesh.Example.COM:443", 200],
  ] as const)
    t.equal((await served.ask("/api/v1/status", { headers: { host } })).status, status, host);
  const { port } = new URL(served.http.url);
  for (const [origin, status] of [
    ["https://evil.example.com", 403],
    ["null", 403],
    [`http://127.0.0.1:${Number(port) + 1}`, 403],
    [`http://127.0.0.1:${port}`, 503],
    [undefined, 503],
  ] as const) {
    const headers = { ...order.headers, ...(origin === undefined ? {} : { origin }) };
    t.equal((await served.ask("/api/v1/probes", { ...order, headers })).status, status, origin ?? "none");
  }
  const { headers } = await served.ask("/api/v1/status");
  t.match(headers["content-security-policy"], /default-src 'none'/);
  t.equal(headers["access-control-allow-origin"], undefined);
});

const words = ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "PRI", "get"];
const places = [
  "/api/v1/status",
  "/api/v1/paths?limit=1",
  "/api/v1/nodes/n1",
  "/api/v1/probes",
  "/api/v1/transitions?since=1h",
  "/../../etc/passwd",
  "/assets/../../package.json",
  "/assets/%2e%2e%2findex.html",
  "//",
  "*",
  "http://example.com/",
  "/api/v1/paths?from=%00&to[]=1&to[]=2",
  "/api/v1/matrix?at=9999999999999999d",
  "/metrics",
];
const lines = [
  "host: 127.0.0.1",
  "host: 127.0.0.1\r\nhost: localhost",
  "transfer-encoding: chunked",
  "content-length: 5",
  "content-length: -1",
  "content-length: 99999999999999999999",
  "content-type: application/json",
  "accept: application/octet-stream",
  "last-event-id: \x01",
  "upgrade: websocket\r\nconnection: upgrade",
  "connection: close",
  "expect: 100-continue",
  `x-long: ${"y".repeat(20_000)}`,
  "range: bytes=0-1,2-3",
  "accept-encoding: gzip;q=NaN, *",
  ": no name",
];

/** Something like a request; of half of them a few bytes are changed, or the end is missing. */
function malformed(random: Random): Buffer {
  const version = random.chance(0.8) ? "1.1" : random.pick(["1.0", "2.0", "9"]);
  const head = [
    `${random.pick(words)} ${random.pick(places)} HTTP/${version}`,
    ...(random.chance(0.8) ? ["host: localhost"] : []),
    ...Array.from({ length: random.between(0, 2) }, () => random.pick(lines)),
  ].join("\r\n");
  const body = random.pick(["", "", "{}", `{"from":`, "5\r\nhello\r\n0\r\n\r\n", "ffffffffff\r\n"]);
  const bytes = Buffer.from(`${head}\r\n\r\n${body}`);
  if (random.chance(0.5)) return bytes;
  for (let flips = random.between(0, 3); flips > 0; flips--)
    bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
  return random.chance(0.3) ? bytes.subarray(0, random.between(0, bytes.length)) : bytes;
}

async function send(served: Served, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(served.http.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
    // The live feed has no end.
    if (answer.length > 100_000 || answer.includes("event: status")) socket.destroy();
  });
  socket.on("error", () => {});
  socket.end(bytes);
  await once(socket, "close");
  return answer;
}

const seed = Number(process.env["PORTMESH_PROPERTY_SEED"] ?? Date.now() % 1_000_000);
t.test(`500 requests that are none leave it alive and answering, seed ${seed}`, async (t) => {
  await using served = await serve(t.testdir());
  const random = new Random(seed);
  const statuses = new Map<string, number>();
  for (let batch = 0; batch < 25; batch++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(served, malformed(random))));
    for (const answer of answers) {
      const status = /^HTTP\/1\.1 ([0-9]{3})/.exec(answer)?.[1] ?? "none";
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === "500") t.fail(answer.slice(0, 300));
      if (/node_modules|\.ts:[0-9]/.test(answer)) t.fail(answer.slice(0, 300));
    }
    const { status } = await served.ask("/api/v1/status");
    if (status !== 200) t.fail(`status ${status}`);
  }
  t.comment(JSON.stringify(Object.fromEntries(statuses)));
  t.ok(statuses.size > 4, "it was not one mistake that hid all others");
});
