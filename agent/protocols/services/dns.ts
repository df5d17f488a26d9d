/** DNS (RFC 1035): who serves the root? Any response to this very question will do, also a refusal. */
import { randomBytes } from "node:crypto";
import { foreign, open, type Exchange, type Reading } from "./exchange.ts";

/** One question, recursion not desired: for `.`, type NS, class IN. */
const rest = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
const headerBytes = 12;
const responseBit = 0x80;
const codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

export const dns: Exchange = {
  datagram() {
    const question = makeQuestion();
    return { ask: () => question, read: (answer) => readResponse(question, answer) };
  },
  /** Over TCP each message has its length in front. */
  stream() {
    const question = makeQuestion();
    return {
      opening: Buffer.concat([Buffer.from([0, question.length]), question]),
      read(answer) {
        if (answer.length < 2 + headerBytes) return undefined;
        return readResponse(question, answer.subarray(2)) ?? foreign(answer);
      },
    };
  },
};

function makeQuestion(): Buffer {
  return Buffer.concat([randomBytes(2), rest]);
}

function readResponse(question: Buffer, answer: Buffer): Reading | undefined {
  const isOurs = answer.length >= headerBytes && answer.readUInt16BE(0) === question.readUInt16BE(0);
  if (!isOurs || (answer[2]! & responseBit) === 0) return undefined;
  const code = answer[3]! & 0x0f;
  return open(`DNS ${codes[code] ?? `code ${code}`}`);
}
