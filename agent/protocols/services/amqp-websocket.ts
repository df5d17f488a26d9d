/**
 * AMQP over WebSocket (RFC 6455; OASIS "AMQP WebSocket Binding" 1.0): an upgrade with the subprotocol `amqp`, then
 * the protocol header of AMQP 1.0 in a binary frame, which the server answers with its own. Who does not grant
 * the upgrade without a login has answered, too, by its status.
 */
import { randomBytes } from "node:crypto";
import { foreign, open, type Exchange, type Reading, type Reply } from "./exchange.ts";
import { upgradeOf } from "./upgrade.ts";

const binary = 0x2;
const close = 0x8;
/** Ping and pong. */
const heartbeats = new Set([0x9, 0xa]);
/** AMQP 1.0, part 2.2: protocol id 0 is AMQP itself, 3 is SASL before it. */
const protocolHeader = Buffer.from("AMQP\x00\x01\x00\x00", "latin1");
const normalClosure = Buffer.from([0x03, 0xe8]);

export const amqpWebsocket: Exchange = {
  alpn: ["http/1.1"],
  stream: (place) => {
    const upgrade = upgradeOf(place, ["Sec-WebSocket-Protocol: amqp"]);
    let upgraded = false;
    const found = { status: 101 };

    function readUpgrade(answer: Buffer): Reading | Reply | undefined {
      const reading = upgrade.read(answer);
      if (reading !== "granted") return reading;
      // The server waits for us, so the headers have come alone.
      upgraded = true;
      return { say: frame(binary, protocolHeader) };
    }

    function readFrames(answer: Buffer): Reading | undefined {
      let received = parse(answer);
      // A loop, since a server may send as many of these as it likes.
      for (let at = 0; typeof received === "object" && heartbeats.has(received.opcode);) {
        at += received.length;
        received = parse(answer.subarray(at));
      }
      if (received === undefined) return undefined;
      if (received === "malformed") return foreign(answer);
      const { opcode, payload } = received;
      const farewell = frame(close, normalClosure);
      // It speaks WebSocket, and does not want to go on with somebody who has no login.
      if (opcode === close)
        return open(`WebSocket, closed by the server${reasonOf(payload)}`, { found, farewell });
      const isHeader =
        opcode === binary && payload.length >= 8 && payload.toString("latin1", 0, 4) === "AMQP";
      if (!isHeader) return foreign(payload);
      const sasl = payload[4] === 3 ? " with SASL" : "";
      return open(`AMQP ${payload[5]}.${payload[6]}.${payload[7]}${sasl}`, { found, farewell });
    }

    return {
      opening: upgrade.opening,
      read: (answer) => (upgraded ? readFrames(answer) : readUpgrade(answer)),
    };
  },
};

/** Of a client: masked (RFC 6455 section 5.3); short payloads only. */
function frame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked]);
}

interface Frame {
  opcode: number;
  payload: Buffer;
  /** Of all of it. */
  length: number;
}

/** The first frame of a server, which does not mask; none that matters here is longer than 125 bytes. */
function parse(bytes: Buffer): Frame | "malformed" | undefined {
  if (bytes.length < 2) return undefined;
  const payloadBytes = bytes[1]!;
  // Neither extensions nor parts were agreed on.
  if ((bytes[0]! & 0xf0) !== 0x80 || payloadBytes > 125) return "malformed";
  const length = 2 + payloadBytes;
  if (bytes.length < length) return undefined;
  return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(2, length), length };
}

function reasonOf(payload: Buffer): string {
  if (payload.length < 2) return "";
  return `: ${payload.readUInt16BE(0)} ${payload.toString("latin1", 2)}`;
}
