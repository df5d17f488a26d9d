/** Every exchange with a server that speaks its protocol's real bytes, over IPv4 and IPv6, and with those that do not. */
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import t, { type Test } from "tap";
import { probeService } from "../../../../agent/protocols/services/index.ts";
import { exchangeNames, type ExchangeName } from "../../../../shared/names.ts";
import type { Outcome } from "../../../../shared/outcome.ts";
import { createFixture, freePort } from "../../../helpers/agent-fixtures.ts";
import { serve, type Say } from "../../../helpers/services.ts";

const until = (ending: string | number, words: Buffer | string): Say => {
  let said = false;
  return (heard) => {
    const isComplete =
      typeof ending === "number" ? heard.length >= ending : heard.toString("latin1").includes(ending);
    if (!isComplete || said) return undefined;
    said = true;
    return words;
  };
};
const greet =
  (words: Buffer | string): Say =>
  (heard) =>
    heard.length === 0 ? words : undefined;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** What a server answers that grants the upgrade, as it was asked (RFC 6455 section 4.2.2). */
const granting = (heard: Buffer): string => {
  const key = /Sec-WebSocket-Key: (\S+)/.exec(heard.toString("latin1"))?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
};

/** Grants the upgrade, then answers the first frame of the client with this one. */
const upgradeThen =
  (answer: Buffer): (() => Say) =>
  () => {
    let step = 0;
    return (heard) => {
      const end = heard.indexOf("\r\n\r\n") + 4;
      if (step === 0 && end >= 4) {
        step = 1;
        return granting(heard);
      }
      if (step === 1 && heard.length >= end + 14) {
        step = 2;
        const mask = heard.subarray(end + 2, end + 6);
        const said = Buffer.from(heard.subarray(end + 6, end + 14).map((byte, at) => byte ^ mask[at % 4]!));
        return heard[end] === 0x82 && said.toString("latin1") === "AMQP\0\x01\0\0" ? answer : "what?";
      }
      return undefined;
    };
  };

/** Answers each line of the client with the next of these. */
const dialogue = (...replies: string[]): Say => {
  let at = 0;
  return (heard, socket) => {
    const lines = heard.toString("latin1").split("\r\n").length - 1;
    if (lines < at || at >= replies.length) return undefined;
    if (at === replies.length - 1 && at > 0) return void socket.end(replies[at++]!);
    return replies[at++];
  };
};

interface Case {
  say: () => Say;
  kind?: Outcome["kind"];
  detail?: string | RegExp;
  /** What the service must have heard in the end. */
  heard?: RegExp;
}

/** Bytes of real servers: nginx 1.22, PostgreSQL 15, MariaDB 10.11, OpenSSH 9.2, Postfix 3.7, Redis 7, and so on. */
const real: Record<Exclude<ExchangeName, "ntp">, Case[]> = {
  plain: [
    { say: () => () => undefined },
    { say: () => greet("hello there\r\n"), detail: "hello there" },
    { say: () => (_heard, socket) => void socket.end(), detail: "closed without a word" },
  ],
  http: [
    {
      say: () => until("\r\n\r\n", "HTTP/1.1 200 OK\r\nServer: nginx\r\nConnection: close\r\n\r\n"),
      detail: "HTTP/1.1 200 OK",
      heard: /^HEAD \/ HTTP\/1\.1\r\nHost: .*\r\n(.*\r\n)*Connection: close\r\n\r\n$/,
    },
    { say: () => until("\r\n\r\n", "HTTP/1.0 404\r\n\r\n"), detail: "HTTP/1.0 404" },
    {
      say: () => until("\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"),
      kind: "wrong-answer",
      detail: /^not the expected protocol: SSH-2/,
    },
    { say: () => until("\r\n\r\n", "HTTP/1.1 nonsense\r\n\r\n"), kind: "wrong-answer" },
  ],
  http2: [
    {
      say: () => until("SM\r\n\r\n", hex("00000c 04 00 00000000 0003 00000064 0004 00010000")),
      detail: "HTTP/2, 2 settings",
    },
    {
      say: () => until("SM\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"),
      kind: "wrong-answer",
      detail: /HTTP\/1\.1 400/,
    },
    { say: () => until("SM\r\n\r\n", "\0\0\0\x09 nonsense"), kind: "wrong-answer" },
  ],
  websocket: [
    {
      say: () => {
        let isGranted = false;
        return (heard) => {
          if (isGranted || !heard.includes("\r\n\r\n")) return undefined;
          isGranted = true;
          return granting(heard);
        };
      },
      detail: "HTTP/1.1 101 Switching Protocols",
      heard: /\x88\x82\0\0\0\0\x03\xe8$/,
    },
    {
      say: () => until("\r\n\r\n", granting(Buffer.from("Sec-WebSocket-Key: of another"))),
      kind: "wrong-answer",
      detail: /^101 to another request/,
    },
    {
      say: () => until("\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
      kind: "wrong-answer",
    },
    { say: () => until("\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n"), detail: "HTTP/1.1 403 Forbidden" },
    { say: () => until("\r\n\r\n", "+OK\r\n"), kind: "wrong-answer" },
  ],
  postgres: [
    { say: () => until(8, "N"), detail: "PostgreSQL, without TLS", heard: /^\0\0\0\x08\x04\xd2\x16\x2f$/ },
    {
      say: () =>
        until(8, Buffer.concat([hex("45 00000023"), Buffer.from("SFATAL\0C53300\0Mtoo many clients\0\0")])),
      detail: /^PostgreSQL: .*too many clients/,
    },
    { say: () => until(8, "HTTP/1.1 400"), kind: "wrong-answer" },
  ],
  mysql: [
    {
      say: () =>
        greet(Buffer.concat([hex("4a 00 00 00 0a"), Buffer.from("10.11.6-MariaDB\0"), Buffer.alloc(57)])),
      detail: "MySQL 10.11.6-MariaDB",
      heard: /^$/,
    },
    {
      say: () => greet(Buffer.concat([hex("13 00 00 00 ff 6904"), Buffer.from("Host is blocked!")])),
      detail: "MySQL: Host is blocked!",
    },
    { say: () => greet("220 welcome\r\n"), kind: "wrong-answer" },
  ],
  ssh: [
    {
      say: () => greet("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
      detail: "SSH-2.0-OpenSSH_9.2p1 Debian-2",
      heard: /^SSH-2\.0-Portmesh\r\n\0\0\0\x24\x0a\x01\0\0\0\x0b\0\0\0\x0cport checked\0+$/,
    },
    { say: () => greet("HTTP/1.1 400\r\n"), kind: "wrong-answer" },
  ],
  smtp: [
    {
      say: () => (heard, socket) =>
        heard.length === 0 ? "220 mail ESMTP\r\n" : void socket.end("221 bye\r\n"),
      detail: "220 mail ESMTP",
      heard: /^QUIT\r\n$/,
    },
    { say: () => greet("220-mail, wait\r\n"), detail: "220-mail, wait", heard: /^$/ },
    { say: () => greet("+OK POP3\r\n"), kind: "wrong-answer" },
    { say: () => greet("220zzz\r\n"), kind: "wrong-answer" },
  ],
  ftp: [{ say: () => greet("220 (vsFTPd 3.0.3)\r\n"), detail: "220 (vsFTPd 3.0.3)", heard: /^QUIT\r\n$/ }],
  redis: [
    { say: () => until("PING\r\n", "+PONG\r\n"), detail: "Redis: +PONG" },
    {
      say: () => until("PING\r\n", "-NOAUTH Authentication required.\r\n"),
      detail: "Redis: -NOAUTH Authentication required.",
    },
    { say: () => until("PING\r\n", "+OK\r\n"), kind: "wrong-answer" },
    { say: () => until("PING\r\n", "\0\0"), kind: "wrong-answer" },
  ],
  memcached: [
    {
      say: () => until("version\r\n", "VERSION 1.6.18\r\n"),
      detail: "memcached: VERSION 1.6.18",
      heard: /^version\r\nquit\r\n$/,
    },
    { say: () => until("version\r\n", "CLIENT_ERROR unauthenticated\r\n"), detail: /unauthenticated/ },
    { say: () => until("version\r\n", "ERROR\r\n"), kind: "wrong-answer" },
  ],
  ldap: [
    {
      say: () => until(44, hex("3009 020101 6404 0400 3000 300c 020101 6507 0a0100 0400 0400")),
      detail: "LDAP",
      heard: /B\0$/,
    },
    { say: () => until(44, hex("30840000000c 020101 6507 0a0100 0400 0400")), detail: "LDAP" },
    { say: () => until(44, hex("300c 020100 7807 0a0134 0400 0400")), detail: "LDAP, which disconnects" },
    { say: () => until(44, hex("300c 020107 6507 0a0100 0400 0400")), kind: "wrong-answer" },
    { say: () => until(44, "220 no\r\n"), kind: "wrong-answer" },
  ],
  cassandra: [
    { say: () => until(9, hex("84 00 0000 06 00000002 0000")), detail: "Cassandra, protocol 4" },
    {
      say: () =>
        until(
          9,
          Buffer.concat([
            hex("83 00 0000 00 00000021 0000000a 001b"),
            Buffer.from("Invalid or unsupported prot"),
          ]),
        ),
      detail: "Cassandra, protocol 3: Invalid or unsupported prot",
    },
    { say: () => until(9, "-ERR unknown command\r\n"), kind: "wrong-answer" },
    { say: () => until(9, hex("84 00 0000 77 00000000")), kind: "wrong-answer" },
  ],
  dns: [
    {
      say: () => (heard) =>
        heard.length < 19
          ? undefined
          : Buffer.concat([hex("0011"), heard.subarray(2, 4), hex("8105 0001 0000 0000 0000 00 0002 0001")]),
      detail: "DNS REFUSED",
    },
    { say: () => until(19, hex("000c ffff 8105 0000 0000 0000 0000")), kind: "wrong-answer" },
  ],
  "amqp-websocket": [
    {
      say: upgradeThen(hex("8208 414d5150 00010000")),
      detail: "AMQP 1.0.0",
      heard: /^GET \/ HTTP\/1\.1\r\n(.*\r\n)*Sec-WebSocket-Protocol: amqp\r\n/,
    },
    { say: upgradeThen(hex("8900 8208 414d5150 03010000")), detail: "AMQP 1.0.0 with SASL" },
    {
      say: upgradeThen(Buffer.concat([Buffer.alloc(16_000, hex("8900")), hex("8208 414d5150 00010000")])),
      detail: "AMQP 1.0.0",
    },
    { say: upgradeThen(Buffer.alloc(60_000, hex("8900"))), kind: "wrong-answer", detail: "too long" },
    { say: upgradeThen(hex("8804 03f0 6e6f")), detail: "WebSocket, closed by the server: 1008 no" },
    { say: () => until("\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n"), detail: "HTTP/1.1 403 Forbidden" },
    { say: upgradeThen(hex("8104 68657921")), kind: "wrong-answer" },
    { say: upgradeThen(hex("8108 414d5150 00010000")), kind: "wrong-answer" }, // as text
    { say: upgradeThen(hex("827e 0200")), kind: "wrong-answer" },
    { say: () => until("\r\n\r\n", "+OK\r\n"), kind: "wrong-answer" },
  ],
  lumberjack: [
    {
      say: () => until(6, hex("3241 00000000")),
      detail: "Lumberjack, which acknowledges",
      heard: /^2W\0\0\0\0$/,
    },
    { say: () => () => undefined },
    { say: () => until(6, "HTTP/1.1 400 Bad Request\r\n\r\n"), kind: "wrong-answer", detail: /HTTP/ },
    { say: () => until(6, "2X"), kind: "wrong-answer" },
  ],
  "smtp-starttls": [
    {
      say: () => dialogue("220 mail ESMTP\r\n", "250-mail\r\n250 SIZE\r\n", "221 bye\r\n"),
      detail: "220 mail ESMTP",
      heard: /^EHLO [A-Za-z0-9.-]+\r\nQUIT\r\n$/,
    },
    {
      say: () => dialogue("220-mail\r\n220 wait\r\n", "502 what?\r\n", "221 bye\r\n"),
      detail: "220-mail",
      heard: /QUIT\r\n$/,
    },
    {
      say: () => dialogue("220 mail\r\n", "250-mail\r\n250 STARTTLS\r\n", "454 no\r\n"),
      kind: "tls-failed",
      detail: "it offers STARTTLS and refuses it: 454 no",
    },
    {
      say: () => greet("554 go away\r\n"),
      kind: "wrong-answer",
      detail: "it does not take mail: 554 go away",
      heard: /^$/,
    },
    { say: () => greet("+OK POP3\r\n"), kind: "wrong-answer" },
    { say: () => greet("220zzz\r\n"), kind: "wrong-answer" },
  ],
};

/** Those whose service greets, or need not say anything. */
const isGreeted = new Set<ExchangeName>(["plain", "mysql", "ssh", "smtp", "ftp", "smtp-starttls"]);
/** Those whose service may be silent. */
const isQuiet = new Set<ExchangeName>(["plain", "lumberjack"]);
const streams = Object.keys(real) as (keyof typeof real)[];

async function speak(
  exchange: ExchangeName,
  port: number,
  parts: { tls?: boolean; timeoutMs?: number; address?: string; transport?: "tcp" | "udp" } = {},
): Promise<Outcome> {
  using fixture = await createFixture();
  const { tls = false, timeoutMs = 2_000, address = "127.0.0.1", transport = "tcp" } = parts;
  const context = await fixture.probing("prober", timeoutMs);
  const target = { from: 1, to: 2, address, port, serverName: "two.node.portmesh" };
  const outcome = await probeService({ exchange, tls }, transport, target, context);
  if (context.open.size > 0) throw new Error("something is left open");
  return outcome;
}

for (const exchange of streams) {
  for (const [index, { say, kind = "open", detail, heard }] of real[exchange].entries()) {
    const host = index % 2 === 0 ? "127.0.0.1" : "::1";
    t.test(`${exchange}: ${kind}, ${detail ?? "whatever was said"}`, async (t) => {
      const service = await serve(t, say(), { host });
      const outcome = await speak(exchange, service.port, { address: host });
      t.match(outcome, { kind, phase: "answer", exchange, ...(detail === undefined ? {} : { detail }) });
      t.equal(outcome.proof, undefined);
      t.strictSame(await service.ended(), ["end"], "the service sees an orderly end");
      if (heard !== undefined) t.match(service.heard[0]!.toString("latin1"), heard);
    });
  }

  t.test(`${exchange}: an answer in single bytes is read like one in a piece`, async (t) => {
    const [first] = real[exchange];
    const whole = first!.say();
    const service = await serve(t, (heard, socket) => {
      const words = whole(heard, socket);
      if (words === undefined) return undefined;
      const bytes = Buffer.from(words as string);
      let at = 0;
      const drip = (): void => {
        if (at < bytes.length && !socket.destroyed) socket.write(bytes.subarray(at, ++at), drip);
      };
      socket.setNoDelay(true);
      drip();
      return undefined;
    });
    t.match(await speak(exchange, service.port), { kind: "open" });
  });

  t.test(`${exchange}: resets, silence, refusals and half answers`, async (t) => {
    const reset = await serve(t, (heard, socket) => {
      if (isGreeted.has(exchange) || heard.length > 0) setImmediate(() => socket.resetAndDestroy());
      return undefined;
    });
    t.match(await speak(exchange, reset.port), { kind: "reset", phase: "answer", code: "ECONNRESET" });
    const closing = await serve(t, (heard, socket) => {
      if (isGreeted.has(exchange) || heard.length > 0) socket.end();
      return undefined;
    });
    const closed = await speak(exchange, closing.port);
    t.equal(closed.kind, exchange === "plain" ? "open" : "reset");
    const mute = await serve(t, () => undefined);
    const silent = await speak(exchange, mute.port, { timeoutMs: 200 });
    t.match(silent, { kind: isQuiet.has(exchange) ? "open" : "silent", phase: "answer" });
    t.strictSame(await mute.ended(), ["end"], "even who was silent sees an orderly end");
    t.match(await speak(exchange, await freePort()), { kind: "refused", phase: "connect", exchange });
    if (isQuiet.has(exchange) || exchange === "postgres") return;
    // Part of a right answer, and then nothing, or the end.
    const [first] = real[exchange];
    for (const isEnding of [false, true]) {
      const half = first!.say();
      const partial = await serve(t, (heard, socket) => {
        const words = half(heard, socket);
        if (words === undefined) return undefined;
        const part = Buffer.from(words as string).subarray(0, 4);
        if (isEnding) socket.end(part);
        else socket.write(part);
        return undefined;
      });
      const outcome = await speak(exchange, partial.port, { timeoutMs: 200 });
      t.match(outcome, {
        kind: isEnding ? "wrong-answer" : "silent",
        phase: "answer",
        detail: isEnding ? /closed after 4 bytes/ : /4 bytes/,
      });
    }
  });
}

t.test("the registry is what this file walks", async (t) => {
  t.strictSame([...streams, "ntp"].toSorted(), [...exchangeNames].toSorted());
});

t.test("text of a service is cut, on one line and in ASCII", async (t) => {
  const service = await serve(t, greet(`SSH-2.0-\x1b[31m\u202e${"x".repeat(400)}\r\n`));
  const { detail } = await speak("ssh", service.port);
  t.match(detail, /^SSH-2\.0- \[31m x+$/);
  t.equal(detail!.length, 200);
});

t.test("an endless answer is not listened to", async (t) => {
  const service = await serve(t, (heard, socket) => {
    if (heard.length > 0) socket.write(`HTTP/1.1 200 ${"x".repeat(64 * 1024)}`);
    return undefined;
  });
  t.match(await speak("http", service.port), { kind: "wrong-answer", detail: "too long" });
});

type Answer = (question: Buffer) => Buffer | undefined;

async function serveUdp(t: Test, answer: Answer): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (question, from) => {
    const words = answer(question);
    if (words !== undefined) socket.send(words, from.port, from.address);
  });
  t.teardown(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket.address().port;
}

const udpAnswers: Record<"dns" | "ntp", { answer: Answer; detail: string }> = {
  dns: {
    answer: (question) =>
      Buffer.concat([question.subarray(0, 2), hex("8180 0001 0000 0000 0000 00 0002 0001")]),
    detail: "DNS NOERROR",
  },
  ntp: {
    answer: (question) => {
      const answer = Buffer.alloc(48);
      answer[0] = 0x24;
      answer[1] = 3;
      question.copy(answer, 24, 40, 48);
      return answer;
    },
    detail: "NTP, stratum 3",
  },
};

for (const exchange of ["dns", "ntp"] as const) {
  const { answer, detail } = udpAnswers[exchange];
  t.test(`${exchange} over UDP`, async (t) => {
    const udp = { transport: "udp" as const, timeoutMs: 400 };
    const good = await serveUdp(t, answer);
    t.match(await speak(exchange, good, udp), {
      kind: "open",
      phase: "answer",
      detail,
      exchange,
      attempts: 1,
    });
    let asked = 0;
    const lossy = await serveUdp(t, (question) => (++asked < 3 ? undefined : answer(question)));
    // Time enough between two questions for an answer on a busy machine.
    const patient = { ...udp, timeoutMs: 4_000 };
    t.match(await speak(exchange, lossy, patient), { kind: "open", attempts: 3 });
    const mute = await serveUdp(t, () => undefined);
    t.match(await speak(exchange, mute, udp), { kind: "silent", phase: "answer", attempts: 4 });
    const garbage = await serveUdp(t, () => Buffer.from("what?"));
    t.match(await speak(exchange, garbage, udp), { kind: "wrong-answer", detail: /what\?/ });
    const forger = await serveUdp(t, (question) => answer(Buffer.alloc(question.length)));
    t.match(await speak(exchange, forger, udp), { kind: "wrong-answer" }, "an answer to another question");
    t.match(await speak(exchange, 1, udp), { kind: "refused", code: "ECONNREFUSED" });
  });
}
