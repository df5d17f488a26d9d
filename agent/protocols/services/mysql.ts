/**
 * MySQL and MariaDB: they greet first, and the greeting is enough. There is no goodbye before a login: a
 * server that logs aborted connections (MariaDB by default) will log this one as such.
 */
import { foreign, open, type Exchange } from "./exchange.ts";

const headerBytes = 4;
const protocolVersion = 10;
const errorPacket = 0xff;

export const mysql: Exchange = {
  stream: () => ({
    read(answer) {
      if (answer.length <= headerBytes) return undefined;
      const length = answer.readUIntLE(0, 3);
      const isGreeting = answer[headerBytes] === protocolVersion;
      if (length > 1_024 || answer[3]! > 1 || !(isGreeting || answer[headerBytes] === errorPacket))
        return foreign(answer);
      if (answer.length < headerBytes + length) return undefined;
      // An error: two bytes of code, then text. A greeting: the version, ended by a zero.
      if (!isGreeting) return open(`MySQL: ${answer.toString("latin1", headerBytes + 3)}`);
      const end = answer.indexOf(0, headerBytes + 1);
      return open(`MySQL ${answer.toString("latin1", headerBytes + 1, end)}`);
    },
  }),
};
