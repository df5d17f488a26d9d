/** Ways through real proxies: what they ask for, what they refuse, and how each of their faults is told. */
import { createServer, type AddressInfo, type Server } from "node:net";
import t, { type Test } from "tap";
import type { EndpointAttempt, EndpointReport, WireOutside } from "../../../shared/endpoint-report.ts";
import type { ProxyKind } from "../../../shared/names.ts";
import { freePort } from "../../helpers/agent-fixtures.ts";
import { makeAuthority, makeIdentity } from "../../helpers/certificates.ts";
import { httpProxy, socksProxy, type ProxyOptions, type TestProxy } from "../../helpers/proxies.ts";
import { serve, type Say } from "../../helpers/services.ts";
import { orderFor, visit, type Setting } from "../../helpers/visiting.ts";

const root = await makeAuthority("World Root");
const identity = await makeIdentity({ hosts: ["service.example"] }, root);
const inspector = await makeAuthority("Inspector Root");
const forged = await makeIdentity({ hosts: ["service.example"] }, inspector);

const answer: Say = (heard) =>
  heard.toString().endsWith("\r\n\r\n") ? "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" : undefined;
const starters = { http: httpProxy, socks5: socksProxy };
const kinds = ["http", "socks5"] as const;

interface Scene {
  proxy: TestProxy;
  port: number;
  go: (parts?: { login?: { user: string; password: string }; setting?: Setting }) => Promise<EndpointReport>;
}

/** A service that only the proxy knows by name, and a visit through the proxy. */
async function scene(
  t: Test,
  kind: ProxyKind,
  options: Omit<ProxyOptions, "names"> = {},
  host = "service.example",
): Promise<Scene> {
  const service = await serve(t, answer, { tls: { cert: identity.cert, key: identity.key } });
  const names = { [`service.example:${service.port}`]: { address: "127.0.0.1", port: service.port } };
  const proxy = await starters[kind](t, { ...options, names });
  const order = { ...orderFor(service.port, { route: kind, host }) };
  delete order.addresses;
  return {
    proxy,
    port: service.port,
    go: ({ login, setting } = {}) => {
      const proxies: WireOutside["proxies"] = { [kind]: { host: "127.0.0.1", port: proxy.port, ...login } };
      const endpoints = [`service.example:${service.port}`];
      return visit(order, { proxies, endpoints, publicRoots: [root.pem], ...setting });
    },
  };
}

async function only(report: Promise<EndpointReport>): Promise<EndpointAttempt> {
  const { attempts } = await report;
  if (attempts.length !== 1) throw new Error(`${attempts.length} attempts`);
  return attempts[0]!;
}

for (const kind of kinds) {
  t.test(`${kind}: the proxy resolves the name, and TLS is that of the host`, async (t) => {
    const { proxy, port, go } = await scene(t, kind);
    const report = await go();
    t.equal(report.resolution, undefined);
    t.equal(report.direct, undefined);
    t.match(report.attempts, [
      {
        route: kind,
        address: "127.0.0.1",
        port,
        kind: "open",
        phase: "answer",
        status: 200,
        tls: { trust: "public", code: undefined, names: ["service.example"] },
      },
    ]);
    t.strictSame(proxy.asked, [`service.example:${port}`]);
  });

  t.test(`${kind}: an answer of the proxy in single bytes is read like one in a piece`, async (t) => {
    const { go } = await scene(t, kind, { drips: true });
    t.match(await only(go()), { kind: "open", status: 200 });
  });

  t.test(`${kind}: an address is passed on as one`, async (t) => {
    const { proxy, port, go } = await scene(t, kind, {}, "127.0.0.1");
    t.match(await only(go()), { kind: "open", tls: { trust: "public", code: undefined } });
    t.strictSame(proxy.asked, [`127.0.0.1:${port}`]);
  });

  t.test(`${kind}: user and password are given where the proxy wants them`, async (t) => {
    const login = { user: "anna", password: "s€cret:1" };
    const { go } = await scene(t, kind, { login });
    t.match(await only(go({ login })), { kind: "open", status: 200 });
    const wrong = await only(go({ login: { user: "anna", password: "wrong" } }));
    const without = await only(go());
    for (const attempt of [wrong, without])
      t.match(attempt, { kind: "proxy-refused", phase: "proxy", route: kind, attempts: 1 });
    if (kind === "http") {
      const asks = /^Proxy Authentication Required; it asks for Negotiate or Basic$/;
      t.match(without, { code: "407", status: 407, detail: asks });
    } else {
      t.match(wrong, { code: "SOCKS_AUTH", detail: "it does not accept this user and password" });
      t.match(without, { code: "SOCKS_AUTH", detail: /asks for a login/ });
    }
  });

  t.test(`${kind}: a proxy that is silent, resets, closes or speaks something else`, async (t) => {
    const expected = [
      ["silent", { kind: "silent", phase: "proxy", attempts: 2 }],
      ["reset", { kind: "reset", phase: "proxy", code: "ECONNRESET", attempts: 2 }],
      ["close", { kind: "reset", phase: "proxy", detail: "closed without an answer" }],
      ["garbage", { kind: "wrong-answer", phase: "proxy", detail: /not the expected protocol: \+OK ready/ }],
    ] as const;
    for (const [fault, pattern] of expected) {
      const { go } = await scene(t, kind, { fault });
      t.match(await only(go({ setting: { timeoutMs: fault === "silent" ? 200 : 3_000 } })), pattern, fault);
    }
  });

  t.test(`${kind}: a proxy that is not there`, async (t) => {
    const port = await freePort();
    const order = orderFor(443, { route: kind });
    const setting = {
      proxies: { [kind]: { host: "127.0.0.1", port } },
      endpoints: ["service.example:443"],
    };
    const refused = await only(visit(order, setting));
    t.match(refused, {
      kind: "refused",
      phase: "connect",
      code: "ECONNREFUSED",
      address: "127.0.0.1",
      port: 443,
      detail: `this is the proxy, 127.0.0.1:${port}`,
    });
    const named = { ...setting, proxies: { [kind]: { host: "proxy.example", port } } };
    t.match(await only(visit(order, named)), {
      kind: "unresolved",
      phase: "resolve",
      address: "proxy.example",
      code: "ENOTFOUND",
    });
    t.match(await only(visit(order, { ...setting, proxies: {} })), {
      kind: "local-error",
      code: "ENOPROXY",
      detail: `the cluster file has no ${kind} proxy`,
    });
  });

  t.test(`${kind}: who opens TLS is told apart, and compared with the host itself`, async (t) => {
    const { go } = await scene(t, kind, { inspect: forged });
    const direct = { names: { "service.example": ["127.0.0.9"] } };
    // A name that this node resolves to loopback is nobody's address, so that the comparison has to do without.
    t.match(await go({ setting: direct }), {
      attempts: [{ tls: { trust: "none", code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" } }],
      direct: undefined,
    });
    const known = await go({ setting: { inspection: [inspector.pem] } });
    t.match(known, { attempts: [{ kind: "open", tls: { trust: "inspection", code: undefined } }] });
    t.equal(known.direct, undefined, "an announced inspection needs no comparison");
  });

  t.test(
    `${kind}: a name of the cluster file is not asked for, neither the proxy's nor the host's`,
    async (t) => {
      const service = await serve(t, answer, { tls: { cert: identity.cert, key: identity.key } });
      const names = { [`service.example:${service.port}`]: { address: "127.0.0.1", port: service.port } };
      const proxy = await starters[kind](t, { inspect: forged, names });
      const report = await visit(orderFor(service.port, { route: kind }), {
        proxies: { [kind]: { host: "proxy.example", port: proxy.port } },
        resolve: { "proxy.example": ["127.0.0.1"] },
        endpoints: [`service.example:${service.port}`],
        publicRoots: [root.pem],
      });
      t.match(report, {
        attempts: [{ route: kind, address: "127.0.0.1", tls: { trust: "none" } }],
        direct: { route: "direct", address: "127.0.0.1", tls: { trust: "public" } },
      });
    },
  );

  t.test(`${kind}: who gives back what it hears gives back no secret`, async (t) => {
    const login = { user: "anna", password: "secret" };
    const secrets = [login.password, Buffer.from("anna:secret").toString("base64")];
    const prefixes = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 999 What\r\n\r\n", "\x05\x02", "\x05\x02\x02"];
    for (const prefix of prefixes) {
      const { port } = await serve(t, (heard) =>
        heard.length > 0 ? `${prefix}${heard.toString()}` : undefined,
      );
      const order = orderFor(443, { route: kind, host: "10.0.0.9" });
      const proxies = { [kind]: { host: "127.0.0.1", port, ...login } };
      const said = JSON.stringify(await visit(order, { proxies, timeoutMs: 300 }));
      for (const secret of secrets) t.notMatch(said, secret, JSON.stringify(prefix));
    }
  });

  t.test(`${kind}: the comparison goes straight to the address`, async (t) => {
    const { go } = await scene(t, kind, { inspect: forged }, "127.0.0.1");
    const { attempts, direct } = await go();
    t.match(attempts, [{ tls: { trust: "none" }, route: kind }]);
    t.match(direct, { route: "direct", address: "127.0.0.1", kind: "open", tls: { trust: "public" } });
    t.not(attempts[0]?.tls?.key, direct?.tls?.key);
  });
}

t.test("what is in the clear passes as well, also where the host speaks first", async (t) => {
  for (const kind of kinds) {
    const beats = await serve(t, (heard) => (heard.length >= 6 ? "2A\0\0\0\0" : undefined));
    const shell = await serve(t, (heard) => (heard.length === 0 ? "SSH-2.0-OpenSSH_9.2\r\n" : undefined));
    const proxy = await starters[kind](t, { names: {} });
    const proxies = { [kind]: { host: "127.0.0.1", port: proxy.port } };
    for (const [application, { port }] of [
      ["lumberjack", beats],
      ["ssh", shell],
    ] as const) {
      const order = orderFor(port, { host: "127.0.0.1", route: kind, application, security: "none" });
      const attempt = await only(visit(order, { proxies }));
      t.match(attempt, { kind: "open", phase: "answer", exchange: application, detail: /Lumberjack|SSH-2/ });
    }
  }
});

t.test("what the host says at once may come together with the proxy's word", async (t) => {
  const { server, port } = await sayingAtOnce(t);
  t.teardown(() => server.close());
  const order = orderFor(22, { route: "http", host: "127.0.0.1", application: "ssh", security: "none" });
  const attempt = await only(visit(order, { proxies: { http: { host: "127.0.0.1", port } } }));
  t.match(attempt, { kind: "open", detail: "SSH-2.0-OpenSSH_9.2" });
});

/** A proxy that has read from the far end before it answers, in one segment. */
async function sayingAtOnce(t: Test): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-OpenSSH_9.2\r\n"));
    t.teardown(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

t.test("http: whatever status is no 2xx is a refusal, with its phrase", async (t) => {
  const cases: [say: string, status: number, detail: string | RegExp][] = [
    ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403, "Forbidden"],
    ["HTTP/1.0 502 Bad\x1b[31m Gateway\r\n\r\n", 502, "Bad [31m Gateway"],
    ["HTTP/1.1 504\r\n\r\n", 504, "status 504"],
    ["HTTP/1.1 301 Moved\nLocation: http://portal/\n\n", 301, "Moved"],
  ];
  for (const [say, status, detail] of cases) {
    const { go } = await scene(t, "http", { fault: { say } });
    t.match(await only(go()), {
      kind: "proxy-refused",
      phase: "proxy",
      code: `${status}`,
      status,
      detail,
    });
  }
});

t.test("http: headers without an end are not listened to, nor is a status that is none", async (t) => {
  const endless = await scene(t, "http", {
    fault: { say: `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(9_000)}` },
  });
  t.match(await only(endless.go()), { kind: "wrong-answer", phase: "proxy", detail: /bytes of headers/ });
  const strange = await scene(t, "http", { fault: { say: "HTTP/1.1 999 What\r\n\r\n" } });
  t.match(await only(strange.go()), { kind: "wrong-answer", phase: "proxy" });
});

t.test("http: interim answers without an end are not listened to", async (t) => {
  const { go } = await scene(t, "http", { fault: { say: "HTTP/1.1 100 Continue\r\n\r\n".repeat(5_000) } });
  t.match(await only(go()), { kind: "wrong-answer", phase: "proxy", detail: "too long" });
});

t.test("http: an interim answer is not the answer", async (t) => {
  const say = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n";
  const { go } = await scene(t, "http", { fault: { say } });
  t.match(await only(go()), { kind: "proxy-refused", code: "403" });
});

t.test(
  "a name that the proxy does not know is its refusal, not a name that this node cannot resolve",
  async (t) => {
    for (const kind of kinds) {
      const { proxy, port, go } = await scene(t, kind, {}, "other.example");
      const attempt = await only(go({ setting: { endpoints: [`other.example:${port}`] } }));
      t.match(attempt, { kind: "proxy-refused", code: kind === "http" ? "503" : "SOCKS_HOST_UNREACHABLE" });
      t.strictSame(proxy.asked, [`other.example:${port}`]);
    }
  },
);

t.test("socks5: every reply has its words", async (t) => {
  const codes = [
    [1, "SOCKS_GENERAL_FAILURE"],
    [2, "SOCKS_RULESET"],
    [3, "SOCKS_NETWORK_UNREACHABLE"],
    [4, "SOCKS_HOST_UNREACHABLE"],
    [5, "SOCKS_CONNECTION_REFUSED"],
    [6, "SOCKS_TTL_EXPIRED"],
    [7, "SOCKS_COMMAND_NOT_SUPPORTED"],
    [8, "SOCKS_ADDRESS_TYPE_NOT_SUPPORTED"],
    [99, "SOCKS_REPLY_99"],
  ] as const;
  for (const [reply, code] of codes) {
    const { go } = await scene(t, "socks5", { fault: { reply } });
    t.match(await only(go()), { kind: "proxy-refused", phase: "proxy", code, detail: /\w/ });
  }
});

t.test("what no proxy passes on goes straight", async (t) => {
  const order = orderFor(1, { route: "http", transport: "udp", application: "ntp" });
  t.match(await only(visit(order, { timeoutMs: 300 })), {
    route: "direct",
    exchange: "ntp",
    kind: "refused",
  });
});
