/** HTTP: a HEAD request for `/`. Any status is an answer. */
import { formatEndpoint } from "../../../shared/addresses.ts";
import { firstLine, foreign, mayBegin, open, type Exchange, type Place, type Reading } from "./exchange.ts";

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

export function readStatus(answer: Buffer): Reading | undefined {
  if (!mayBegin(answer, "HTTP/")) return foreign(answer);
  const line = firstLine(answer);
  if (line === undefined) return undefined;
  const status = /^HTTP\/[0-9](?:\.[0-9])? ([1-5][0-9]{2})(?: |$)/.exec(line)?.[1];
  return status === undefined ? foreign(answer) : open(line, { found: { status: Number(status) } });
}
