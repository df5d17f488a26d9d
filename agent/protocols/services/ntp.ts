/**
 * NTP (RFC 5905): a client's request. The answer repeats our transmit time stamp, here a random number, since
 * what our clock says is nobody's business; our own times of sending and receiving complete the four of section 8.
 */
import { randomBytes } from "node:crypto";
import { open, printable, type Exchange, type Moment } from "./exchange.ts";

const messageBytes = 48;
/** Version 4, mode 3: client. */
const clientMode = 0x23;
const serverMode = 4;
const originAt = 24;
const receiveAt = 32;
const transmitAt = 40;
/** The clock of the server was never set (leap indicator), or has lost its source (section 7.3). */
const alarm = 3;
const unsynchronised = 16;
/** From 1900, where NTP counts from, to 1970. */
const epochSeconds = 2_208_988_800;
const eraSeconds = 2 ** 32;
/** What the time of day is read with. */
const clockTickMs = 1;
const maxQuestions = 16;

export const ntp: Exchange = {
  datagram() {
    /** When each question was sent, by its time stamp: an answer may be to an earlier one. */
    const sent = new Map<string, number>();
    return {
      ask({ monotonic }) {
        const question = Buffer.alloc(messageBytes);
        question[0] = clientMode;
        const stamp = randomBytes(8);
        stamp.copy(question, transmitAt);
        if (sent.size < maxQuestions) sent.set(stamp.toString("hex"), monotonic);
        return question;
      },
      read(answer, now) {
        if (answer.length < messageBytes || (answer[0]! & 7) !== serverMode) return undefined;
        const sentAt = sent.get(answer.toString("hex", originAt, originAt + 8));
        if (sentAt === undefined) return undefined;
        const stratum = answer[1]!;
        const unfit = whyUnfit(answer, stratum);
        const found =
          unfit === undefined ? { clock: { ...compare(answer, sentAt, now), stratum } } : { unfit };
        return open(`NTP, stratum ${stratum}`, { found });
      },
    };
  },
};

function whyUnfit(answer: Buffer, stratum: number): string | undefined {
  // Kiss-o'-Death (section 7.4): the reference id is a word, such as DENY or RATE.
  const word = stratum === 0 ? printable(answer.subarray(12, 16)) : "";
  if (word !== "") return `it turns us away: ${word}`;
  // In a message, stratum 0 is written where it is not known, or 16 (section 7.3).
  const isSet = answer[0]! >> 6 !== alarm && stratum > 0 && stratum < unsynchronised;
  if (!isSet || answer.readBigUInt64BE(transmitAt) === 0n)
    return `its own clock is not synchronised (leap indicator ${answer[0]! >> 6}, stratum ${stratum})`;
  return undefined;
}

/** Section 8: by how much our clock is ahead, and half of the round trip as the most by which that can be wrong. */
function compare(answer: Buffer, sentAt: number, now: Moment): { aheadMs: number; errorMs: number } {
  const receivedAt = now.wall + clockTickMs / 2;
  const roundTripMs = now.monotonic - sentAt;
  const serverReceived = timeOf(answer, receiveAt, receivedAt);
  const serverSent = timeOf(answer, transmitAt, receivedAt);
  const delayMs = Math.max(0, roundTripMs - (serverSent - serverReceived));
  const aheadMs = (receivedAt - roundTripMs - serverReceived + (receivedAt - serverSent)) / 2;
  return { aheadMs, errorMs: delayMs / 2 + clockTickMs / 2 };
}

/** Milliseconds since 1970, in the era that is next to `near` (section 6). */
function timeOf(answer: Buffer, at: number, near: number): number {
  const seconds = answer.readUInt32BE(at) - epochSeconds + answer.readUInt32BE(at + 4) / 2 ** 32;
  const eras = Math.round((near / 1_000 - seconds) / eraSeconds);
  return (seconds + eras * eraSeconds) * 1_000;
}
