/** WebSocket over TLS: the handshake of `tls`, then the upgrade of `ws` inside. */
import type { Protocol } from "./protocol.ts";
import { probeWebSocket } from "./ws.ts";

export const wss: Protocol = {
  name: "wss",
  transport: "tcp",
  probe: (target, context) => probeWebSocket(target, context, "wss"),
};
