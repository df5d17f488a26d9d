/** A tunnel through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), with Basic authentication (RFC 7617). */
import { formatEndpoint } from "../../../shared/addresses.ts";
import { readHead } from "../http-head.ts";
import { foreign, mayBegin, printable } from "../services/exchange.ts";
import type { Login, Tunnel, TunnelStep, TunnelTarget } from "./tunnel.ts";

/** As much as usual servers allow for all headers together. */
const maxHeaderBytes = 16 * 1024;
/** How many ways to log in are told. */
const maxSchemes = 5;

export function httpConnect({ host, port }: TunnelTarget, login: Login | undefined): Tunnel {
  const authority = formatEndpoint(host, port);
  const lines = [
    `CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    "User-Agent: portmesh",
    ...(login === undefined ? [] : [`Proxy-Authorization: Basic ${basic(login)}`]),
  ];
  return { opening: Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), read };
}

function basic({ user, password }: Login): string {
  return Buffer.from(`${user}:${password}`).toString("base64");
}

function read(answer: Buffer): TunnelStep | undefined {
  if (!mayBegin(answer, "HTTP/")) return strange(answer);
  const head = readHead(answer, maxHeaderBytes);
  if (head === undefined)
    return answer.length < maxHeaderBytes
      ? undefined
      : { kind: "wrong-answer", detail: `more than ${maxHeaderBytes} bytes of headers` };
  const { first, headers, length } = head;
  const match = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: (.*))?$/.exec(first);
  if (match === null) return strange(answer);
  const [, code = "", phrase = ""] = match;
  // An interim response (1xx): the final one follows.
  if (code.startsWith("1")) return { taken: length, say: Buffer.alloc(0) };
  // What a 2xx says of a body does not count after CONNECT: the tunnel begins behind the headers.
  if (code.startsWith("2")) return { taken: length };
  const schemes = code === "407" ? schemesOf(headers) : [];
  const asks = schemes.length === 0 ? "" : `; it asks for ${schemes.join(" or ")}`;
  return {
    kind: "proxy-refused",
    code,
    status: Number(code),
    detail: printable(`${phrase || `status ${code}`}${asks}`),
  };
}

/** One line of it, since who gives back what it was told gives back the login, too. */
function strange(answer: Buffer): TunnelStep {
  const end = answer.indexOf("\n");
  return { kind: "wrong-answer", detail: foreign(end < 0 ? answer : answer.subarray(0, end)).detail };
}

/** `Basic`, `Negotiate`, …: the first word of each challenge that stands in a line of its own. */
function schemesOf(headers: readonly string[]): string[] {
  const schemes = headers.flatMap(
    (line) => /^proxy-authenticate:\s*([!#$%&'*+.^_`|~0-9a-z-]{1,30})/i.exec(line)?.[1] ?? [],
  );
  return [...new Set(schemes)].slice(0, maxSchemes);
}
