/**
 * The bytes by which a listener proves itself, the same inside TCP, UDP, TLS and WebSocket. Both messages
 * are 64 bytes, so a UDP answer is never longer than its request, and they differ in their first bytes, so
 * an answer is never answered. Integers are big-endian; the MAC is HMAC-SHA256 (RFC 2104) cut to 16 bytes.
 *
 *     request  0 "PMq1"  4 epoch  8 nonce(8)  16 from  18 to    20 port  22 protocol  23 padding(4)  27 zero(21)   48 mac(16)
 *     answer   0 "PMa1"  4 epoch  8 nonce(8)  16 node  18 port  20 seen port  22 flags  23 zero  24 seen(16)  40 zero(8)  48 mac(16)
 */
import { hash, randomFillSync, timingSafeEqual } from "node:crypto";
import { addressFromBytes, addressToBytes } from "./addresses.ts";
import { protocolNames, type ProtocolName } from "./names.ts";
import type { Proof } from "./outcome.ts";

export const messageBytes = 64;
const bodyBytes = 48;
const macBytes = 16;
/** Of SHA-256. */
const blockBytes = 64;
const digestBytes = 32;
const requestMagic = 0x504d7131;
const answerMagic = 0x504d6131;
const clientVerifiedFlag = 1;
/** The first byte of a request: tells it from a TLS record (0x16) and an HTTP request line. */
export const firstRequestByte = requestMagic >>> 24;

/**
 * The secret that the coordinator hands to joined agents, and which one it is. HMAC is written out as its
 * two one-shot hashes: a third of the time of `createHmac`, which was a tenth of a UDP probe.
 */
export class EpochKey {
  readonly id: number;
  /** The padded key, and room for what is hashed after it. Private fields, so that no log can show them. */
  readonly #inner = Buffer.alloc(blockBytes + bodyBytes);
  readonly #outer = Buffer.alloc(blockBytes + digestBytes);

  /** `key` is 32 bytes. */
  constructor(id: number, key: Buffer) {
    this.id = id;
    for (let at = 0; at < blockBytes; at++) {
      const byte = key[at] ?? 0;
      this.#inner[at] = byte ^ 0x36;
      this.#outer[at] = byte ^ 0x5c;
    }
  }

  /** Writes the MAC of a message's body to `target`; as text on the way, since a buffer costs more than a hash. */
  writeMac(message: Buffer, target: Buffer, at: number): void {
    message.copy(this.#inner, blockBytes, 0, bodyBytes);
    this.#outer.write(hash("sha256", this.#inner, "binary"), blockBytes, "latin1");
    target.write(hash("sha256", this.#outer, "binary"), at, macBytes, "latin1");
  }
}

/** `secret` is 32 bytes in base64url. */
export function epochKey(id: number, secret: string): EpochKey {
  return new EpochKey(id, Buffer.from(secret, "base64url"));
}

export interface ProbeIdentity {
  from: number;
  to: number;
  port: number;
  protocol: ProtocolName;
}

/** Nonces are drawn from a pool, because asking the system for eight bytes costs more than the rest of a request. */
const pool = Buffer.alloc(8 * 1024);
let poolOffset = pool.length;

/** How many bytes of no meaning follow a request and its answer, for probes of the size of packets. */
export interface Padding {
  request: number;
  answer: number;
}
const noPadding: Padding = { request: 0, answer: 0 };
const maxPadding = 16_384;

/** What a valid request says; an answer is never longer than its request. */
export function paddingOf(request: Uint8Array): Padding {
  const bytes = view(request);
  const padding = Math.min(maxPadding, bytes.readUInt16BE(23));
  return { request: padding, answer: Math.min(padding, bytes.readUInt16BE(25)) };
}

/** A fresh 64-byte request, without its padding. Its nonce is at bytes 8 to 15. */
export function createRequest(epoch: EpochKey, identity: ProbeIdentity, padding = noPadding): Buffer {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const request = Buffer.alloc(messageBytes);
  request.writeUInt32BE(requestMagic, 0);
  request.writeUInt32BE(epoch.id, 4);
  pool.copy(request, 8, poolOffset, poolOffset + 8);
  poolOffset += 8;
  request.writeUInt16BE(identity.from, 16);
  request.writeUInt16BE(identity.to, 18);
  request.writeUInt16BE(identity.port, 20);
  request[22] = protocolNames.indexOf(identity.protocol);
  request.writeUInt16BE(padding.request, 23);
  request.writeUInt16BE(padding.answer, 25);
  seal(epoch, request);
  return request;
}

/** What the listener knows of itself and of the request's arrival. */
export interface Arrival {
  node: number;
  port: number;
  seenAddress: string;
  seenPort: number;
  clientVerified: boolean;
}

/** The answer to a valid request of this epoch, or undefined: everything else deserves silence. */
export function answerRequest(epoch: EpochKey, request: Uint8Array, arrival: Arrival): Buffer | undefined {
  const bytes = view(request);
  if (!isAuthentic(epoch, bytes, requestMagic)) return undefined;
  const answer = Buffer.alloc(messageBytes);
  answer.writeUInt32BE(answerMagic, 0);
  bytes.copy(answer, 4, 4, 16);
  answer.writeUInt16BE(arrival.node, 16);
  answer.writeUInt16BE(arrival.port, 18);
  answer.writeUInt16BE(arrival.seenPort, 20);
  answer[22] = arrival.clientVerified ? clientVerifiedFlag : 0;
  seenBytes(arrival.seenAddress).copy(answer, 24);
  seal(epoch, answer);
  return answer;
}

/** The proof in an answer to this request, or undefined where it is none. */
export function readAnswer(epoch: EpochKey, request: Buffer, answer: Uint8Array): Proof | undefined {
  const bytes = view(answer);
  if (!isAuthentic(epoch, bytes, answerMagic) || bytes.compare(request, 8, 16, 8, 16) !== 0) return undefined;
  return {
    node: bytes.readUInt16BE(16),
    port: bytes.readUInt16BE(18),
    seenAddress: seenText(bytes),
    seenPort: bytes.readUInt16BE(20),
    clientVerified: bytes[22] === clientVerifiedFlag,
  };
}

/** Which probe an answer or request belongs to, as a number that keys a map (48 of the nonce's 64 bits). */
export function nonceKey(message: Uint8Array): number {
  return view(message).readUIntBE(8, 6);
}

/** Who asked, as the request says; only meaningful for a request that was answered. */
export function requestedBy(request: Uint8Array): ProbeIdentity {
  const bytes = view(request);
  return {
    from: bytes.readUInt16BE(16),
    to: bytes.readUInt16BE(18),
    port: bytes.readUInt16BE(20),
    protocol: protocolNames[bytes[22]!] ?? "tcp",
  };
}

/** Puts the MAC under a message of 64 bytes whose first 48 are written. */
export function seal(epoch: EpochKey, message: Buffer): void {
  epoch.writeMac(message, message, bodyBytes);
}

const expectedMac = Buffer.alloc(macBytes);

/** Whether a whole message of this kind, and of this epoch, was sealed by somebody who has the key. */
export function isAuthentic(epoch: EpochKey, bytes: Buffer, magic: number): boolean {
  if (bytes.length !== messageBytes || bytes.readUInt32BE(0) !== magic || bytes.readUInt32BE(4) !== epoch.id)
    return false;
  epoch.writeMac(bytes, expectedMac, 0);
  return timingSafeEqual(expectedMac, bytes.subarray(bodyBytes));
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The few addresses of a cluster come again with every probe: parse and format each once. */
const bytesByAddress = new Map<string, Buffer>();
const addressByBytes = new Map<string, string>();
const maxRemembered = 4_096;

function seenBytes(address: string): Buffer {
  return remember(bytesByAddress, address, () => addressToBytes(address));
}

function seenText(answer: Buffer): string {
  return remember(addressByBytes, answer.toString("latin1", 24, 40), () =>
    addressFromBytes(answer.subarray(24, 40)),
  );
}

function remember<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    if (map.size >= maxRemembered) map.clear();
    value = make();
    map.set(key, value);
  }
  return value;
}
