/** Lets TLS pass untouched and resets everything else, and maybe one name within TLS. */
import { createServer } from "node:net";
import { relay, serve, settings } from "./box.ts";

/** RFC 8446 section 5.1: the content type of a handshake record. */
const handshakeRecord = 0x16;

serve(
  createServer((client) => {
    client.on("error", () => {});
    client.once("readable", () => {
      const head = client.read() as Buffer | null;
      if (head === null) return;
      // The name stands in clear text in the first message of a client.
      const isBlocked = settings.blockedName !== undefined && head.includes(settings.blockedName);
      if (head[0] !== handshakeRecord || isBlocked) {
        client.resetAndDestroy();
        return;
      }
      client.unshift(head);
      relay(client);
    });
  }),
);
