/** What probes say of far ends that are not our listeners. */
import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import t, { type Test } from "tap";
import { Listeners } from "../../../agent/listeners.ts";
import { protocols } from "../../../agent/protocols/index.ts";
import { singleDatagram } from "../../../agent/protocols/udp.ts";
import { createKeyPair } from "../../../shared/key-pair.ts";
import { certificateName } from "../../../shared/link.ts";
import { Authority } from "../../../coordinator/authority.ts";
import { answerRequest } from "../../../shared/proof.ts";
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

/** The certificate that another authority made for the probed node, as TLS inspection does on the fly. */
async function strangersCertificate(): Promise<{ cert: string; key: string }> {
  const { publicKey, privateKey } = createKeyPair();
  const stranger = await Authority.create(new Date());
  return {
    cert: await stranger.certify(publicKey, certificateName("prover"), new Date()),
    key: privateKey,
  };
}

for (const name of ["tls", "mtls", "wss"] as const) {
  t.test(
    `${name} that another authority vouches for is tls-failed, and says whose certificate it is`,
    async (t) => {
      using fixture = await createFixture();
      const identity = await strangersCertificate();
      const heard: Buffer[] = [];
      const server = createTlsServer(identity, (socket) => {
        socket.on("error", () => {});
        socket.on("data", (chunk: Buffer) => void heard.push(chunk));
      });
      const port = await serve(t, server);
      const outcome = await protocols[name].probe({ ...target, port }, await fixture.probing("prober"));
      t.match(outcome, { kind: "tls-failed", phase: "tls", code: "CERT_SIGNATURE_FAILURE" });
      const { subject, issuer } = new X509Certificate(identity.cert);
      t.match(outcome.detail, `certificate of ${subject.replaceAll("\n", ", ")}, issued by ${issuer}`);
      t.notMatch(outcome.detail, /undefined|\n/);
      t.notOk(
        Buffer.concat(heard).includes("PMq1"),
        "and the stranger gets no request that it could take elsewhere",
      );
    },
  );
}

t.test(
  "an answer over UDP without a proof is a wrong answer, and a proof that comes later counts",
  async (t) => {
    using fixture = await createFixture();
    const { epoch } = fixture;
    const respond = async (answersOf: (request: Buffer) => (Buffer | string)[]) => {
      const socket = createSocket("udp4");
      t.teardown(() => socket.close());
      socket.on("message", (request, from) => {
        for (const answer of answersOf(request)) socket.send(answer, from.port, from.address);
      });
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
      const { port } = socket.address();
      // Only a connected socket hears who answers without the probe's nonce.
      const context = { ...(await fixture.probing("prober", 600)), datagrams: singleDatagram };
      return protocols.udp.probe({ ...target, port }, context);
    };
    t.match(await respond(() => ["who are you?"]), {
      kind: "wrong-answer",
      phase: "answer",
      detail: "12 bytes without a proof",
      proof: undefined,
    });
    t.match(await respond((request) => [request]), {
      kind: "wrong-answer",
      detail: "64 bytes without a proof",
    });
    const arrival = { node: 2, port: 1, seenAddress: "127.0.0.1", seenPort: 1, clientVerified: false };
    t.match(await respond((request) => ["noise", answerRequest(epoch, request, arrival)!]), {
      kind: "open",
      proof: { node: 2 },
    });
  },
);

t.test(
  "a connection on which nothing is said is remembered, one on which something is said is not",
  async (t) => {
    using fixture = await createFixture();
    const port = await freePort();
    const context = await fixture.listening(2, "prover");
    await using listeners = new Listeners(context);
    await listeners.reconcile([
      { transport: "tcp", address: "127.0.0.1", ports: [[port, port]] },
      { transport: "udp", address: "127.0.0.1", ports: [[port, port]] },
    ]);
    const { requests } = context;
    const isMute = (): boolean => requests.hadMuteConnection(["127.0.0.1"], port, 0);
    for (const name of ["tcp", "tls", "ws"] as const) {
      const outcome = await protocols[name].probe({ ...target, port }, await fixture.probing("prober"));
      t.equal(outcome.kind, "open");
    }
    t.notOk(isMute());
    t.notOk(requests.sawRequest(target.from, port, 0), "over TCP, nothing was asked over UDP");
    await protocols.udp.probe({ ...target, port }, await fixture.probing("prober"));
    t.ok(requests.sawRequest(target.from, port, 0));
    t.strictSame([...requests.addressesOf(target.from)], ["127.0.0.1"]);
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    // The listener hears of the end a little later.
    for (let tries = 0; tries < 200 && !isMute(); tries++) await sleep(20);
    t.ok(isMute());
  },
);

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
