/** SMTP and FTP (RFC 5321, RFC 959): a greeting with a three-digit code, then QUIT. */
import { firstLine, foreign, open, type Exchange } from "./exchange.ts";

const quit = Buffer.from("QUIT\r\n");

const greeting: Exchange = {
  stream: () => ({
    read(answer) {
      // 220 welcomes; 4xx and 5xx are refusals of a server that is there (too many connections).
      if (!/^[1245]/.test(answer.toString("latin1", 0, 1))) return foreign(answer);
      const line = firstLine(answer);
      if (line === undefined) return undefined;
      if (!/^[1245][0-9]{2}([ -]|$)/.test(line)) return foreign(answer);
      // Who speaks before a greeting of several lines is over looks like a spammer to some servers.
      return open(line, line[3] === "-" ? {} : { farewell: quit });
    },
  }),
};

export const smtp = greeting;
export const ftp = greeting;
