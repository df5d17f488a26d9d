/** HTTP: a HEAD request for `/`. Any status is an answer. */
import { formatEndpoint } from "../../../shared/addresses.ts";
import { readHead } from "../http-head.ts";
import {
  firstLine,
  foreign,
  mayBegin,
  open,
  printable,
  type Exchange,
  type Place,
  type Reading,
} from "./exchange.ts";

export const http: Exchange = {
  alpn: ["http/1.1"],
  stream: (place) => ({
    opening: requestOf("HEAD", place, ["Accept: */*", "Connection: close"]),
    read: (answer) => readStatus(answer),
  }),
};

export function requestOf(method: string, place: Place, headers: readonly string[]): Buffer {
  const host = place.authority ?? formatEndpoint(place.address, place.port);
  const lines = [`${method} / HTTP/1.1`, `Host: ${host}`, "User-Agent: portmesh", ...headers];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** What came from an intermediary, and not from the service, says so in its headers: those are waited for. */
export function readStatus(answer: Buffer): Reading | undefined {
  if (!mayBegin(answer, "HTTP/")) return foreign(answer);
  const line = firstLine(answer);
  if (line === undefined) return undefined;
  const status = Number(/^HTTP\/[0-9](?:\.[0-9])? ([1-5][0-9]{2})(?: |$)/.exec(line)?.[1]);
  if (Number.isNaN(status)) return foreign(answer);
  if (status < 400) return open(line, { found: { status } });
  const head = readHead(answer);
  if (head === undefined) return undefined;
  const proxyError = proxyErrorOf(head.headers);
  return open(line, { found: { status, ...(proxyError === undefined ? {} : { proxyError }) } });
}

/** By the standard for it (RFC 9209 section 2.1.1), and as Squid says it. */
const proxyErrors = [/^proxy-status:.*;\s*error=([a-z0-9_-]+)/i, /^x-squid-error:\s*([a-z0-9_]+)/i];

function proxyErrorOf(headers: readonly string[]): string | undefined {
  const found = headers.flatMap((line) => proxyErrors.flatMap((error) => error.exec(line)?.[1] ?? []));
  return found[0] === undefined ? undefined : printable(found[0]);
}
