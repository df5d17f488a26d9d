import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, connect } from "node:tls";
import t from "tap";
import { readCertificates, type LookAtCertificate } from "../../../agent/facts/certificates.ts";
import type { TlsFacts } from "../../../shared/endpoint-report.ts";
import { Authority } from "../../../coordinator/authority.ts";
import { createKeyPair } from "../../../shared/key-pair.ts";

const signal = new AbortController().signal;

/** A handshake with loopback, told shortly. */
const look: LookAtCertificate = (port, until) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, signal: until } as never);
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerX509Certificate()!;
      const facts: TlsFacts = {
        protocol: socket.getProtocol()!,
        trust: "none",
        subject: certificate.subject,
        issuers: [certificate.issuer],
        names: [],
        notAfter: Date.parse(certificate.validTo),
        key: "sha256/",
        selfSigned: false,
      };
      socket.destroy();
      resolve(facts);
    });
  });

t.test("each port has what its service presents, or why there is nothing", async (t) => {
  const authority = await Authority.create(new Date());
  const { publicKey, privateKey } = createKeyPair();
  const cert = await authority.certify(publicKey, "product.example", new Date());
  const server = createServer({ cert, key: privateKey }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const nobody = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  const found = await readCertificates([port, nobody, port], look, signal);
  t.match(found, [
    { port, tls: { protocol: "TLSv1.3", subject: /product\.example/ } },
    { port: nobody, detail: /ECONNREFUSED/ },
  ]);
  t.equal(found.length, 2, "each port once");
});

t.test("nothing is waited for longer than anybody wants to know", async (t) => {
  const never: LookAtCertificate = (_port, until) =>
    new Promise((_resolve, reject) => {
      until.addEventListener("abort", () => reject(until.reason as Error));
      if (until.aborted) reject(until.reason as Error);
    });
  t.strictSame(await readCertificates([443], never, AbortSignal.abort()), [
    { port: 443, detail: "the look at it was cut short" },
  ]);
});
