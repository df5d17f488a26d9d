/**
 * The agent's one connection: out to the coordinator, over TLS. The pin of the join string is compared
 * before a single byte of ours is sent, so a coordinator that is not the right one never sees the token.
 */
import { createHash, X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { PortmeshError } from "../shared/errors.ts";
import type { JoinString } from "../shared/join-string.ts";
import {
  closeCodes,
  coordinatorName,
  heartbeatMs,
  linkPath,
  linkProtocol,
  maxFrameBytes,
} from "../shared/link.ts";
import type { AgentMessage, CoordinatorMessage } from "../shared/wire.ts";

/** Until TCP connects: three SYNs. */
const connectMs = 4_000;
/** From there to the end of TLS, and again for the upgrade. */
const handshakeMs = 10_000;
/** Through a relay, which is near and dials for `connectMs` at most; there may be many to try. */
const relayHandshakeMs = 5_000;
const goodbyeMs = 1_000;
/** Over this much unsent data the link is too slow for the results: wait before sending more. */
const maxUnsentBytes = 1024 * 1024;

/** Why a link ended. `refused` is final; anything else is worth another try. */
export interface LinkEnd {
  code: number;
  reason: string;
}

/** Which way a link goes. */
interface Route {
  /** `host:port` of the coordinator, or of the peer that passes the link on. */
  address: string;
  isRelay: boolean;
}

export class Link {
  readonly route: Route;
  readonly #socket: WebSocket;
  readonly #heartbeat: NodeJS.Timeout;
  #heard = true;
  /** Resolves when the link is over. */
  readonly ended: Promise<LinkEnd>;

  private constructor(socket: WebSocket, route: Route, onMessage: (message: CoordinatorMessage) => void) {
    this.#socket = socket;
    this.route = route;
    socket.on("message", (data: Buffer) => {
      this.#heard = true;
      onMessage(JSON.parse(data.toString()) as CoordinatorMessage);
    });
    socket.on("pong", () => {
      this.#heard = true;
    });
    socket.on("error", () => socket.terminate());
    const beat = (): void => {
      if (!this.#heard) socket.terminate();
      this.#heard = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    };
    // A process that did not get to run itself reads what has come meanwhile first.
    this.#heartbeat = setInterval(() => (this.#heard ? beat() : setImmediate(beat)), heartbeatMs);
    this.ended = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        clearInterval(this.#heartbeat);
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /**
   * Dials the addresses of the join string in turn, then its relays in an order of `random`'s (0 to 1).
   * @throws PortmeshError with what each address said.
   */
  static async open(
    join: JoinString,
    onMessage: (message: CoordinatorMessage) => void,
    random: () => number,
    signal: AbortSignal,
  ): Promise<Link> {
    const failures: string[] = [];
    for (const route of routesOf(join, random)) {
      try {
        const secured = await dial(route, join.pin, signal);
        return new Link(await upgrade(secured, signal), route, onMessage);
      } catch (error) {
        const isAnother = error instanceof PortmeshError && error.code === "wrong-coordinator";
        // Behind a relay's address may be anybody by now; behind the coordinator's own it is worth an alarm.
        if (signal.aborted || (isAnother && !route.isRelay)) throw error;
        const { code, message } = error as NodeJS.ErrnoException;
        failures.push(`${route.address}: ${isAnother ? message : (code ?? message)}`);
      }
    }
    const direct = failures.slice(0, join.addresses.length).join("; ");
    const relayed = failures.slice(join.addresses.length);
    const others = relayed.length === 0 ? "" : `, nor through ${relayed.length} peers, such as ${relayed[0]}`;
    throw new PortmeshError("cannot-run", `cannot reach the coordinator at ${direct}${others}`, {
      next: "Check that the coordinator runs and that its port is open towards this node.",
    });
  }

  /** Resolves once the message may be followed by another without piling up in memory. */
  async send(message: AgentMessage): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const sent = new Promise<void>((resolve) => this.#socket.send(JSON.stringify(message), () => resolve()));
    if (this.#socket.bufferedAmount > maxUnsentBytes) await sent;
  }

  /** A far end that does not answer the goodbye is not waited for. */
  close(reason: string): void {
    this.#socket.close(1000, reason);
    setTimeout(() => this.#socket.terminate(), goodbyeMs).unref();
  }
}

function routesOf(join: JoinString, random: () => number): Route[] {
  const direct = join.addresses.map((address) => ({ address, isRelay: false }));
  const relays = (join.relays ?? []).map((address) => ({ address, isRelay: true, rank: random() }));
  return [...direct, ...relays.toSorted((a, b) => a.rank - b.rank)];
}

/** A TLS connection whose far end holds the pinned key. */
function dial({ address, isRelay }: Route, pin: string, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Verified by hand below: the authority is known by its pin only, and no CA store has it.
    const socket = connect({
      host: hostOf(address),
      port: portOf(address),
      servername: coordinatorName,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
      // A post-quantum key share would make two segments of the ClientHello, which a relay has to read whole.
      ecdhCurve: "X25519",
    });
    const expire = (ms: number): NodeJS.Timeout =>
      setTimeout(() => socket.destroy(new Error(`no answer in ${ms / 1_000} s`)), ms);
    let limit = expire(connectMs);
    socket.once("connect", () => {
      clearTimeout(limit);
      limit = expire(isRelay ? relayHandshakeMs : handshakeMs);
    });
    const cancel = (): void => void socket.destroy(new Error("cancelled"));
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("error", reject);
    socket.once("close", () => {
      clearTimeout(limit);
      signal.removeEventListener("abort", cancel);
      reject(new Error("closed in the TLS handshake"));
    });
    socket.once("secureConnect", () => {
      const problem = pinProblem(socket, pin);
      // From here on a stop says goodbye instead of cutting the connection.
      signal.removeEventListener("abort", cancel);
      if (problem === undefined) {
        clearTimeout(limit);
        socket.removeListener("error", reject);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(
        new PortmeshError(
          "wrong-coordinator",
          `the coordinator at ${address} is not the one of the join string: ${problem}`,
          {
            next: "Get the join string of the coordinator that runs now; if it is the right one, somebody is in between.",
          },
        ),
      );
    });
  });
}

function pinProblem(socket: TLSSocket, pin: string): string | undefined {
  const leaf = socket.getPeerX509Certificate();
  const authorityDer = socket.getPeerCertificate(true).issuerCertificate?.raw;
  if (leaf === undefined || authorityDer === undefined) return "it shows no certificate chain";
  const authority = new X509Certificate(authorityDer);
  const spki = authority.publicKey.export({ type: "spki", format: "der" });
  if (createHash("sha256").update(spki).digest("base64url") !== pin) return "its key does not match the pin";
  if (!leaf.verify(authority.publicKey)) return "its certificate is not signed by the pinned key";
  // The same authority certifies the nodes, and a node is not the coordinator.
  return leaf.checkHost(coordinatorName) === undefined
    ? "its certificate is not the coordinator's"
    : undefined;
}

function upgrade(secured: TLSSocket, signal: AbortSignal): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://${coordinatorName}${linkPath}`, linkProtocol, {
      createConnection: () => secured,
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      handshakeTimeout: handshakeMs,
    });
    const cancel = (): void => socket.terminate();
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", cancel));
    socket.once("error", reject);
    socket.once("open", () => {
      signal.removeEventListener("abort", cancel);
      socket.removeListener("error", reject);
      resolve(socket);
    });
  });
}

/** The port of `host:port`. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

/** The host of `host:port` or `[v6]:port`. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

/** Whether the coordinator ended the link for good. */
export function isFinal(end: LinkEnd): boolean {
  return end.code === closeCodes.finished || end.code === closeCodes.refused;
}

/**
 * How long to wait before dialling again, in milliseconds. The first time the whole fleet lost the link at
 * once: spread over a window that grows with it (12 ms a node, about 80 joins a second). Afterwards
 * exponential with full jitter, up to what keeps a fleet of that size from being a burden: a few nodes are back
 * within seconds, before what they know is stale.
 */
export function reconnectDelayMs(attempt: number, nodes: number, random: () => number): number {
  const firstWindowMs = Math.min(60_000, 500 + 12 * nodes);
  const longestMs = Math.min(60_000, 5_000 + 60 * nodes);
  const windowMs = attempt === 0 ? firstWindowMs : Math.min(longestMs, 1_000 * 2 ** Math.min(attempt, 6));
  return random() * windowMs;
}
