/** Servers of the tests' own on a host of a lab, for protocols that no package of the system serves. */
import { join } from "node:path";
import type { ServerSettings } from "../boxes/server-settings.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

/** A receiver of Beats. */
export function startLumberjack(host: Host, settings: ServerSettings): Promise<Peer> {
  return start(host, "lumberjack", settings);
}

/** A broker that speaks AMQP over WebSocket. */
export function startAmqpWebsocket(host: Host, settings: ServerSettings): Promise<Peer> {
  return start(host, "amqp-websocket", settings);
}

async function start(host: Host, script: string, settings: ServerSettings): Promise<Peer> {
  const peer = new Peer(host);
  const path = join(import.meta.dirname, "../boxes", `${script}.ts`);
  await peer.start(process.execPath, [path, JSON.stringify(settings)], { tcp: [settings.port] });
  return peer;
}
