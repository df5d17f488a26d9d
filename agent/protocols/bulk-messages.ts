/**
 * The four messages around a stream that measures bandwidth, each sealed as a probe is (shared/proof.ts). The
 * listener's challenge in the second and third makes a recorded order worthless: who repeats it gets a new
 * challenge, and no byte. 64 bytes, integers big-endian.
 *
 *     order   0 "BMo1"  4 epoch  8 nonce(8)  16 from  18 to  20 port  22 direction  23 zero  24 warm-up ms(4)  28 duration ms(4)  32 bytes(8)  40 zero(8)  48 mac(16)
 *     grant   0 "BMg1"  4 epoch  8 nonce(8)  16 node  18 port  20 granted  21 zero(3)  24 challenge(8)  32 zero(16)  48 mac(16)
 *     start   0 "BMs1"  4 epoch  8 nonce(8)  16 challenge(8)  24 zero(24)  48 mac(16)
 *     result  0 "BMr1"  4 epoch  8 nonce(8)  16 challenge(8)  24 bytes(8)  32 elapsed µs(8)  40 shortage  41 zero(7)  48 mac(16)
 */
import { randomFillSync } from "node:crypto";
import { isAuthentic, messageBytes, seal, type EpochKey } from "../../shared/proof.ts";
import { shortageNames, type Shortage } from "../shortage.ts";
import type { StreamFigure, StreamLimits } from "./bulk-flow.ts";

const orderMagic = 0x424d6f31;
const grantMagic = 0x424d6731;
const startMagic = 0x424d7331;
const resultMagic = 0x424d7231;
/** Tells an order from a probe's request, a TLS record and an HTTP request line. */
export const firstOrderByte = orderMagic >>> 24;

const directions = ["there", "back"] as const;
/** `there`: from the one that dials to the listener. */
export type StreamDirection = (typeof directions)[number];

/** What is to be streamed between two nodes, by their positions in the plan. */
export interface StreamOrder extends StreamLimits {
  from: number;
  to: number;
  port: number;
  direction: StreamDirection;
}

/** Which stream of all a message belongs to. */
export interface StreamTie {
  nonce: Buffer;
  challenge: Buffer;
}

function message(epoch: EpochKey, magic: number, nonce: Buffer): Buffer {
  const bytes = Buffer.alloc(messageBytes);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(epoch.id, 4);
  nonce.copy(bytes, 8);
  return bytes;
}

export function freshNonce(): Buffer {
  return randomFillSync(Buffer.alloc(8));
}

export function writeOrder(epoch: EpochKey, nonce: Buffer, order: StreamOrder): Buffer {
  const bytes = message(epoch, orderMagic, nonce);
  bytes.writeUInt16BE(order.from, 16);
  bytes.writeUInt16BE(order.to, 18);
  bytes.writeUInt16BE(order.port, 20);
  bytes[22] = directions.indexOf(order.direction);
  bytes.writeUInt32BE(Math.ceil(order.warmUpMs), 24);
  bytes.writeUInt32BE(Math.ceil(order.durationMs), 28);
  bytes.writeBigUInt64BE(BigInt(order.maxBytes), 32);
  seal(epoch, bytes);
  return bytes;
}

/** Undefined where it is no valid order of this epoch. */
export function readOrder(epoch: EpochKey, bytes: Buffer): (StreamOrder & { nonce: Buffer }) | undefined {
  const direction = directions[bytes[22] ?? directions.length];
  if (direction === undefined || !isAuthentic(epoch, bytes, orderMagic)) return undefined;
  return {
    nonce: nonceOf(bytes),
    from: bytes.readUInt16BE(16),
    to: bytes.readUInt16BE(18),
    port: bytes.readUInt16BE(20),
    direction,
    warmUpMs: bytes.readUInt32BE(24),
    durationMs: bytes.readUInt32BE(28),
    maxBytes: Number(bytes.readBigUInt64BE(32)),
  };
}

/** Without a challenge the order is refused: too many streams at once. */
export function writeGrant(
  epoch: EpochKey,
  nonce: Buffer,
  { node, port, challenge }: { node: number; port: number; challenge: Buffer | undefined },
): Buffer {
  const bytes = message(epoch, grantMagic, nonce);
  bytes.writeUInt16BE(node, 16);
  bytes.writeUInt16BE(port, 18);
  bytes[20] = challenge === undefined ? 0 : 1;
  challenge?.copy(bytes, 24);
  seal(epoch, bytes);
  return bytes;
}

/** Undefined where it is not this listener's word on this order; `busy` where it refuses. */
export function readGrant(
  epoch: EpochKey,
  bytes: Buffer,
  nonce: Buffer,
  { to, port }: Pick<StreamOrder, "to" | "port">,
): Buffer | "busy" | undefined {
  if (!isAuthentic(epoch, bytes, grantMagic) || !nonceOf(bytes).equals(nonce)) return undefined;
  if (bytes.readUInt16BE(16) !== to || bytes.readUInt16BE(18) !== port) return undefined;
  return bytes[20] === 1 ? Buffer.from(bytes.subarray(24, 32)) : "busy";
}

export function writeStart(epoch: EpochKey, { nonce, challenge }: StreamTie): Buffer {
  const bytes = message(epoch, startMagic, nonce);
  challenge.copy(bytes, 16);
  seal(epoch, bytes);
  return bytes;
}

export function isStart(epoch: EpochKey, bytes: Buffer, tie: StreamTie): boolean {
  return isAuthentic(epoch, bytes, startMagic) && belongs(bytes, tie);
}

export function writeResult(
  epoch: EpochKey,
  tie: StreamTie,
  figure: StreamFigure,
  shortage: Shortage | undefined,
): Buffer {
  const bytes = message(epoch, resultMagic, tie.nonce);
  tie.challenge.copy(bytes, 16);
  bytes.writeBigUInt64BE(BigInt(figure.bytes), 24);
  bytes.writeBigUInt64BE(BigInt(Math.round(figure.elapsedMs * 1_000)), 32);
  bytes[40] = shortage === undefined ? 0 : shortageNames.indexOf(shortage) + 1;
  seal(epoch, bytes);
  return bytes;
}

/** Undefined where it is no result of this stream. */
export function readResult(
  epoch: EpochKey,
  bytes: Buffer,
  tie: StreamTie,
): (StreamFigure & { shortage: Shortage | undefined }) | undefined {
  if (!isAuthentic(epoch, bytes, resultMagic) || !belongs(bytes, tie)) return undefined;
  return {
    bytes: Number(bytes.readBigUInt64BE(24)),
    elapsedMs: Number(bytes.readBigUInt64BE(32)) / 1_000,
    shortage: shortageNames[bytes[40]! - 1],
  };
}

function nonceOf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(8, 16));
}

function belongs(bytes: Buffer, { nonce, challenge }: StreamTie): boolean {
  return bytes.compare(nonce, 0, 8, 8, 16) === 0 && bytes.compare(challenge, 0, 8, 16, 24) === 0;
}
