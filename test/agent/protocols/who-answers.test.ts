/** What probes say of far ends that are not our listeners. */
import { generateKeyPairSync } from "node:crypto";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import t, { type Test } from "tap";
import { Listeners } from "../../../agent/listeners.ts";
import { protocols } from "../../../agent/protocols/index.ts";
import { certificateName } from "../../../shared/link.ts";
import { Authority } from "../../../coordinator/authority.ts";
import { createFixture, freePort } from "../../helpers/agent-fixtures.ts";

const target = { from: 1, to: 2, address: "127.0.0.1", serverName: certificateName("prover") };

async function serve(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

t.test("an echo server is a wrong answer, however much it looks like one", async (t) => {
  using fixture = await createFixture();
  const port = await serve(
    t,
    createServer((socket) => socket.pipe(socket)),
  );
  const outcome = await protocols.tcp.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "wrong-answer", phase: "answer", proof: undefined });
});

t.test("a service that closes without a word is a reset after connect", async (t) => {
  using fixture = await createFixture();
  const port = await serve(
    t,
    createServer((socket) => socket.end()),
  );
  const outcome = await protocols.tcp.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "reset", phase: "answer" });
});

t.test("a service that never answers is silent in the answer step", async (t) => {
  using fixture = await createFixture();
  const port = await serve(
    t,
    createServer(() => {}),
  );
  const outcome = await protocols.tcp.probe({ ...target, port }, await fixture.probing("prober", 300));
  t.match(outcome, { kind: "silent", phase: "answer" });
});

t.test("TLS that another authority vouches for is tls-failed with the verification code", async (t) => {
  using fixture = await createFixture();
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const stranger = await Authority.create(new Date());
  const cert = await stranger.certify(publicKey, certificateName("prover"), new Date());
  const port = await serve(t, createTlsServer({ cert, key: privateKey }));
  const outcome = await protocols.tls.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "tls-failed", phase: "tls", code: "CERT_SIGNATURE_FAILURE" });
});

t.test("a valid certificate of another node fails by name", async (t) => {
  using fixture = await createFixture();
  const port = await freePort();
  await using listeners = new Listeners(await fixture.listening(3, "somebody-else"));
  await listeners.reconcile([{ transport: "tcp", address: "127.0.0.1", ports: [[port, port]] }]);
  const outcome = await protocols.tls.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "tls-failed", code: "ERR_TLS_CERT_ALTNAME_INVALID" });
});

t.test("a plain service where TLS is expected fails in the tls step", async (t) => {
  using fixture = await createFixture();
  const port = await serve(
    t,
    createServer((socket) => socket.end("220 welcome\r\n")),
  );
  const outcome = await protocols.tls.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "tls-failed", phase: "tls" });
});

t.test("mutual TLS needs the far end to have seen the client certificate", async (t) => {
  using fixture = await createFixture();
  const port = await freePort();
  await using listeners = new Listeners(await fixture.listening(2, "prover"));
  await listeners.reconcile([{ transport: "tcp", address: "127.0.0.1", ports: [[port, port]] }]);
  const context = await fixture.probing("prober");
  const { anonymous } = context.credentials;
  const stripped = { ...context, credentials: { anonymous, identified: anonymous } };
  const outcome = await protocols.mtls.probe({ ...target, port }, stripped);
  t.match(outcome, { kind: "tls-failed", code: "CLIENT_CERTIFICATE_LOST" });
});

t.test("an HTTP server without WebSocket refuses the upgrade with its status", async (t) => {
  using fixture = await createFixture();
  const port = await serve(
    t,
    createServer((socket) => socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")),
  );
  const outcome = await protocols.ws.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "upgrade-refused", phase: "upgrade", code: "HTTP_403" });
});

t.test("something that is no HTTP at all refuses the upgrade too", async (t) => {
  using fixture = await createFixture();
  const port = await serve(
    t,
    createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")),
  );
  const outcome = await protocols.ws.probe({ ...target, port }, await fixture.probing("prober"));
  t.match(outcome, { kind: "upgrade-refused", phase: "upgrade" });
});
