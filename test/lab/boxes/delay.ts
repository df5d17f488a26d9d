/** Ends TCP and passes everything on, later. */
import { connect, createServer, type Socket } from "node:net";
import { bind, serve, settings, upstreamOf } from "./box.ts";

serve(
  createServer((client) => {
    const upstream = connect(upstreamOf(client));
    bind(client, upstream);
    passLater(client, upstream);
    passLater(upstream, client);
  }),
);

function passLater(from: Socket, to: Socket): void {
  from.on("data", (chunk: Buffer) => setTimeout(() => to.write(chunk), settings.delayMs));
}
