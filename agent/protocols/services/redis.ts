/** Redis: PING. A server that wants a password first says so, which is an answer too. */
import { firstLine, foreign, open, type Exchange } from "./exchange.ts";

export const redis: Exchange = {
  stream: () => ({
    opening: Buffer.from("*1\r\n$4\r\nPING\r\n"),
    read(answer) {
      const kind = answer.toString("latin1", 0, 1);
      if (kind !== "+" && kind !== "-") return foreign(answer);
      const line = firstLine(answer);
      if (line === undefined) return undefined;
      return /^(\+PONG|-[A-Z]+ )/.test(line) ? open(`Redis: ${line}`) : foreign(answer);
    },
  }),
};
