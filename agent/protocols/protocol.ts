/**
 * What a protocol is: a name, and both ends of one conversation. The probing end returns an `Outcome` and
 * throws only for a bug; the listening end of a stream protocol recognises its opening byte, so that one
 * listener a port serves every protocol that flows need there.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import type { ProtocolName, Transport } from "../../shared/names.ts";
import type { Outcome } from "../../shared/outcome.ts";
import type { EpochKey } from "../../shared/proof.ts";
import type { RequestLog } from "../request-log.ts";
import type { UdpSweep } from "./udp-sweep.ts";

/** One address and port to be probed. */
export interface ProbeTarget {
  /** Indices of the probing and the probed node in the plan. */
  from: number;
  to: number;
  address: string;
  port: number;
  /** The name in the certificate of the probed node. */
  serverName: string;
}

/** What all probes of an agent share. */
export interface ProbeContext {
  epoch: EpochKey;
  /** For the whole probe, all attempts included. */
  timeoutMs: number;
  /** The source address to use; empty leaves it to the routing table. */
  source: { localAddress?: string };
  credentials: Credentials;
  udp: UdpSweep;
  datagrams: Datagrams;
  /** Everything a probe has open, so that a cancelled round closes it. */
  open: Set<Closable>;
}

/** How a UDP probe sends its request. */
export interface Datagrams {
  /** When it is sent again, as fractions of the time-out. */
  resendAt: readonly number[];
  /** From this attempt on through a connected socket, on which the kernel reports ICMP errors; it costs ten times as much. */
  connectedFrom: number;
}

export interface Closable {
  destroy(): void;
}

/** Certificates of the run's own authority. */
export interface Credentials {
  /** Verifies peers, presents nothing. */
  anonymous: SecureContext;
  /** Verifies peers and presents this node's certificate. */
  identified: SecureContext;
}

/** What the listeners of an agent share. */
export interface ListenerContext {
  epoch: EpochKey;
  /** Index of this node in the plan. */
  node: number;
  certificate: { cert: string; key: string; ca: string };
  requests: RequestLog;
}

/** A connection that reached a listener, or the stream inside its TLS. */
export interface Connection {
  stream: Duplex;
  socket: Socket;
  /** The port it arrived on, and whether TLS proved who is calling. */
  port: number;
  clientVerified: boolean;
}

export interface Protocol {
  readonly name: ProtocolName;
  readonly transport: Transport;
  probe(target: ProbeTarget, context: ProbeContext): Promise<Outcome>;
}

/** The listening end of what runs over a stream. */
export interface Acceptor {
  /** Whether a conversation that begins with this byte is of this protocol. */
  recognises(firstByte: number): boolean;
  /** Takes a connection over; `head` is what was read of it. */
  accept(connection: Connection, head: Buffer): void;
}
