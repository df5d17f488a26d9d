/** HTTP: a HEAD request for `/`. Any status is an answer. */
import { familyOf } from "../../../shared/addresses.ts";
import { firstLine, foreign, mayBegin, open, type Exchange, type Place, type Reading } from "./exchange.ts";

export const http: Exchange = {
  alpn: ["http/1.1"],
  stream: (place) => ({
    opening: requestOf("HEAD", place, ["Accept: */*", "Connection: close"]),
    read: (answer) => readStatus(answer),
  }),
};

export function requestOf(method: string, { address, port }: Place, headers: readonly string[]): Buffer {
  const host = familyOf(address) === 6 ? `[${address}]` : address;
  const lines = [`${method} / HTTP/1.1`, `Host: ${host}:${port}`, "User-Agent: portmesh", ...headers];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

export function readStatus(answer: Buffer): Reading | undefined {
  if (!mayBegin(answer, "HTTP/")) return foreign(answer);
  const line = firstLine(answer);
  if (line === undefined) return undefined;
  return /^HTTP\/[0-9](\.[0-9])? [1-5][0-9]{2}( |$)/.test(line) ? open(line) : foreign(answer);
}
