/** NTP (RFC 5905): a client's request. The answer repeats our transmit time stamp, here a random number. */
import { randomBytes } from "node:crypto";
import { open, type Exchange } from "./exchange.ts";

const messageBytes = 48;
/** Version 4, mode 3: client. */
const clientMode = 0x23;
const serverMode = 4;
const originAt = 24;
const transmitAt = 40;

export const ntp: Exchange = {
  datagram() {
    const question = Buffer.alloc(messageBytes);
    question[0] = clientMode;
    randomBytes(8).copy(question, transmitAt);
    return {
      question,
      read(answer) {
        const isOurs =
          answer.length >= messageBytes &&
          (answer[0]! & 7) === serverMode &&
          answer.subarray(originAt, originAt + 8).equals(question.subarray(transmitAt));
        return isOurs ? open(`NTP, stratum ${answer[1]}`) : undefined;
      },
    };
  },
};
