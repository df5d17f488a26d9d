/** WebSocket (RFC 6455): an upgrade of `/`. Whatever status the service gives, it has answered. */
import { open, type Exchange } from "./exchange.ts";
import { upgradeOf } from "./upgrade.ts";

/** FIN and close, masked, with status 1000 under a mask of zeros. */
const close = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

export const websocket: Exchange = {
  alpn: ["http/1.1"],
  stream: (place) => {
    const upgrade = upgradeOf(place);
    return {
      opening: upgrade.opening,
      read(answer) {
        const reading = upgrade.read(answer);
        return reading === "granted"
          ? open("HTTP/1.1 101 Switching Protocols", { found: { status: 101 }, farewell: close })
          : reading;
      },
    };
  },
};
