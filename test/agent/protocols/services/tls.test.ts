/** Exchanges inside TLS: certificates of anybody, alerts, client certificates, and services without TLS. */
import type { TlsOptions } from "node:tls";
import t from "tap";
import { probeService } from "../../../../agent/protocols/services/index.ts";
import { Authority } from "../../../../coordinator/authority.ts";
import { createKeyPair } from "../../../../shared/key-pair.ts";
import type { ExchangeName } from "../../../../shared/names.ts";
import type { Outcome } from "../../../../shared/outcome.ts";
import { createFixture } from "../../../helpers/agent-fixtures.ts";
import { serve, type Say } from "../../../helpers/services.ts";

const { publicKey, privateKey } = createKeyPair();
const authority = await Authority.create(new Date());
const identity: TlsOptions = {
  cert: await authority.certify(publicKey, "product.example", new Date()),
  key: privateKey,
  ca: authority.certificatePem,
};
const demanding: TlsOptions = { ...identity, requestCert: true, rejectUnauthorized: true };

async function speak(exchange: ExchangeName, port: number, tls = true): Promise<Outcome> {
  using fixture = await createFixture();
  const target = { from: 1, to: 2, address: "127.0.0.1", port, serverName: "two.node.portmesh" };
  const context = await fixture.probing("prober");
  const outcome = await probeService({ exchange, tls }, "tcp", target, context);
  if (context.open.size > 0) throw new Error("something is left open");
  return outcome;
}

const answerHttp: Say = (heard) =>
  heard.toString().endsWith("\r\n\r\n") ? "HTTP/1.1 204 No Content\r\n\r\n" : undefined;

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  const only = { minVersion: version, maxVersion: version };

  t.test(
    `${version}: a certificate of an unknown authority is no hindrance, and the end is orderly`,
    async (t) => {
      const service = await serve(t, answerHttp, { tls: { ...identity, ...only } });
      t.match(await speak("http", service.port), {
        kind: "open",
        phase: "answer",
        detail: new RegExp(`^${version}, .*product\\.example; HTTP/1\\.1 204 No Content$`),
      });
      t.strictSame(await service.ended(), ["end"]);
    },
  );

  t.test(`${version}: a service of which only TLS is known is open after its handshake`, async (t) => {
    const service = await serve(t, () => undefined, { tls: { ...identity, ...only } });
    t.match(await speak("plain", service.port), { kind: "open", detail: new RegExp(`^${version}, `) });
    t.strictSame(await service.ended(), ["end"]);
  });

  t.test(`${version}: a service that asks for a client certificate has answered`, async (t) => {
    for (const exchange of ["http", "plain"] as const) {
      const service = await serve(t, answerHttp, { tls: { ...demanding, ...only } });
      t.match(
        await speak(exchange, service.port),
        version === "TLSv1.3"
          ? { kind: "open", phase: "answer", detail: /asks for a client certificate/ }
          : { kind: "tls-failed", phase: "tls", detail: "TLS alert: handshake failure" },
      );
    }
  });
}

t.test("an alert is an answer, and is told in words", async (t) => {
  const alert = (level: number, code: number): Say => {
    let said = false;
    return (heard) => {
      if (heard.length === 0 || said) return undefined;
      said = true;
      return Buffer.from([0x15, 3, 3, 0, 2, level, code]);
    };
  };
  const certificateRequired = await serve(t, alert(2, 116));
  t.match(await speak("http", certificateRequired.port), {
    kind: "open",
    detail: "asks for a client certificate",
  });
  const badCertificate = await serve(t, alert(2, 42));
  t.match(await speak("http", badCertificate.port), { kind: "open", phase: "tls" });
  const handshakeFailure = await serve(t, alert(2, 40));
  t.match(await speak("http", handshakeFailure.port), {
    kind: "tls-failed",
    phase: "tls",
    code: /ALERT_HANDSHAKE_FAILURE/,
    detail: "TLS alert: handshake failure",
  });
  const unrecognisedName = await serve(t, alert(2, 112));
  t.match(await speak("http", unrecognisedName.port), {
    kind: "tls-failed",
    phase: "tls",
    detail: "TLS alert: unrecognized name",
  });
});

t.test("a service without TLS is of another protocol; one that hangs or resets names the step", async (t) => {
  const plain = await serve(t, (heard) =>
    heard.length === 0 ? undefined : "HTTP/1.1 400 Bad Request\r\n\r\n",
  );
  t.match(await speak("http", plain.port), {
    kind: "wrong-answer",
    phase: "tls",
    detail: /not TLS as it should be/,
  });
  const resetting = await serve(t, (heard, socket) => {
    if (heard.length > 0) socket.resetAndDestroy();
    return undefined;
  });
  t.match(await speak("http", resetting.port), { kind: "reset", phase: "tls" });
  const closing = await serve(t, (heard, socket) => {
    if (heard.length > 0) socket.end();
    return undefined;
  });
  t.match(await speak("http", closing.port), { kind: "reset", phase: "tls" });
});

t.test("PostgreSQL that agrees to TLS gets its handshake and an orderly end", async (t) => {
  const { createServer } = await import("node:net");
  const { TLSSocket } = await import("node:tls");
  let ending: string | undefined;
  const server = createServer((socket) => {
    socket.once("data", () => {
      socket.write("S");
      const secured = new TLSSocket(socket, { ...identity, isServer: true });
      secured.on("error", (error) => (ending ??= error.message));
      secured.once("end", () => (ending ??= "end"));
      secured.resume();
    });
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const outcome = await speak("postgres", (server.address() as { port: number }).port, false);
  t.match(outcome, { kind: "open", detail: /^TLSv1\.3, .*product\.example; PostgreSQL, with TLS$/ });
  t.equal(ending, "end");
});
