/**
 * PostgreSQL: asks whether it speaks TLS (SSLRequest). It answers with one byte, and logs nothing when the
 * connection ends before a login. After a yes it waits for a handshake, whose absence it would log.
 */
import { foreign, open, type Exchange } from "./exchange.ts";

/** Length 8 and the code 80877103: "Message Formats" in the manual. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

export const postgres: Exchange = {
  stream: () => ({
    opening: sslRequest,
    read(answer) {
      const said = String.fromCharCode(answer[0]!);
      if (answer.length === 1 && said === "S") return open("PostgreSQL, with TLS", { continueInTls: true });
      if (answer.length === 1 && said === "N") return open("PostgreSQL, without TLS");
      // An error message: type, length, then fields; it is full, or it is very old.
      if (said === "E" && answer.length >= 5 && answer.readUInt32BE(1) < 10_000)
        return open(`PostgreSQL: ${answer.toString("latin1", 5)}`);
      return said === "E" && answer.length < 5 ? undefined : foreign(answer);
    },
  }),
};
