/** Cassandra's native protocol: asks for the options, which needs no login. */
import { foreign, open, type Exchange } from "./exchange.ts";

const headerBytes = 9;
/** Version 4, no flags, stream 0, OPTIONS, no body. */
const options = Buffer.from([0x04, 0, 0, 0, 0x05, 0, 0, 0, 0]);
const error = 0x00;
const supported = 0x06;
const maxBodyBytes = 64 * 1024;

export const cassandra: Exchange = {
  stream: () => ({
    opening: options,
    read(answer) {
      // The first bit says that it is a response.
      if ((answer[0]! & 0x80) === 0) return foreign(answer);
      if (answer.length < headerBytes) return undefined;
      const opcode = answer[4];
      const isResponse = (opcode === error || opcode === supported) && answer.readUInt32BE(5) <= maxBodyBytes;
      if (!isResponse) return foreign(answer);
      const said = opcode === supported ? "" : `: ${answer.toString("latin1", headerBytes + 6)}`;
      return open(`Cassandra, protocol ${answer[0]! & 0x7f}${said}`);
    },
  }),
};
