/** WebSocket (RFC 6455): an upgrade of `/`. Whatever status the service gives, it has answered. */
import { randomBytes } from "node:crypto";
import type { Exchange } from "./exchange.ts";
import { readStatus, requestOf } from "./http.ts";

/** FIN and close, masked, with status 1000 under a mask of zeros. */
const close = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

export const websocket: Exchange = {
  alpn: ["http/1.1"],
  stream: (place) => ({
    opening: requestOf("GET", place, [
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    ]),
    read(answer) {
      const reading = readStatus(answer);
      return reading?.found?.status === 101 ? { ...reading, farewell: close } : reading;
    },
  }),
};
