/** The server's first words of TLS 1.2, in pieces of every size, and made of nonsense. */
import t from "tap";
import { ServerFlight } from "../../../agent/endpoints/server-flight.ts";

const message = (type: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([header, body]);
};
const record = (content: Buffer, type = 22): Buffer => {
  const header = Buffer.from([type, 3, 3, 0, 0]);
  header.writeUInt16BE(content.length, 3);
  return Buffer.concat([header, content]);
};
const sized = (body: Buffer): Buffer => {
  const length = Buffer.alloc(3);
  length.writeUIntBE(body.length, 0, 3);
  return Buffer.concat([length, body]);
};
const leaf = Buffer.from("the server's certificate");
const issuer = Buffer.alloc(20_000, "i");
const hello = message(2, Buffer.alloc(70));
const certificate = message(11, sized(Buffer.concat([sized(leaf), sized(issuer)])));
const request = message(13, Buffer.from([1, 1, 0, 2, 4, 3, 0, 0]));
const done = message(14, Buffer.alloc(0));

/** As records of this size, whatever the borders of the messages. */
function records(content: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += size) parts.push(record(content.subarray(at, at + size)));
  return Buffer.concat(parts);
}

function read(bytes: Buffer, chunk = bytes.length): ServerFlight {
  const flight = new ServerFlight();
  for (let at = 0; at < bytes.length; at += Math.max(1, chunk)) flight.push(bytes.subarray(at, at + chunk));
  return flight;
}

t.test("a request for a certificate is seen, whatever way the messages were cut", async (t) => {
  const asking = Buffer.concat([hello, certificate, request, done]);
  const plain = Buffer.concat([hello, certificate, done]);
  for (const size of [1, 7, 100, 16_384]) {
    for (const chunk of [1, 13, 100_000]) {
      if (size === 1 && chunk === 1) continue; // each byte in a record of its own, and they in pieces, is slow
      const asked = read(records(asking, size), chunk);
      t.equal(asked.requestsCertificate, true);
      t.strictSame(asked.certificates, [leaf, issuer]);
      t.equal(read(records(plain, size), chunk).requestsCertificate, false);
    }
  }
});

t.test("nothing is said of what nobody saw", async (t) => {
  t.equal(read(Buffer.alloc(0)).requestsCertificate, undefined);
  t.equal(read(record(Buffer.concat([hello, certificate]))).requestsCertificate, undefined, "cut short");
  const encrypted = [record(hello), record(Buffer.from([1]), 20), record(Buffer.concat([request, done]))];
  t.equal(read(Buffer.concat(encrypted)).requestsCertificate, undefined, "behind a change of ciphers");
  const refused = [record(Buffer.from([2, 70]), 21), record(Buffer.concat([hello, request]))];
  t.equal(read(Buffer.concat(refused)).requestsCertificate, undefined, "behind an alert");
  const inside = record(Buffer.concat([hello, request, done]), 23);
  t.equal(read(inside).requestsCertificate, undefined, "in data of an application");
  t.equal(read(record(Buffer.concat([request, done]))).requestsCertificate, undefined, "without a hello");
  t.equal(read(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")).requestsCertificate, undefined);
});

t.test("an endless flight is not read to the end", async (t) => {
  const flight = new ServerFlight();
  flight.push(record(hello));
  const nothing = record(Buffer.alloc(16_000)); // 4000 messages of type 0 without a body
  const patient = read(
    Buffer.concat([record(hello), ...Array<Buffer>(20).fill(nothing), record(request)]),
    9_000,
  );
  t.equal(patient.requestsCertificate, undefined);
  const filler = record(Buffer.concat([Buffer.from([11, 0xff, 0xff, 0xff]), Buffer.alloc(16_000)]));
  for (let count = 0; count < 100; count++) flight.push(filler);
  flight.push(record(Buffer.concat([request, done])));
  t.equal(flight.requestsCertificate, undefined);
});

t.test("nonsense neither throws nor invents anything that was not there", async (t) => {
  const whole = records(Buffer.concat([hello, certificate, request, done]), 512);
  // A small generator, so that a failure comes again: Numerical Recipes' LCG.
  let state = 4_242;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(whole.subarray(0, random(whole.length)));
    for (let change = 0; change < 1 + random(8) && bytes.length > 0; change++)
      bytes[random(Math.min(bytes.length, 200))] = random(256);
    const flight = read(bytes, 1 + random(700));
    if (flight.certificates.length > 10) t.fail(`${flight.certificates.length} certificates`);
    if (flight.requestsCertificate === false) t.fail("no flight here ends without a request");
  }
  t.pass("2000 of them");
});
