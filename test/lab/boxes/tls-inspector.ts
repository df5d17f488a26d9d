/** Ends TLS with a certificate of its own authority and speaks TLS to the real target, as an inspecting proxy does. */
import { connect, createServer } from "node:tls";
import { bind, serve, settings, upstreamOf } from "./box.ts";

serve(
  createServer({ cert: settings.cert!, key: settings.key! }, (client) => {
    const upstream = connect({ ...upstreamOf(client), rejectUnauthorized: false });
    bind(client, upstream);
    client.pipe(upstream).pipe(client);
  }).on("tlsClientError", () => {}),
);
