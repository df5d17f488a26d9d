/** Requests and answers of a chosen size: what passes, and that no listener can be made to amplify. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { Listeners } from "../../../agent/listeners.ts";
import { exchange } from "../../../agent/protocols/sized.ts";
import { createRequest, messageBytes, readAnswer, type Padding } from "../../../shared/proof.ts";
import { createFixture, type Fixture } from "../../helpers/agent-fixtures.ts";

const port = 32_510;
const transports = ["tcp", "udp"] as const;
let network = 0;

async function listener(t: Test): Promise<{ fixture: Fixture; address: string }> {
  const address = `127.78.8.${++network}`;
  const fixture = await createFixture();
  const listeners = new Listeners(await fixture.listening(1, "one"));
  t.teardown(async () => {
    await listeners[Symbol.asyncDispose]();
    fixture[Symbol.dispose]();
  });
  const report = await listeners.reconcile(
    transports.map((transport) => ({ transport, address, ports: [[port, port]] })),
  );
  t.equal(report.bound, 2);
  return { fixture, address };
}

/** A request that says these paddings, followed by so many bytes in fact. */
function padded({ epoch }: Fixture, says: Padding, bytes = says.request): Buffer {
  const identity = { from: 0, to: 1, port, protocol: "udp" } as const;
  return Buffer.concat([createRequest(epoch, identity, says), Buffer.alloc(bytes)]);
}

/** Everything that comes back on one connection until the listener ends it, or has answered so much. */
async function overTcp(address: string, request: Buffer, enough = Infinity): Promise<Buffer> {
  const socket = connect(port, address);
  socket.on("error", () => {});
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    if (Buffer.concat(chunks).length >= enough) socket.destroy();
  });
  socket.write(request);
  await once(socket, "close");
  return Buffer.concat(chunks);
}

async function nextDatagram(socket: UdpSocket): Promise<Buffer> {
  const [datagram] = (await once(socket, "message")) as [Buffer];
  return datagram;
}

t.test("what is asked for comes back in full, up to the largest size", async (t) => {
  const { fixture, address } = await listener(t);
  const context = await fixture.probing("zero");
  const target = { from: 0, to: 1, address, port, serverName: "x" };
  const sizes = [
    [64, 64],
    [65, 64],
    [1_472, 1_472],
    [1_472, 64],
    [4_096, 4_096],
    [16_448, 16_448],
  ] as const;
  for (const transport of transports) {
    for (const [request, answer] of sizes) {
      const passes = await exchange(transport, target, { request, answer }, context, 5_000);
      t.ok(passes, `${transport}: ${request} bytes, ${answer} back`);
    }
    t.notOk(
      await exchange(transport, target, { request: 64, answer: 65 }, context, 300),
      `${transport}: no answer is longer than its request`,
    );
  }
  t.equal(context.open.size, 0);
});

const answers: [says: Padding, answerBytes: number][] = [
  [{ request: 0, answer: 0 }, 64],
  [{ request: 100, answer: 0 }, 64],
  [{ request: 100, answer: 40 }, 104],
  [{ request: 100, answer: 100 }, 164],
  [{ request: 100, answer: 101 }, 164],
  [{ request: 0, answer: 65_535 }, 64],
  [{ request: 1, answer: 65_535 }, 65],
];
const refused: [why: string, says: Padding, bytes: number][] = [
  ["a byte too few", { request: 100, answer: 0 }, 99],
  ["no padding at all", { request: 100, answer: 100 }, 0],
  ["a byte too many", { request: 100, answer: 0 }, 101],
  ["padding that was not announced", { request: 0, answer: 0 }, 1_000],
  ["more than there may be", { request: 20_000, answer: 20_000 }, 20_000],
];

t.test(
  "over UDP an answer is never longer than its request, and a request of another length gets none",
  async (t) => {
    const { fixture, address } = await listener(t);
    const socket = createSocket("udp4");
    t.teardown(() => socket.close());
    socket.connect(port, address);
    await once(socket, "connect");
    for (const [says, bytes] of answers) {
      const request = padded(fixture, says);
      socket.send(request);
      const answer = await nextDatagram(socket);
      t.equal(answer.length, bytes, JSON.stringify(says));
      t.ok(answer.length <= request.length);
      t.ok(readAnswer(fixture.epoch, request.subarray(0, messageBytes), answer.subarray(0, messageBytes)));
    }
    const forged = padded(fixture, { request: 0, answer: 0 });
    forged.writeUInt16BE(100, 23);
    const wrong = [
      ...refused.map(([why, says, bytes]) => ({ why, request: padded(fixture, says, bytes) })),
      { why: "a size that the MAC does not cover", request: Buffer.concat([forged, Buffer.alloc(100)]) },
    ];
    for (const { why, request } of wrong) {
      const valid = padded(fixture, { request: 0, answer: 0 });
      socket.send(request);
      socket.send(valid);
      const answer = await nextDatagram(socket);
      t.ok(readAnswer(fixture.epoch, valid, answer), `the next one is answered, not ${why}`);
    }
  },
);

t.test("so it is over TCP, where a request of another length ends the connection", async (t) => {
  const { fixture, address } = await listener(t);
  for (const [says, bytes] of answers) {
    const request = padded(fixture, says);
    const answer = await overTcp(address, request, bytes);
    t.equal(answer.length, bytes, JSON.stringify(says));
    t.ok(readAnswer(fixture.epoch, request.subarray(0, messageBytes), answer.subarray(0, messageBytes)));
  }
  for (const [why, says, bytes] of refused.filter((each) => each[2] >= each[1].request))
    t.equal((await overTcp(address, padded(fixture, says, bytes))).length, 0, why);
  const forged = padded(fixture, { request: 0, answer: 0 });
  forged.writeUInt16BE(100, 23);
  const request = Buffer.concat([forged, Buffer.alloc(100)]);
  t.equal((await overTcp(address, request)).length, 0, "a size that the MAC does not cover");
});

t.test("a request that comes in pieces is answered once it is whole", async (t) => {
  const { fixture, address } = await listener(t);
  const request = padded(fixture, { request: 1_000, answer: 500 });
  const socket = connect(port, address);
  t.teardown(() => socket.destroy());
  socket.setNoDelay(true);
  await once(socket, "connect");
  let answer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (answer = Buffer.concat([answer, chunk])));
  for (let at = 0; at < request.length; at += 63) {
    t.equal(answer.length, 0);
    await new Promise((resolve) => socket.write(request.subarray(at, at + 63), resolve));
  }
  while (answer.length < 564) await once(socket, "data");
  t.equal(answer.length, 564);
});
