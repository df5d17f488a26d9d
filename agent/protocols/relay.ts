/**
 * Lets a peer that cannot reach the coordinator reach it through this agent: a TLS ClientHello that asks for
 * the coordinator's name, on any port that this agent holds, is passed on as raw bytes. TLS stays between the
 * two ends with the pinned key, so nothing here can be read or altered unseen; no port is opened for it.
 */
import { connect, type Socket } from "node:net";
import { coordinatorName, heartbeatMs } from "../../shared/link.ts";
import { maxHelloBytes, readClientHello } from "./client-hello.ts";
import type { Acceptor, Connection } from "./protocol.ts";

export const relayLimits = {
  /** Relayed connections of one agent at once. */
  connections: 32,
  /** A link has heartbeats both ways; without any byte for so long it is dead. */
  idleMs: 3 * heartbeatMs,
  /** To reach the coordinator. */
  connectMs: 4_000,
  /** To finish a ClientHello, as long as a listener waits for a first byte. */
  helloMs: 3_000,
} as const;

export interface CoordinatorAddress {
  host: string;
  port: number;
}

export class Relay {
  #coordinator: CoordinatorAddress | undefined;
  readonly #open = new Set<Socket>();

  /** Undefined for an agent that does not relay, or that came through a relay itself: it sends callers away. */
  constructor(coordinator: CoordinatorAddress | undefined) {
    this.#coordinator = coordinator;
  }

  /** The link of this agent goes another way now. */
  lead(coordinator: CoordinatorAddress | undefined): void {
    this.#coordinator = coordinator;
  }

  /** Takes a connection over whose first bytes, `head`, ask for the coordinator. */
  pass(near: Socket, head: Buffer): void {
    if (this.#coordinator === undefined || this.#open.size >= relayLimits.connections) {
      near.resetAndDestroy();
      return;
    }
    this.#open.add(near);
    const far = connect({ ...this.#coordinator, noDelay: true });
    const connecting = setTimeout(() => far.destroy(), relayLimits.connectMs);
    far.once("connect", () => clearTimeout(connecting));
    far.write(head);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setTimeout(relayLimits.idleMs, () => one.destroy());
      one.on("error", () => other.destroy());
      // What was under way still arrives: the last word of a link says why it ended.
      one.once("close", () => other.destroySoon());
    }
    far.once("close", () => clearTimeout(connecting));
    near.once("close", () => this.#open.delete(near));
  }

  /** Ends what came in over one port, so that whoever takes it over finds nothing of it. */
  reset(port: number): void {
    for (const socket of this.#open) if (socket.localPort === port) socket.resetAndDestroy();
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/**
 * Divides TLS connections by the name they ask for: the coordinator's go to the relay, after `leave` was told,
 * all others to this agent's own TLS.
 */
export function serverNameAcceptor(relay: Relay, own: Acceptor, leave: (socket: Socket) => void): Acceptor {
  return {
    recognises: (firstByte) => own.recognises(firstByte),
    accept(connection, head) {
      // What arrives inside of TLS was for this agent already.
      if (connection.stream !== connection.socket) own.accept(connection, head);
      else divide(connection, head);
    },
  };

  function divide(connection: Connection, hello: Buffer): void {
    const { socket } = connection;
    const reading = readClientHello(hello);
    if (reading.state === "read") {
      if (reading.serverName !== coordinatorName) return own.accept(connection, hello);
      leave(socket);
      return relay.pass(socket, hello);
    }
    const timer = setTimeout(() => socket.destroy(), relayLimits.helloMs);
    socket.once("close", () => clearTimeout(timer));
    const more = (chunk: Buffer): void => {
      hello = Buffer.concat([hello, chunk]);
      const isUndecided = readClientHello(hello).state === "incomplete" && hello.length < maxHelloBytes;
      if (isUndecided) return;
      clearTimeout(timer);
      socket.removeListener("data", more);
      divide(connection, hello);
    };
    socket.on("data", more);
  }
}
