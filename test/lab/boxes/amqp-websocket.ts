/**
 * A broker that speaks AMQP 1.0 over WebSocket (OASIS "AMQP WebSocket Binding" 1.0), as far as a client without a
 * login gets: subprotocol `amqp`, then the header of the protocol, answered with the one that wants SASL.
 */
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import { settings } from "./server-settings.ts";

const { port, identity, clientAuthority, refuseUpgrades } = settings;
/** AMQP 1.0, part 5.3.2: protocol id 3, version 1.0.0. */
const saslHeader = Buffer.from("AMQP\x03\x01\x00\x00", "latin1");
const protocolHeader = /^AMQP[\x00\x03]\x01\x00\x00$/;
const protocolError = 1002;

const server =
  identity === undefined
    ? createServer()
    : createTlsServer({
        ...identity,
        ...(clientAuthority === undefined ? {} : { ca: clientAuthority, requestCert: true }),
      });
server.on("request", (_request, response) => response.writeHead(426, { Upgrade: "websocket" }).end());

if (refuseUpgrades === undefined) {
  const sockets = new WebSocketServer({
    server,
    maxPayload: 64 * 1024,
    handleProtocols: (offered) => (offered.has("amqp") ? "amqp" : false),
  });
  sockets.on("connection", converse);
} else {
  server.on("upgrade", (_request, socket) => {
    socket.end(`HTTP/1.1 ${refuseUpgrades} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
}
server.listen(port, "::");

function converse(socket: WebSocket): void {
  socket.on("error", () => {});
  if (socket.protocol !== "amqp") return socket.close(protocolError, "only amqp is spoken here");
  socket.once("message", (data: RawData, isBinary) => {
    const isHeader = isBinary && protocolHeader.test((data as Buffer).toString("latin1"));
    if (isHeader) socket.send(saslHeader);
    else socket.close(protocolError, "no AMQP header");
  });
}
