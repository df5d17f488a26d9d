/** Answers over TCP and UDP, but knows nothing of Portmesh. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { serve, settings } from "./box.ts";

const greeting = Buffer.alloc(64, "I am somebody else. ");

const datagrams = createSocket({ type: "udp6" });
datagrams.on("message", (_request, { port, address }) => datagrams.send(greeting, port, address));
datagrams.bind(settings.port, "::", () => {
  serve(
    createServer((client) => {
      client.on("error", () => {});
      client.once("data", () => client.end(greeting));
    }),
  );
});
