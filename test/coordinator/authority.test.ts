import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import t from "tap";
import { Authority } from "../../coordinator/authority.ts";
import { createKeyPair } from "../../shared/key-pair.ts";

const dayMs = 86_400_000;
const now = new Date();
const authority = await Authority.create(now);
const foreign = await Authority.create(now);

interface Identity {
  publicKey: string;
  key: string;
  cert: string;
}

async function identityOf(name: string, by = authority): Promise<Identity> {
  const { publicKey, privateKey } = createKeyPair();
  return { publicKey, key: privateKey, cert: await by.certify(publicKey, name, now) };
}

t.test(
  "the authority is a certificate authority that signs itself, and nothing below it may sign",
  async (t) => {
    const certificate = new X509Certificate(authority.certificatePem);
    t.ok(certificate.ca);
    t.ok(certificate.verify(certificate.publicKey));
    t.equal(certificate.subject, "CN=Portmesh run authority");
    t.equal(certificate.issuer, certificate.subject);
  },
);

t.test("a node's certificate is for its key and its name, and is no authority", async (t) => {
  const { publicKey, cert } = await identityOf("n1.node.portmesh");
  const certificate = new X509Certificate(cert);
  const root = new X509Certificate(authority.certificatePem);
  t.ok(certificate.checkIssued(root));
  t.ok(certificate.verify(root.publicKey));
  t.notOk(
    certificate.verify(new X509Certificate(foreign.certificatePem).publicKey),
    "another run's authority did not sign it",
  );
  t.notOk(certificate.ca);
  t.equal(certificate.checkHost("n1.node.portmesh"), "n1.node.portmesh");
  t.equal(certificate.checkHost("n2.node.portmesh"), undefined);
  t.equal(certificate.subjectAltName, "DNS:n1.node.portmesh");
  t.strictSame(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], "for both ends of TLS");
  t.ok(certificate.publicKey.equals(createPublicKey(publicKey)));
});

t.test("the pin is the hash of the authority's public key, and another authority has another", async (t) => {
  const spki = new X509Certificate(authority.certificatePem).publicKey.export({
    type: "spki",
    format: "der",
  });
  t.equal(authority.pin, createHash("sha256").update(spki).digest("base64url"));
  t.not(authority.pin, foreign.pin);
});

t.test("a certificate is valid on hosts whose clock is a day behind, and ends", async (t) => {
  const short = await Authority.create(now, 2 * dayMs);
  const { publicKey } = await identityOf("n1.node.portmesh", short);
  for (const pem of [short.certificatePem, await short.certify(publicKey, "n1.node.portmesh", now)]) {
    const { validFromDate, validToDate } = new X509Certificate(pem);
    t.ok(Math.abs(validFromDate.getTime() - (now.getTime() - dayMs)) < 1_000, "from a day ago");
    t.ok(Math.abs(validToDate.getTime() - (now.getTime() + 2 * dayMs)) < 1_000, "until its lifetime is over");
  }
});

t.test("serial numbers are positive and never the same", async (t) => {
  const serials = await Promise.all(
    Array.from(
      { length: 20 },
      async () => new X509Certificate((await identityOf("n1.node.portmesh")).cert).serialNumber,
    ),
  );
  t.equal(new Set(serials).size, 20);
  t.ok(serials.every((serial) => /^[4-7][0-9A-F]{15}$/.test(serial)));
});

t.test("what is no public key is not certified", async (t) => {
  for (const bad of ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]) {
    await t.rejects(authority.certify(bad, "n1.node.portmesh", now), JSON.stringify(bad));
  }
});

/** What a client is told by a server with this identity, over a real connection. */
async function handshake(
  server: SecureContextOptions,
  client: { ca: string; name: string } & SecureContextOptions,
  wantsClient = false,
) {
  const listener = createServer({
    ...server,
    ca: authority.certificatePem,
    requestCert: wantsClient,
    rejectUnauthorized: false,
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const accepted = once(listener, "secureConnection") as Promise<[TLSSocket]>;
  const { ca, name, ...credentials } = client;
  const { port } = listener.address() as AddressInfo;
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca,
    servername: name,
    rejectUnauthorized: false,
    ...credentials,
  });
  try {
    await once(socket, "secureConnect");
    const [peer] = await accepted;
    const told = {
      error: (socket.authorizationError as (Error & { code?: string }) | null) ?? null,
      clientOk: peer.authorized,
    };
    peer.destroy();
    return {
      error: told.error === null ? undefined : (told.error.code ?? String(told.error)),
      clientOk: told.clientOk,
    };
  } finally {
    socket.destroy();
    listener.close();
    await once(listener, "close");
  }
}

t.test("nodes verify each other over TLS by the authority and by name", async (t) => {
  const n1 = await identityOf("n1.node.portmesh");
  const n2 = await identityOf("n2.node.portmesh");
  const ca = authority.certificatePem;
  t.strictSame(await handshake(n1, { ca, name: "n1.node.portmesh" }), { error: undefined, clientOk: false });
  t.strictSame(
    await handshake(n1, { ca, name: "n1.node.portmesh", cert: n2.cert, key: n2.key }, true),
    { error: undefined, clientOk: true },
    "the client's certificate too",
  );
  t.equal(
    (await handshake(n1, { ca, name: "n2.node.portmesh" })).error,
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "another node answers",
  );
  t.equal(
    (await handshake(n1, { ca: foreign.certificatePem, name: "n1.node.portmesh" })).error,
    "CERT_SIGNATURE_FAILURE",
    "another run of the same cluster",
  );
});

t.test("a client whose certificate another authority made is not taken for a node", async (t) => {
  const n1 = await identityOf("n1.node.portmesh");
  const stranger = await identityOf("n2.node.portmesh", foreign);
  const { clientOk } = await handshake(
    n1,
    { ca: authority.certificatePem, name: "n1.node.portmesh", cert: stranger.cert, key: stranger.key },
    true,
  );
  t.notOk(clientOk);
});

t.test(
  "the coordinator's own certificate comes with its authority, so that the pin can be compared",
  async (t) => {
    const { cert, key } = await authority.serverIdentity("coordinator.portmesh", now);
    const chain = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    t.equal(chain.length, 2);
    t.equal(
      new X509Certificate(chain[1]!).fingerprint256,
      new X509Certificate(authority.certificatePem).fingerprint256,
    );
    t.strictSame(
      await handshake({ cert, key }, { ca: authority.certificatePem, name: "coordinator.portmesh" }),
      { error: undefined, clientOk: false },
    );
  },
);
