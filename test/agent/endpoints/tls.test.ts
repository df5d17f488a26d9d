/** What TLS shows of an endpoint: whose authority, which name, until when, which key, and whom it asks for. */
import { createHash, X509Certificate } from "node:crypto";
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { connect, type TlsOptions } from "node:tls";
import t, { type Test } from "tap";
import { Trust } from "../../../agent/endpoints/tls-facts.ts";
import type { EndpointAttempt, TlsFacts } from "../../../shared/endpoint-report.ts";
import { makeAuthority, makeIdentity, type TestIdentity } from "../../helpers/certificates.ts";
import { serve, type Say } from "../../helpers/services.ts";
import { orderFor, visit, type Setting } from "../../helpers/visiting.ts";

const root = await makeAuthority("World Root");
const middle = await makeAuthority("World Intermediate", root);
const company = await makeAuthority("Company Root");
const inspector = await makeAuthority("Inspector Root");
const hosts = ["service.example"];
const good = await makeIdentity({ hosts }, middle, [middle]);
const setting: Setting = {
  publicRoots: [root.pem],
  authorities: [company.pem],
  inspection: [inspector.pem],
};

const answer: Say = (heard) =>
  heard.toString().endsWith("\r\n\r\n") ? "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n" : undefined;

async function look(
  t: Test,
  identity: TestIdentity,
  parts: { order?: Parameters<typeof orderFor>[1]; setting?: Setting; tls?: TlsOptions } = {},
): Promise<EndpointAttempt> {
  const { key, cert } = identity;
  const { port } = await serve(t, answer, { tls: { key, cert, ...parts.tls } });
  const { attempts } = await visit(orderFor(port, parts.order), { ...setting, ...parts.setting });
  t.equal(attempts.length, 1);
  return attempts[0]!;
}

t.test("a public chain is told with names, issuers, end and key", async (t) => {
  const attempt = await look(t, good);
  const leaf = new X509Certificate(good.pem);
  const spki = leaf.publicKey.export({ type: "spki", format: "der" });
  t.match(attempt, { kind: "open", phase: "answer", exchange: "http", status: 403, attempts: 1 });
  t.strictSame(attempt.tls, {
    protocol: "TLSv1.3",
    trust: "public",
    subject: "CN=service.example",
    issuers: ["CN=World Intermediate", "CN=World Root"],
    names: ["service.example"],
    notAfter: leaf.validToDate.getTime(),
    key: `sha256/${createHash("sha256").update(spki).digest("base64")}`,
    selfSigned: false,
  });
  const alone = { publicRoots: [root.pem], authorities: [], inspection: [] };
  t.match((await look(t, good, { setting: alone })).tls, { trust: "public", code: undefined });
});

t.test("whose authority it is", async (t) => {
  const cases: [
    what: string,
    identity: TestIdentity,
    trust: TlsFacts["trust"],
    code: string | undefined,
    selfSigned?: boolean,
  ][] = [
    ["of the cluster file", await makeIdentity({ hosts }, company), "declared", undefined],
    ["of an inspecting proxy", await makeIdentity({ hosts }, inspector), "inspection", undefined],
    [
      "of an authority that nobody knows",
      await makeIdentity({ hosts }, await makeAuthority("Nobody")),
      "none",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    ],
    ["its own", await makeIdentity({ hosts }), "none", "DEPTH_ZERO_SELF_SIGNED_CERT", true],
    [
      "public, expired",
      await makeIdentity({ hosts, validUntil: -1 }, middle, [middle]),
      "public",
      "CERT_HAS_EXPIRED",
    ],
    [
      "public, not yet valid",
      await makeIdentity({ hosts, validFrom: 1 }, middle, [middle]),
      "public",
      "CERT_NOT_YET_VALID",
    ],
    [
      "declared, expired",
      await makeIdentity({ hosts, validUntil: -1 }, company),
      "declared",
      "CERT_HAS_EXPIRED",
    ],
    ["expired, of nobody", await makeIdentity({ hosts, validUntil: -1 }), "none", "CERT_HAS_EXPIRED", true],
    [
      "public, of another name",
      await makeIdentity({ hosts: ["other.example"] }, middle, [middle]),
      "public",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
  ];
  for (const [what, identity, trust, code, selfSigned = false] of cases) {
    const { tls, kind } = await look(t, identity);
    t.match({ kind, ...tls }, { kind: "open", trust, selfSigned }, what);
    t.equal(tls?.code, code, what);
  }
});

/** Our own reading of a chain, which serves where OpenSSL cannot be asked. */
function readChain(...pems: string[]): TlsFacts | undefined {
  const trust = new Trust({ authorities: [], inspection: [] }, () => new Date(), [root.pem]);
  return trust.factsOfChain(
    pems.map((pem) => new X509Certificate(pem).raw),
    "TLSv1.2",
    hosts[0],
  );
}

t.test("a server's certificate is no authority, even if a public one has signed it", async (t) => {
  for (const saysNoUse of [false, true]) {
    const owner = await makeAuthority("owner.example", middle, { mayIssue: false, saysNoUse });
    const forged = await makeIdentity({ hosts }, owner, [owner, middle]);
    const { tls } = await look(t, forged);
    t.equal(tls?.trust, "none");
    t.ok(tls?.code);
    t.match(readChain(forged.pem, owner.pem, middle.pem), { trust: "none" });
  }
  t.match(readChain(good.pem, middle.pem), { trust: "public", code: undefined });
});

t.test("whoever has the name of an authority has not its key", async (t) => {
  const impostor = await makeAuthority("World Root");
  const forged = await makeIdentity({ hosts }, impostor);
  const { tls } = await look(t, forged);
  t.equal(tls?.trust, "none");
  t.match(readChain(forged.pem), { trust: "none" });
  t.match(readChain(forged.pem, impostor.pem), { trust: "none" });
});

t.test("the authority that issues is enough, without the one above it", async (t) => {
  const issuing = await makeAuthority("Company Issuing", company);
  const identity = await makeIdentity({ hosts }, issuing);
  const { tls } = await look(t, identity, { setting: { authorities: [issuing.pem] } });
  t.match(tls, { trust: "declared", code: undefined });
});

t.test("text in a file of authorities that is no certificate vouches for nobody", async (t) => {
  const broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
  const { tls } = await look(t, good, { setting: { authorities: [`${broken}${company.pem}`, "what?"] } });
  t.match(tls, { trust: "public" });
  const own = await makeIdentity({ hosts }, company);
  const { tls: other } = await look(t, own, { setting: { authorities: [`${broken}${company.pem}`] } });
  t.match(other, { trust: "declared" });
});

t.test("a name is asked for by SNI; an address is not, and no name is checked there", async (t) => {
  const asked: (string | undefined)[] = [];
  const SNICallback: TlsOptions["SNICallback"] = (name, done) => {
    asked.push(name);
    done(null);
  };
  await look(t, good, { tls: { SNICallback } });
  t.strictSame(asked, ["service.example"]);
  const { tls } = await look(t, good, { order: { host: "127.0.0.1" }, tls: { SNICallback } });
  t.strictSame(asked, ["service.example"]);
  t.match(tls, { trust: "public", code: undefined });
});

t.test("an old version of TLS is told, not refused", async (t) => {
  const old: TlsOptions = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
  t.match(await look(t, good, { tls: old }), { kind: "open", tls: { protocol: "TLSv1.1", trust: "public" } });
});

t.test("text of a certificate is one line of ASCII, and cut", async (t) => {
  const evil = await makeAuthority(`Evil\x1b[31m${"x".repeat(300)}`, undefined);
  const { tls } = await look(t, await makeIdentity({ hosts }, evil));
  t.match(tls?.issuers[0], /^CN=Evil.*x+$/);
  t.notMatch(tls?.issuers[0], /[^\x20-\x7e]/);
  t.equal(tls!.issuers[0]!.length, 200);
});

const mutual = { application: "https", security: "mtls", passthrough: true } as const;
const asking = { requestCert: true, ca: company.pem };

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  const only = { minVersion: version, maxVersion: version };

  t.test(`${version}: a server that insists on a client certificate has answered`, async (t) => {
    const attempt = await look(t, good, {
      order: mutual,
      tls: { ...asking, rejectUnauthorized: true, ...only },
    });
    t.match(attempt, {
      kind: "open",
      detail: /asks for a client certificate/,
      tls: { trust: "public", requestsCertificate: true, protocol: version },
    });
  });

  t.test(`${version}: without a request in the order nobody looks for one`, async (t) => {
    const attempt = await look(t, good, { tls: only });
    t.equal(attempt.tls?.requestsCertificate, undefined);
  });
}

t.test(
  "whether a server asks for a certificate is seen over TLS 1.2, also where it speaks 1.3",
  async (t) => {
    const optional = await look(t, good, { order: mutual, tls: { ...asking, rejectUnauthorized: false } });
    t.match(optional, { status: 403, tls: { protocol: "TLSv1.3", requestsCertificate: true } });
    const plain = await look(t, good, { order: mutual });
    t.match(plain.tls, { protocol: "TLSv1.3", requestsCertificate: false });
    const newest = await look(t, good, { order: mutual, tls: { minVersion: "TLSv1.3" } });
    t.match(newest, { kind: "open", status: 403 });
    t.equal(newest.tls?.requestsCertificate, undefined, "nobody could see");
  },
);

t.test("what ended a handshake is no request for a certificate, without one", async (t) => {
  const { port } = await serve(t, (heard) =>
    heard.length === 0 ? undefined : Buffer.from([0x15, 3, 3, 0, 2, 2, 40]),
  );
  const { attempts } = await visit(orderFor(port, mutual), setting);
  t.match(attempts, [{ kind: "tls-failed", phase: "tls", code: /HANDSHAKE_FAILURE/, tls: undefined }]);
});

t.test("an alert that asks for a certificate comes from whoever shows one", async (t) => {
  for (const [code, name] of [
    [42, "BAD_CERTIFICATE"],
    [116, "CERTIFICATE_REQUIRED"],
  ] as const) {
    const { port } = await serve(t, (heard) =>
      heard.length === 0 ? undefined : Buffer.from([0x15, 3, 3, 0, 2, 2, code]),
    );
    for (const order of [mutual, {}]) {
      const { attempts } = await visit(orderFor(port, order), setting);
      t.match(attempts, [{ phase: "tls", code: new RegExp(name), tls: undefined }]);
    }
  }
});

t.test("a server whose TLS 1.2 says that the certificate is bad has shown its own", async (t) => {
  const only = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const { key, cert } = good;
  const tls = { key, cert, ...asking, rejectUnauthorized: true, ...only };
  const server = await serve(t, answer, { tls });
  // OpenSSL says that the handshake failed, others name the reason.
  const [failed, bad] = [40, 42].map((code) => Buffer.from([0x15, 3, 3, 0, 2, 2, code])) as [Buffer, Buffer];
  const relay = createServer((socket) => {
    const there = connectTcp(server.port, "127.0.0.1");
    socket.pipe(there);
    there.on("data", (chunk: Buffer) => socket.write(chunk.equals(failed) ? bad : chunk));
    there.once("end", () => socket.end());
    for (const each of [socket, there]) each.on("error", () => {});
    t.teardown(() => [socket, there].forEach((each) => each.destroy()));
  });
  t.teardown(() => relay.close());
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const { port } = relay.address() as AddressInfo;
  const { attempts } = await visit(orderFor(port), setting);
  t.match(attempts, [{ kind: "open", tls: { trust: "public", requestsCertificate: true } }]);
});

t.test("a foreign name shows also where the handshake was broken off", async (t) => {
  const other = await makeIdentity({ hosts: ["other.example"] }, middle, [middle]);
  const only = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const tls = { ...asking, rejectUnauthorized: true, ...only };
  const attempt = await look(t, other, { order: mutual, tls });
  t.match(attempt.tls, { trust: "public", code: "ERR_TLS_CERT_ALTNAME_INVALID", requestsCertificate: true });
  const expired = await makeIdentity({ hosts, validUntil: -1 }, middle, [middle]);
  t.match((await look(t, expired, { order: mutual, tls })).tls, {
    trust: "public",
    code: "CERT_HAS_EXPIRED",
  });
});

t.test("the test's own chains are what they seem to OpenSSL", async (t) => {
  const { port } = await serve(t, answer, { tls: { cert: good.cert, key: good.key } });
  const error = await new Promise<unknown>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername: hosts[0]!, ca: root.pem });
    socket.once("secureConnect", () => {
      resolve(undefined);
      socket.end();
    });
    socket.once("error", resolve);
  });
  t.equal(error, undefined);
});
