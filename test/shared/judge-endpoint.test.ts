import t from "tap";
import type { EndpointAttempt, EndpointReport, TlsFacts } from "../../shared/endpoint-report.ts";
import { judgeEndpoint, type EndpointExpectation } from "../../shared/judge-endpoint.ts";
import type { Reason } from "../../shared/names.ts";
import { attemptOf, tlsOf } from "../helpers/report-fixtures.ts";

const now = new Date("2026-11-21T06:00:00Z");
const day = 86_400_000;
const pin = `sha256/${"p".repeat(43)}=`;
const usual: EndpointExpectation = {
  anyOf: false,
  passthrough: false,
  tlsMinimum: undefined,
  issuer: undefined,
  supplied: false,
  security: "tls",
  pin: undefined,
  expiryMs: 14 * day,
  now,
};

function reasonOf(
  report: Partial<EndpointReport> | undefined,
  expectation: Partial<EndpointExpectation> = {},
  agent: "alive" | "gone" | "missing" = "alive",
): Reason {
  const whole = report === undefined ? undefined : { endpoint: 0, attempts: [], ...report };
  return judgeEndpoint({ ...usual, ...expectation }, whole, agent).reason;
}

/** Of one attempt; without TLS where it says nothing of it. */
function ofAttempt(parts: Partial<EndpointAttempt>, expectation: Partial<EndpointExpectation> = {}): Reason {
  const { tls: _tls, ...plain } = attemptOf();
  return reasonOf({ attempts: [{ ...plain, ...parts }] }, expectation);
}

function ofTls(
  tls: Partial<TlsFacts>,
  expectation: Partial<EndpointExpectation> = {},
  direct?: Partial<TlsFacts>,
): Reason {
  return reasonOf(
    {
      attempts: [attemptOf({ tls: tlsOf(tls) })],
      ...(direct === undefined ? {} : { direct: attemptOf({ tls: tlsOf(direct) }) }),
    },
    expectation,
  );
}

t.test("what was not looked at is unknown", async (t) => {
  t.equal(reasonOf(undefined, {}, "missing"), "agent-missing");
  t.equal(reasonOf(undefined, {}, "gone"), "never-probed");
  t.equal(reasonOf({}), "never-probed");
});

t.test("a name without an address is unresolved, with what the resolver said", async (t) => {
  const resolution = {
    resolvers: ["10.0.0.53"],
    addresses: [],
    elapsedMs: 3,
    code: "ENOTFOUND",
    detail: "no such name",
  };
  t.strictSame(judgeEndpoint(usual, { endpoint: 0, resolution, attempts: [] }, "alive"), {
    verdict: "fail",
    reason: "unresolved",
    detail: "no such name",
  });
});

t.test("every outcome of an attempt has its reason", async (t) => {
  const cases: [Partial<EndpointAttempt>, Reason][] = [
    [{ kind: "open" }, "served"],
    [{ kind: "refused", phase: "connect" }, "rejected"],
    [{ kind: "reset", phase: "connect" }, "rejected"],
    [{ kind: "refused", phase: "tls" }, "app-filtered"],
    [{ kind: "reset", phase: "tls" }, "app-filtered"],
    [{ kind: "reset", phase: "answer" }, "app-filtered"],
    [{ kind: "silent", phase: "connect" }, "dropped"],
    [{ kind: "silent", phase: "tls" }, "app-filtered"],
    [{ kind: "silent", phase: "answer", exchange: "http" }, "app-filtered"],
    [{ kind: "silent", phase: "answer", exchange: "ntp" }, "dropped"],
    [{ kind: "silent", phase: "answer", exchange: "dns" }, "dropped"],
    [{ kind: "silent", phase: "answer", port: 0 }, "dropped"],
    [{ kind: "unreachable", phase: "connect", elapsedMs: 2, code: "EHOSTUNREACH" }, "rejected"],
    [{ kind: "unreachable", phase: "connect", elapsedMs: 3_100, code: "EHOSTUNREACH" }, "no-route"],
    [{ kind: "unresolved", phase: "resolve" }, "unresolved"],
    [{ kind: "tls-failed", phase: "tls" }, "tls-failed"],
    [{ kind: "upgrade-refused", phase: "upgrade" }, "upgrade-refused"],
    [{ kind: "wrong-answer", phase: "answer" }, "stranger"],
    [{ kind: "proxy-refused", phase: "proxy" }, "proxy-refused"],
    [{ kind: "silent", phase: "proxy" }, "proxy-refused"],
    [{ kind: "reset", phase: "proxy" }, "proxy-refused"],
    [{ kind: "local-error", phase: "connect", code: "EPERM" }, "egress-blocked"],
    [{ kind: "local-error", phase: "connect", code: "ENETUNREACH" }, "no-route"],
    [{ kind: "local-error", phase: "connect", code: "STARVED" }, "impaired"],
    [{ kind: "local-error", phase: "connect", code: "EPOLICY" }, "denied"],
  ];
  const security = "none";
  for (const [parts, reason] of cases) t.equal(ofAttempt(parts, { security }), reason, JSON.stringify(parts));
});

t.test("where TLS is promised, an answer without a certificate proves nothing", async (t) => {
  const alert = { kind: "open", phase: "tls", code: "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE" } as const;
  for (const security of ["tls", "mtls"] as const) {
    t.equal(ofAttempt(alert, { security }), "tls-failed");
    t.equal(ofAttempt({ kind: "open", exchange: "ldap" }, { security }), "tls-failed");
    t.equal(ofAttempt({ kind: "refused", phase: "connect" }, { security }), "rejected");
    t.equal(ofAttempt({ kind: "open", exchange: "ntp" }, { security }), "served", "there is no TLS over UDP");
  }
  t.equal(ofAttempt(alert, { security: "unstated" }), "served");
});

t.test("an upgrade that is refused counts where somebody may read along", async (t) => {
  const refused = { exchange: "websocket", status: 403 } as const;
  t.equal(ofAttempt(refused, { security: "none" }), "upgrade-refused");
  t.equal(ofAttempt({ ...refused, tls: tlsOf() }), "served", "within TLS of its own it is the server's word");
  t.equal(ofAttempt({ ...refused, tls: tlsOf({ trust: "declared" }) }), "served");
  t.equal(ofAttempt({ ...refused, tls: tlsOf({ trust: "inspection" }) }), "upgrade-refused");
  t.equal(ofAttempt({ ...refused, tls: tlsOf({ trust: "none", key: pin }) }, { pin }), "served");
  t.equal(ofAttempt({ ...refused, status: 101 }, { security: "none" }), "served");
});

t.test("an answer that a proxy gives in the place of the host proves nothing", async (t) => {
  const opened = tlsOf({ trust: "inspection" });
  const own = [tlsOf(), tlsOf({ trust: "declared" })];
  for (const status of [407, 502, 503, 504, 511]) {
    t.equal(ofAttempt({ status, tls: opened }), "proxy-refused", `${status}`);
    for (const tls of own) t.equal(ofAttempt({ status, tls }), "served", `${status} of the host itself`);
  }
  for (const status of [204, 400, 403, 500])
    t.equal(ofAttempt({ status, tls: opened }), "served", `${status}`);
  const denied = { status: 403, proxyError: "http_request_denied" };
  t.equal(ofAttempt({ ...denied, tls: opened }), "proxy-refused");
  t.equal(ofAttempt(denied), "proxy-refused", "without TLS anybody can stand between");
  t.equal(ofAttempt({ ...denied, tls: tlsOf() }), "served", "the host's own front door");
  t.equal(ofAttempt({ status: 511 }), "proxy-refused", "a captive portal");
  t.equal(ofAttempt({ status: 503 }, { security: "none" }), "served");
  t.equal(ofAttempt({ ...denied, tls: tlsOf({ trust: "none", key: pin }) }, { pin }), "served");
});

t.test("every property of a certificate has its reason", async (t) => {
  const foreign = { code: "ERR_TLS_CERT_ALTNAME_INVALID", names: ["b.example"] };
  const untrusted = { trust: "none", code: "SELF_SIGNED_CERT_IN_CHAIN" } as const;
  const cases: [why: string, Partial<TlsFacts>, Partial<EndpointExpectation>, Reason][] = [
    ["trusted", {}, {}, "served"],
    ["trusted by the user", { trust: "declared" }, {}, "served"],
    ["of another name", foreign, {}, "misrouted"],
    ["expired", { code: "CERT_HAS_EXPIRED" }, {}, "tls-failed"],
    ["not valid yet", { code: "CERT_NOT_YET_VALID" }, {}, "tls-failed"],
    ["of nobody's", untrusted, {}, "intercepted"],
    ["of nobody's, of a host of the user's own", untrusted, { supplied: true }, "tls-failed"],
    ["of nobody's, where no TLS was promised", untrusted, { security: "unstated" }, "served"],
    ["of another name, where no TLS was promised", foreign, { security: "none" }, "served"],
    [
      "expired, where no TLS was promised",
      { code: "CERT_HAS_EXPIRED", notAfter: 0 },
      { security: "unstated" },
      "served",
    ],
    ["with another key, where no TLS was promised", {}, { pin, security: "unstated" }, "intercepted"],
    ["of an inspection that was agreed to", { trust: "inspection" }, {}, "served"],
    [
      "of an inspection, where TLS must stay unopened",
      { trust: "inspection" },
      { passthrough: true },
      "intercepted",
    ],
    ["with the key that was pinned", { key: pin, ...untrusted }, { pin }, "served"],
    ["with another key", {}, { pin }, "intercepted"],
    [
      "with the key that was pinned, and over",
      { key: pin, ...untrusted, notAfter: 0 },
      { pin },
      "tls-failed",
    ],
    ["with the key that was pinned, for another name", { key: pin, ...foreign }, { pin }, "served"],
    ["below one that has expired", { code: "CERT_HAS_EXPIRED" }, {}, "tls-failed"],
    ["of nobody's, and over", { ...untrusted, notAfter: 0 }, {}, "tls-failed"],
    ["of the issuer that is expected", {}, { issuer: "EXAMPLE root" }, "served"],
    ["of another issuer", {}, { issuer: "Amazon" }, "intercepted"],
    ["of an inspection in the issuer's place", { trust: "inspection" }, { issuer: "Amazon" }, "served"],
    ["without asking for the client's", { requestsCertificate: false }, { security: "mtls" }, "intercepted"],
    ["asking for the client's", { requestsCertificate: true }, { security: "mtls" }, "served"],
    ["nobody could see whether it asks", {}, { security: "mtls" }, "served"],
    ["over TLS that is too old", { protocol: "TLSv1.1" }, { tlsMinimum: "1.2" }, "tls-failed"],
    ["over SSL", { protocol: "SSLv3" }, { tlsMinimum: "1.2" }, "tls-failed"],
    ["over TLS that is as old as it may be", { protocol: "TLSv1.2" }, { tlsMinimum: "1.2" }, "served"],
    ["that ends soon", { notAfter: now.getTime() + 13 * day }, {}, "expiring"],
    ["that ends later", { notAfter: now.getTime() + 15 * day }, {}, "served"],
  ];
  for (const [why, tls, expectation, reason] of cases) t.equal(ofTls(tls, expectation), reason, why);
});

t.test("a certificate of nobody's is no proof, also where the proxy has not made it", async (t) => {
  const own = { trust: "none", key: "sha256/own", code: "SELF_SIGNED_CERT_IN_CHAIN" } as const;
  t.equal(ofTls(own, {}, own), "tls-failed");
  t.equal(ofTls(own, {}, { ...own, key: "sha256/other" }), "intercepted");
  t.equal(ofTls(own), "intercepted");
  t.equal(ofTls({ ...own, trust: "declared" }, {}, own), "served");
});

t.test("a bad certificate counts before what was said within", async (t) => {
  t.equal(
    reasonOf({ attempts: [attemptOf({ kind: "reset", phase: "answer", tls: tlsOf({ trust: "none" }) })] }),
    "intercepted",
  );
  t.equal(reasonOf({ attempts: [attemptOf({ kind: "reset", phase: "answer" })] }), "app-filtered");
});

const open = attemptOf();
const dropped = attemptOf({ kind: "silent", phase: "connect" });
delete dropped.tls;

t.test("of several addresses the worst decides, of alternative ports the best", async (t) => {
  const attempts = [open, { ...dropped, address: "192.0.2.11" }];
  t.equal(reasonOf({ attempts }), "dropped");
  t.match(judgeEndpoint(usual, { endpoint: 0, attempts }, "alive"), { decisive: { address: "192.0.2.11" } });
  const ports = [
    { ...dropped, port: 25 },
    { ...open, port: 587 },
  ];
  t.equal(reasonOf({ attempts: ports }), "dropped");
  t.equal(reasonOf({ attempts: ports }, { anyOf: true }), "served");
  t.equal(
    reasonOf({ attempts: [...ports, { ...dropped, port: 587, address: "192.0.2.11" }] }, { anyOf: true }),
    "dropped",
  );
  const foreign = { ...open, port: 587, tls: tlsOf({ code: "ERR_TLS_CERT_ALTNAME_INVALID" }) };
  t.equal(
    reasonOf({ attempts: [ports[0]!, foreign] }, { anyOf: true }),
    "misrouted",
    "the nearer to the end",
  );
});

t.test(
  "a family that the node has no route for is not expected of it, if the other one is there",
  async (t) => {
    const without = attemptOf({
      kind: "local-error",
      phase: "connect",
      address: "2001:db8::1",
      code: "ENETUNREACH",
    });
    delete without.tls;
    for (const code of ["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"])
      t.equal(reasonOf({ attempts: [open, { ...without, code }] }), "served", code);
    t.equal(reasonOf({ attempts: [open, { ...without, code: "EACCES" }] }), "egress-blocked");
    t.equal(reasonOf({ attempts: [without] }), "no-route");
    t.equal(
      reasonOf({ attempts: [{ ...without, address: "192.0.2.11" }, open] }),
      "no-route",
      "of the same family it is",
    );
  },
);
