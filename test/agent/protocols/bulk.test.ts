/** Streams between a dialling and a listening end, both real; and what a stranger gets of them. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import t, { type Test } from "tap";
import { Listeners } from "../../../agent/listeners.ts";
import { runStream, type StreamResult } from "../../../agent/protocols/bulk.ts";
import { discard, ReceivingWindow, withinHardLimits } from "../../../agent/protocols/bulk-flow.ts";
import { bulkLimits } from "../../../agent/protocols/bulk-listener.ts";
import {
  freshNonce,
  readGrant,
  readOrder,
  readResult,
  writeGrant,
  writeOrder,
  writeStart,
  type StreamOrder,
} from "../../../agent/protocols/bulk-messages.ts";
import { epochKey, messageBytes, type EpochKey } from "../../../shared/proof.ts";
import { createFixture, freePort } from "../../helpers/agent-fixtures.ts";
import { streamLimits } from "../../../shared/stream-limits.ts";

t.setTimeout(120_000);

const never = new AbortController().signal;
const directions = ["there", "back"] as const;
let network = 0;

interface Scene {
  address: string;
  port: number;
  epoch: EpochKey;
  listeners: Listeners;
  order: (parts?: Partial<StreamOrder>) => StreamOrder;
  run: (parts?: Partial<StreamOrder>) => Promise<StreamResult | string>;
}

/** Node 1 listens, node 0 dials. */
async function scene(t: Test): Promise<Scene> {
  const address = `127.78.20.${++network}`;
  const fixture = await createFixture();
  const { epoch } = fixture;
  const listeners = new Listeners(await fixture.listening(1, "one"));
  t.teardown(() => listeners[Symbol.asyncDispose]());
  const port = await freePort(address);
  await listeners.reconcile([{ transport: "tcp", address, ports: [[port, port]] }]);
  const order = (parts: Partial<StreamOrder> = {}): StreamOrder => {
    const limits = { warmUpMs: 20, durationMs: 100, maxBytes: 1e9 };
    return { from: 0, to: 1, port, direction: "there", ...limits, ...parts };
  };
  const run = (parts: Partial<StreamOrder> = {}) =>
    runStream(address, order(parts), { epoch, source: {} }, never);
  return { address, port, epoch, listeners, order, run };
}

/** Says these bytes, and resolves with what comes back until the end. */
async function say(place: { address: string; port: number }, ...messages: Buffer[]): Promise<Buffer> {
  const socket = connect({ host: place.address, port: place.port }).on("error", () => {});
  const heard: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => heard.push(chunk));
  const closed = once(socket, "close");
  for (const message of messages) socket.write(message);
  await closed;
  return Buffer.concat(heard);
}

t.test("bytes stream both ways, and the receiver's count is the figure", async (t) => {
  const { run } = await scene(t);
  for (const direction of directions) {
    const result = await run({ direction });
    if (typeof result === "string") throw new Error(result);
    t.ok(result.bytes > 100_000, `${result.bytes} bytes ${direction}`);
    t.ok(result.elapsedMs > 0, `${result.elapsedMs} ms`);
  }
});

t.test("no more bytes are sent than were agreed, and those behind the warm-up count", async (t) => {
  const { address, port, epoch, order } = await scene(t);
  const maxBytes = 3_000_001;
  const count = { there: 0, back: 0 };
  const sockets = new Set<Socket>();
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: address, port, allowHalfOpen: true });
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.on("data", (chunk: Buffer) => (count.there += chunk.length)).pipe(far);
    far.on("data", (chunk: Buffer) => (count.back += chunk.length)).pipe(near);
    near.once("close", () => far.destroy());
  }).listen(port, "127.78.21.1");
  t.teardown(() => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(relay, "listening");
  for (const direction of directions) {
    count.there = count.back = 0;
    // Long enough for all of it.
    const asked = order({ direction, maxBytes, warmUpMs: 20_000, durationMs: 10_000 });
    const result = await runStream("127.78.21.1", asked, { epoch, source: {} }, never);
    if (typeof result === "string") throw new Error(result);
    t.equal(count[direction], maxBytes + 2 * messageBytes, `on the wire ${direction}`);
    t.ok(result.bytes <= 0.75 * maxBytes && result.bytes > 0.5 * maxBytes, `${result.bytes} count`);
  }
});

t.test("an order of another key, node or port gets nothing but the end", async (t) => {
  const place = await scene(t);
  const stranger = epochKey(place.epoch.id, randomBytes(32).toString("base64url"));
  const other = place.order({ to: 2 });
  const bad = {
    "another key": writeOrder(stranger, freshNonce(), place.order()),
    "another node": writeOrder(place.epoch, freshNonce(), other),
    "another port": writeOrder(place.epoch, freshNonce(), place.order({ port: place.port + 1 })),
    "a bit changed": flipped(writeOrder(place.epoch, freshNonce(), place.order()), 38),
    "no direction": flipped(writeOrder(place.epoch, freshNonce(), place.order()), 22),
    "more than an order": Buffer.concat([
      writeOrder(place.epoch, freshNonce(), place.order()),
      Buffer.alloc(1),
    ]),
  };
  for (const [what, bytes] of Object.entries(bad)) t.equal((await say(place, bytes)).length, 0, what);
  t.match(
    await runStream(place.address, place.order(), { epoch: stranger, source: {} }, never),
    /takes no order/,
  );
});

function flipped(message: Buffer, at: number): Buffer {
  message[at]! ^= 0xff;
  return message;
}

t.test(
  "what was recorded of a stream and is said again gets a challenge, and not one byte more",
  async (t) => {
    const place = await scene(t);
    const { epoch } = place;
    for (const direction of directions) {
      const nonce = freshNonce();
      const order = writeOrder(epoch, nonce, place.order({ direction }));
      const first = connect({ host: place.address, port: place.port }).on("error", () => {});
      first.write(order);
      const [grant] = (await once(first, "data")) as [Buffer];
      const challenge = readGrant(epoch, grant, nonce, place.order()) as Buffer;
      const start = writeStart(epoch, { nonce, challenge });
      first.destroy();
      const again = connect({ host: place.address, port: place.port }).on("error", () => {});
      again.write(order);
      let heard = 0;
      again.on("data", (chunk: Buffer) => (heard += chunk.length));
      await once(again, "data");
      again.write(Buffer.concat([start, Buffer.alloc(1_000)]));
      await once(again, "close");
      t.equal(heard, messageBytes, `the grant alone, ${direction}`);
    }
  },
);

t.test("inside of TLS nothing streams", async (t) => {
  const { address, port, epoch, order } = await scene(t);
  const socket = connectTls({ host: address, port, rejectUnauthorized: false }).on("error", () => {});
  await once(socket, "secureConnect");
  let heard = 0;
  socket.on("data", (chunk: Buffer) => (heard += chunk.length));
  socket.write(writeOrder(epoch, freshNonce(), order()));
  await once(socket, "close");
  t.equal(heard, 0);
});

t.test("an agent has so many streams at once, and then there is room again", async (t) => {
  const place = await scene(t);
  const { run } = place;
  const open: Socket[] = [];
  for (let from = 10; from < 10 + bulkLimits.streams; from++) open.push(await begun(place, from));
  t.equal(await run(), `${place.address}:${place.port} has other streams at the moment`);
  for (const socket of open) socket.resetAndDestroy();
  let result = await run();
  while (typeof result === "string") result = await run();
  t.ok(result.bytes > 0);
});

t.test("a peer has one stream at a time: a new one ends the one before", async (t) => {
  const place = await scene(t);
  const first = await begun(place, 0);
  const closed = closedOf(first);
  first.resume();
  t.type(await place.run(), "object");
  await closed;
  t.ok(first.bytesRead < 3e9, "long before its bytes were used up");
});

function closedOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** A stream of this peer that runs, and of which nobody reads. */
async function begun(place: Scene, from: number): Promise<Socket> {
  const { address, port, epoch } = place;
  const nonce = freshNonce();
  const order = place.order({ from, direction: "back", durationMs: 20_000, maxBytes: 10e9 });
  const socket = connect({ host: address, port }).on("error", () => {});
  socket.write(writeOrder(epoch, nonce, order));
  const [grant] = (await once(socket, "data")) as [Buffer];
  const challenge = readGrant(epoch, grant, nonce, order) as Buffer;
  socket.write(writeStart(epoch, { nonce, challenge }));
  await once(socket, "data");
  socket.pause();
  return socket;
}

t.test("who sends more than was agreed is cut off", async (t) => {
  const place = await scene(t);
  const nonce = freshNonce();
  const order = place.order({ maxBytes: 10_000, warmUpMs: 10_000, durationMs: 10_000 });
  const socket = connect({ host: place.address, port: place.port }).on("error", () => {});
  socket.write(writeOrder(place.epoch, nonce, order));
  const [grant] = (await once(socket, "data")) as [Buffer];
  const challenge = readGrant(place.epoch, grant, nonce, order) as Buffer;
  const closed = closedOf(socket);
  let heard = 0;
  socket.on("data", (chunk: Buffer) => (heard += chunk.length));
  socket.write(Buffer.concat([writeStart(place.epoch, { nonce, challenge }), Buffer.alloc(10_001)]));
  await closed;
  t.equal(heard, 0, "and gets no result");
});

t.test("a port that is given up ends its streams", async (t) => {
  const place = await scene(t);
  const socket = await begun(place, 10);
  const closed = closedOf(socket);
  socket.resume();
  await place.listeners.giveUp([{ transport: "tcp", address: place.address, port: place.port }]);
  await closed;
  t.ok(socket.bytesRead < 10e9, "before their bytes are used up");
});

t.test(
  "whoever listens, a dialling end sends nothing to who cannot prove itself, and waits for nobody long",
  async (t) => {
    const fixture = await createFixture();
    const { epoch } = fixture;
    const order = {
      from: 0,
      to: 1,
      warmUpMs: 10,
      durationMs: 10,
      maxBytes: 1e6,
      direction: "there",
    } as const;
    const against = async (answer: (socket: Socket, request: Buffer) => void) => {
      let heard = 0;
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", (chunk: Buffer) => {
          heard += chunk.length;
          if (heard === messageBytes) answer(socket, chunk);
        });
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const result = await runStream("127.0.0.1", { ...order, port }, { epoch, source: {} }, never);
      server.close();
      return { heard, result: typeof result === "string" ? result.replace(`:${port}`, "") : result };
    };
    const challenge = freshNonce();
    const grant = (request: Buffer, parts: { node?: number; port?: number } = {}): Buffer => {
      const { nonce, to, port } = readOrder(epoch, request)!;
      return writeGrant(epoch, nonce, { node: to, port, challenge, ...parts });
    };
    t.strictSame(await against((socket, request) => socket.write(flipped(grant(request), 30))), {
      heard: messageBytes,
      result: "127.0.0.1 answered without proof",
    });
    t.match(await against((socket, request) => socket.write(grant(request, { node: 2 }))), {
      result: "127.0.0.1 answered without proof",
    });
    t.match(await against((socket) => socket.destroy()), {
      result: "127.0.0.1 takes no order for a stream: it was closed",
    });
    t.match(await against(() => {}), { result: "127.0.0.1 did not begin a stream within 5000 ms" });
    const port = await freePort();
    const refused = await runStream("127.0.0.1", { ...order, port }, { epoch, source: {} }, never);
    t.equal(refused, `cannot connect to 127.0.0.1:${port}: ECONNREFUSED`);
  },
);

t.test("a listener that is killed in the middle gives no figure, in either direction", async (t) => {
  const { epoch } = await createFixture();
  for (const direction of directions) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (request: Buffer) => {
        const { nonce, to, port } = readOrder(epoch, request)!;
        socket.write(writeGrant(epoch, nonce, { node: to, port, challenge: freshNonce() }));
        socket.once("data", () => {
          // As the kernel does it for a process that is no more.
          if (direction === "back") socket.end(Buffer.alloc(100_000));
          else socket.resetAndDestroy();
        });
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const order = { from: 0, to: 1, port, direction, warmUpMs: 0, durationMs: 5_000, maxBytes: 1e9 };
    const result = await runStream("127.0.0.1", order, { epoch, source: {} }, never);
    t.match(result, /^the stream with 127\.0\.0\.1:\d+ broke off after \d+ ms: /, direction);
    server.close();
  }
});

t.test("a stream ends with the signal", async (t) => {
  const { address, order, epoch } = await scene(t);
  const controller = new AbortController();
  const running = runStream(address, order({ durationMs: 20_000 }), { epoch, source: {} }, controller.signal);
  controller.abort();
  t.match(await running, /was given up/);
  t.match(await runStream(address, order(), { epoch, source: {} }, controller.signal), /was given up/);
});

t.test("whatever is asked for, a stream has an end", (t) => {
  t.strictSame(withinHardLimits({ warmUpMs: 1e9, durationMs: 1e9, maxBytes: 1e15 }), {
    warmUpMs: streamLimits.streamMs,
    durationMs: 0,
    maxBytes: 10e9,
  });
  const usual = { warmUpMs: 250, durationMs: 1_000, maxBytes: 1e9 };
  t.strictSame(withinHardLimits(usual), usual);
  t.equal(withinHardLimits({ ...usual, durationMs: 60_000 }).durationMs, 29_750);
  t.end();
});

t.test("the window opens after the warm-up, or a quarter of the bytes, and closes by time or bytes", (t) => {
  const limits = { warmUpMs: 100, durationMs: 1_000, maxBytes: 1_000_000 };
  const byTime = new ReceivingWindow(limits, 5_000);
  t.notOk(byTime.take(1_000, 5_099));
  t.notOk(byTime.take(1_000, 5_110), "the read in which the warm-up ended came before it");
  t.strictSame(byTime.figure(5_110), { bytes: 0, elapsedMs: 0 });
  t.notOk(byTime.take(3_000, 6_000));
  t.ok(byTime.take(4_000, 6_110));
  t.strictSame(byTime.figure(6_110), { bytes: 7_000, elapsedMs: 1_000 });

  const byBytes = new ReceivingWindow(limits, 0);
  t.notOk(byBytes.take(250_000, 10));
  t.notOk(byBytes.take(700_000, 30));
  t.ok(byBytes.take(50_000, 40));
  t.strictSame(byBytes.figure(40), { bytes: 750_000, elapsedMs: 30 });

  const nothing = new ReceivingWindow(limits, 0);
  t.strictSame(nothing.figure(1_100), { bytes: 0, elapsedMs: 1_000 });
  t.end();
});

t.test("what was read is given back at once, unless it shares its memory", (t) => {
  const own = Buffer.from(new ArrayBuffer(64));
  t.equal(discard(own), 64);
  t.equal(own.length, 0);
  const shared = Buffer.from(new ArrayBuffer(64), 8, 16);
  t.equal(discard(shared), 16);
  t.equal(shared.length, 16);
  t.end();
});

t.test("a result of another stream is none", (t) => {
  const epoch = epochKey(1, randomBytes(32).toString("base64url"));
  const tie = { nonce: freshNonce(), challenge: freshNonce() };
  t.equal(readResult(epoch, writeStart(epoch, tie), tie), undefined);
  t.end();
});
