/** Which protocol proves a flow: as close to the application as a listener of ours can speak. */
import type { ProtocolName } from "./names.ts";
import type { Flow } from "./spec.ts";

/** Applications that open with a WebSocket upgrade. */
const webSocketApplications = new Set(["websocket", "amqp-over-websocket", "wss", "ws"]);

export function protocolFor(flow: Pick<Flow, "transport" | "application" | "security">): ProtocolName {
  if (flow.transport === "udp") return "udp";
  const secured = flow.security === "tls" || flow.security === "mtls";
  if (webSocketApplications.has(flow.application))
    return secured || flow.application === "wss" ? "wss" : "ws";
  if (flow.security === "mtls") return "mtls";
  return secured ? "tls" : "tcp";
}
