import t from "tap";
import { createHmac } from "node:crypto";
import { protocolNames } from "../../shared/names.ts";
import {
  answerRequest,
  createRequest,
  epochKey,
  firstRequestByte,
  messageBytes,
  nonceKey,
  readAnswer,
  requestedBy,
  type Arrival,
  type ProbeIdentity,
} from "../../shared/proof.ts";

const secret = Buffer.alloc(32, 7).toString("base64url");
const otherSecret = Buffer.alloc(32, 8).toString("base64url");
const epoch = epochKey(7, secret);
const identity: ProbeIdentity = { from: 1, to: 2, port: 9042, protocol: "tls" };
const arrival: Arrival = {
  node: 2,
  port: 9042,
  seenAddress: "10.0.0.1",
  seenPort: 40_000,
  clientVerified: false,
};

/** A request with its answer. */
function conversation(parts: Partial<Arrival> = {}): { request: Buffer; answer: Buffer } {
  const request = createRequest(epoch, identity);
  const answer = answerRequest(epoch, request, { ...arrival, ...parts });
  if (answer === undefined) throw new Error("a valid request got no answer");
  return { request, answer };
}

function flipped(message: Buffer, at: number, bit = 1): Buffer {
  const copy = Buffer.from(message);
  copy[at] = copy[at]! ^ bit;
  return copy;
}

/** As `message` with other bytes and a MAC that is right for them. */
function signed(message: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(message);
  change(copy);
  createHmac("sha256", Buffer.from(secret, "base64url"))
    .update(copy.subarray(0, 48))
    .digest()
    .copy(copy, 48, 0, 16);
  return copy;
}

t.test("the answer says who answered, on which port, and what it saw", async (t) => {
  const { request, answer } = conversation();
  t.strictSame(readAnswer(epoch, request, answer), arrival);
});

t.test("addresses of both families and the largest numbers survive the way", async (t) => {
  const cases: [seen: string, read: string][] = [
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["fd00::1", "fd00::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:192.168.1.2", "192.168.1.2"],
    ["::1", "::1"],
  ];
  for (const [seenAddress, read] of cases) {
    const { request, answer } = conversation({ node: 65_535, port: 65_535, seenPort: 65_535, seenAddress });
    const proof = readAnswer(epoch, request, answer);
    t.strictSame(proof, {
      node: 65_535,
      port: 65_535,
      seenAddress: read,
      seenPort: 65_535,
      clientVerified: false,
    });
  }
});

t.test("a verified client certificate shows in the proof", async (t) => {
  const { request, answer } = conversation({ clientVerified: true });
  t.equal(readAnswer(epoch, request, answer)?.clientVerified, true);
});

t.test("the MAC is HMAC-SHA256 (RFC 2104) over the body, cut to sixteen bytes", async (t) => {
  for (const key of [Buffer.alloc(32, 7), Buffer.alloc(32, 0xff), Buffer.from("k".repeat(32))]) {
    const keyed = epochKey(7, key.toString("base64url"));
    const request = createRequest(keyed, identity);
    const answer = answerRequest(keyed, request, arrival)!;
    for (const message of [request, answer]) {
      const expected = createHmac("sha256", key).update(message.subarray(0, 48)).digest("hex").slice(0, 32);
      t.equal(message.toString("hex", 48), expected);
    }
  }
});

t.test("no byte of a request can be changed without losing the answer", async (t) => {
  const { request } = conversation();
  for (let at = 0; at < messageBytes; at++) {
    for (const bit of [0x01, 0x80]) {
      t.equal(answerRequest(epoch, flipped(request, at, bit), arrival), undefined, `byte ${at}, bit ${bit}`);
    }
  }
});

t.test("no byte of an answer can be changed without losing the proof", async (t) => {
  const { request, answer } = conversation();
  for (let at = 0; at < messageBytes; at++) {
    for (const bit of [0x01, 0x80]) {
      t.equal(readAnswer(epoch, request, flipped(answer, at, bit)), undefined, `byte ${at}, bit ${bit}`);
    }
  }
});

t.test("a key of another run, or another epoch of this one, proves nothing", async (t) => {
  const { request, answer } = conversation();
  for (const other of [epochKey(7, otherSecret), epochKey(8, secret)]) {
    t.equal(answerRequest(other, request, arrival), undefined);
    t.equal(readAnswer(other, request, answer), undefined);
  }
});

t.test("an answer is as long as its request, so that nobody is flooded through a listener", async (t) => {
  for (const seenAddress of ["10.0.0.1", "2001:db8:1:2:3:4:5:6"]) {
    const { request, answer } = conversation({ seenAddress });
    t.equal(request.length, messageBytes);
    t.equal(answer.length, messageBytes);
  }
});

t.test("an answer is never answered, so that two listeners cannot talk forever", async (t) => {
  const { answer } = conversation();
  t.equal(answerRequest(epoch, answer, arrival), undefined);
  t.equal(
    answerRequest(
      epoch,
      signed(answer, () => {}),
      arrival,
    ),
    undefined,
  );
});

t.test("a request that is sent back is no proof", async (t) => {
  const { request } = conversation();
  t.equal(readAnswer(epoch, request, request), undefined);
});

t.test("a message that is cut off or has something after it is none", async (t) => {
  const { request, answer } = conversation();
  for (const length of [0, 1, 48, 63]) {
    t.equal(answerRequest(epoch, request.subarray(0, length), arrival), undefined, `request of ${length}`);
    t.equal(readAnswer(epoch, request, answer.subarray(0, length)), undefined, `answer of ${length}`);
  }
  t.equal(answerRequest(epoch, Buffer.concat([request, Buffer.alloc(1)]), arrival), undefined);
  t.equal(readAnswer(epoch, request, Buffer.concat([answer, Buffer.alloc(1)])), undefined);
});

t.test("the answer to one request is no proof for another", async (t) => {
  const one = conversation();
  const other = conversation();
  t.equal(readAnswer(epoch, other.request, one.answer), undefined);
});

t.test("the last byte of the nonce counts as much as the first", async (t) => {
  const { request, answer } = conversation();
  const other = signed(request, (copy) => (copy[15] = copy[15]! ^ 1));
  t.not(answerRequest(epoch, other, arrival), undefined, "it is itself a valid request");
  t.equal(readAnswer(epoch, other, answer), undefined);
});

t.test("a request says who asks for what, over every protocol", async (t) => {
  for (const protocol of protocolNames) {
    const asked = { from: 65_535, to: 0, port: 65_535, protocol };
    t.strictSame(requestedBy(createRequest(epoch, asked)), asked);
  }
});

t.test("requests differ in their nonce, also when the pool of randomness starts again", async (t) => {
  const nonces = new Set(
    Array.from({ length: 3_000 }, () => createRequest(epoch, identity).toString("hex", 8, 16)),
  );
  t.equal(nonces.size, 3_000);
});

t.test("request and answer have the same key in a map of open probes", async (t) => {
  const { request, answer } = conversation();
  t.equal(nonceKey(answer), nonceKey(request));
  t.not(nonceKey(conversation().request), nonceKey(request));
});

t.test("a message may lie inside a larger buffer", async (t) => {
  const { request } = conversation();
  const frame = new Uint8Array(messageBytes + 20);
  frame.set(request, 10);
  const inside = new Uint8Array(frame.buffer, 10, messageBytes);
  const answer = answerRequest(epoch, inside, arrival);
  t.strictSame(readAnswer(epoch, request, new Uint8Array(answer!)), arrival);
  t.strictSame(requestedBy(inside), identity);
});

t.test("a request cannot be taken for a TLS record or an HTTP request line", async (t) => {
  t.equal(createRequest(epoch, identity)[0], firstRequestByte);
  t.notOk([0x16, ..."GHOCDT".split("").map((letter) => letter.charCodeAt(0))].includes(firstRequestByte));
});
