/**
 * What an exchange is: the least that the real service of a protocol answers without a login and without a
 * line in its error log. It says what to send and reads what comes; sockets are the runners' business.
 */

import type { EndpointAttempt } from "../../../shared/endpoint-report.ts";
import type { Outcome } from "../../../shared/outcome.ts";

/** What an answer says besides that it is one. */
export interface Findings {
  /** Of an HTTP answer. */
  status?: number;
  /** Why an intermediary answered by itself instead of handing the request on, in its own word. */
  proxyError?: string;
  /** Of a time server. */
  clock?: NonNullable<EndpointAttempt["clock"]>;
  /** Why the answer, although it is one, is of no use to who needs the service. */
  unfit?: string;
}

/** The outcome of an exchange, with what its answer said. */
export type ServiceOutcome = Outcome & Findings;

/** What an exchange makes of an answer. Text in it came from the network and goes through `printable`. */
export interface Reading {
  kind: "open" | "wrong-answer" | "tls-failed";
  /** What answered, shortly. */
  detail: string;
  found?: Findings;
  /** Said before leaving, so that the service sees an end that its protocol knows. */
  farewell?: Buffer;
  /** The service agreed to go on in TLS, which is done in full before leaving. */
  continueInTls?: true;
}

/** The answer was understood, and the conversation goes on: the next one is read from its own beginning. */
export interface Reply {
  say: Buffer;
}

/** One conversation over TCP, or inside TLS. */
export interface StreamTalk {
  /** Said first; absent where the service is the one to begin. */
  opening?: Buffer;
  /** Looks at all that has come so far; undefined where that is not enough to tell. */
  read: (answer: Buffer) => Reading | Reply | undefined;
  /** A service that says nothing is as good as one that does: how long to listen at most, in milliseconds. */
  patienceMs?: number;
  /** That one says nothing for so long has to be meant: who leaves instead is not the one. */
  mustStay?: true;
}

/** A moment by two clocks, in milliseconds: one that never jumps, and the time of day since 1970. */
export interface Moment {
  monotonic: number;
  wall: number;
}

/** One question in a datagram, asked again until there is an answer. */
export interface DatagramTalk {
  ask: (now: Moment) => Buffer;
  /** Undefined where the datagram is no answer to any of the questions. */
  read: (answer: Buffer, now: Moment) => Reading | undefined;
}

/** Where the service is, for protocols that say so. */
export interface Place {
  address: string;
  port: number;
  /** How clients of HTTP call it, maybe with a port; absent where it has no name. */
  authority?: string;
  /** Nothing but TLS will do, also where the protocol itself has to ask for it. */
  mustSecure?: boolean;
}

export interface Exchange {
  stream?: (place: Place) => StreamTalk;
  datagram?: () => DatagramTalk;
  /** Offered in the TLS handshake. */
  alpn?: readonly string[];
}

const maxDetail = 200;

/** Text of a service, fit to be shown: ASCII on one line, cut. */
export function printable(text: Buffer | string): string {
  const latin = typeof text === "string" ? text : text.toString("latin1");
  return latin
    .slice(0, 4 * maxDetail)
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, maxDetail);
}

export function open(detail: Buffer | string, rest: Omit<Reading, "kind" | "detail"> = {}): Reading {
  return { kind: "open", detail: printable(detail), ...rest };
}

/** An answer of another protocol than the one expected. */
export function foreign(answer: Buffer): Reading {
  const detail = printable(answer);
  return { kind: "wrong-answer", detail: printable(`not the expected protocol: ${detail || hex(answer)}`) };
}

function hex(bytes: Buffer): string {
  return bytes.subarray(0, 16).toString("hex");
}

/** Whether what has come so far can still become this beginning. */
export function mayBegin(answer: Buffer, beginning: string): boolean {
  const shorter = Math.min(answer.length, beginning.length);
  return answer.toString("latin1", 0, shorter) === beginning.slice(0, shorter);
}

/** The first line without its end, or undefined while it is not whole. */
export function firstLine(answer: Buffer): string | undefined {
  const end = answer.indexOf("\n");
  return end < 0 ? undefined : answer.toString("latin1", 0, end).replace(/\r$/, "");
}
