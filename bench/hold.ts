/**
 * One process that holds a range of ports as an agent does, TCP and UDP, and says how long that took.
 *
 *   hold.ts ADDRESS FIRST LAST < {"secret", "certificate": {"cert", "key", "ca"}}
 */
import { text } from "node:stream/consumers";
import { Listeners, type WantedListener } from "../agent/listeners.ts";
import type { ListenerContext } from "../agent/protocols/protocol.ts";
import { RequestLog } from "../agent/request-log.ts";
import type { PortSet } from "../shared/ports.ts";
import { epochKey } from "../shared/proof.ts";

const [address, first, last] = process.argv.slice(2) as [string, string, string];
const { secret, certificate } = JSON.parse(await text(process.stdin)) as {
  secret: string;
  certificate: ListenerContext["certificate"];
};
const ports: PortSet = [[Number(first), Number(last)]];
const wanted = (["tcp", "udp"] as const).map((transport): WantedListener => ({ transport, address, ports }));
const startedAt = performance.now();
await using listeners = new Listeners({
  epoch: epochKey(1, secret),
  node: 1,
  certificate,
  requests: new RequestLog(),
});
const { bound, exceptions } = await listeners.reconcile(wanted);
const seconds = (performance.now() - startedAt) / 1_000;
console.log(
  JSON.stringify({
    bound,
    exceptions: exceptions.slice(0, 3),
    seconds,
    rssMb: process.memoryUsage.rss() / 1e6,
  }),
);
