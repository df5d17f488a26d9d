/** memcached: asks for its version. */
import { firstLine, foreign, mayBegin, open, type Exchange } from "./exchange.ts";

export const memcached: Exchange = {
  stream: () => ({
    opening: Buffer.from("version\r\n"),
    read(answer) {
      // With a password set it answers every command before it with an error of its own.
      if (mayBegin(answer, "CLIENT_ERROR ") || mayBegin(answer, "VERSION ")) {
        const line = firstLine(answer);
        return line === undefined
          ? undefined
          : open(`memcached: ${line}`, { farewell: Buffer.from("quit\r\n") });
      }
      return foreign(answer);
    },
  }),
};
