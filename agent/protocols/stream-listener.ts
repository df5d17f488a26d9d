/**
 * Holds TCP ports. A connection is handed to the protocol that recognises its first byte, also inside TLS,
 * so one listener serves tcp, tls, mtls, ws and wss. Connections are limited in number, silence and
 * lifetime: a listener of ours must never be the reason why a host runs out of anything.
 */
import { createServer, type Server, type Socket } from "node:net";
import { familyOf } from "../../shared/addresses.ts";
import { BulkStreams } from "./bulk-listener.ts";
import type { Acceptor, Connection, ListenerContext } from "./protocol.ts";
import { Relay, serverNameAcceptor } from "./relay.ts";
import { proofAcceptor } from "./tcp.ts";
import { tlsAcceptor, type TlsAcceptor } from "./tls.ts";
import { webSocketAcceptor } from "./ws.ts";

export const streamLimits = {
  /** On one port. A probe needs one connection, and every peer probes. */
  connectionsPerPort: 256,
  /** On all ports of the agent. */
  connections: 4_096,
  /** Until the first byte. */
  silenceMs: 3_000,
  lifetimeMs: 10_000,
} as const;

const backlog = 1_024;

export class StreamListeners {
  /** In order of arrival, so the reaper looks only at the oldest. */
  readonly #open = new Map<Socket, { since: number; spoke: boolean }>();
  readonly #acceptors: readonly Acceptor[];
  readonly #context: ListenerContext;
  readonly #tls: TlsAcceptor;
  readonly #relay: Relay;
  readonly #bulk: BulkStreams;
  readonly #reaper: NodeJS.Timeout;
  #accepted = 0;

  constructor(context: ListenerContext, relay = new Relay(undefined)) {
    this.#context = context;
    this.#relay = relay;
    this.#bulk = new BulkStreams(context);
    // What lasts longer than any probe has limits of its own.
    const leave = (socket: Socket): void => void this.#open.delete(socket);
    this.#tls = tlsAcceptor(context, (connection) => this.#handOver(connection));
    this.#acceptors = [
      proofAcceptor(context),
      serverNameAcceptor(relay, this.#tls, leave),
      webSocketAcceptor(context),
      this.#bulk.acceptor(leave),
    ];
    this.#reaper = setInterval(() => this.#reap(performance.now()), 1_000).unref();
  }

  /** The certificate of the context is another one now. */
  renew(): void {
    this.#tls.renew();
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Binds one port, exclusively. Rejects with the errno of the bind. */
  listen(address: string, port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) =>
        this.#receive(socket, port),
      );
      server.maxConnections = streamLimits.connectionsPerPort;
      server.once("error", reject);
      server.listen(
        { host: address, port, backlog, exclusive: true, ipv6Only: familyOf(address) === 6 },
        () => {
          server.removeListener("error", reject);
          // EMFILE on accept: the connection waits in the backlog, the agent reports the limit elsewhere.
          server.on("error", () => {});
          resolve(server);
        },
      );
    });
  }

  /** Ends the connections to one port, relays and streams too, so that nothing of them is left to whoever takes it over. */
  reset(port: number): void {
    this.#relay.reset(port);
    this.#bulk.reset(port);
    for (const socket of this.#open.keys()) if (socket.localPort === port) socket.resetAndDestroy();
  }

  /** Ends what is still open. Servers are closed by whoever owns them. */
  close(): void {
    clearInterval(this.#reaper);
    this.#relay.close();
    this.#bulk.close();
    for (const socket of this.#open.keys()) socket.destroy();
    this.#open.clear();
  }

  #receive(socket: Socket, port: number): void {
    this.#accepted++;
    if (this.#open.size >= streamLimits.connections) {
      socket.resetAndDestroy();
      return;
    }
    const state = { since: performance.now(), spoke: false };
    // Once closed, a socket does not know it any more.
    const address = socket.remoteAddress ?? "::";
    this.#open.set(socket, state);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      this.#open.delete(socket);
      if (!state.spoke) this.#context.requests.stayedMute(address, port, performance.now());
    });
    this.#handOver({ stream: socket, socket, port, clientVerified: false });
  }

  #handOver(connection: Connection): void {
    const { stream, socket } = connection;
    stream.once("data", (head: Buffer) => {
      const state = this.#open.get(socket);
      if (state !== undefined) state.spoke = true;
      const acceptor = this.#acceptors.find((candidate) => candidate.recognises(head[0]!));
      if (acceptor === undefined) {
        stream.destroy();
        return;
      }
      acceptor.accept(connection, head);
    });
  }

  #reap(now: number): void {
    for (const [socket, { since, spoke }] of this.#open) {
      const age = now - since;
      if (age < streamLimits.silenceMs) return;
      if (!spoke || age >= streamLimits.lifetimeMs) socket.destroy();
    }
  }
}
