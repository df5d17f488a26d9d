/**
 * Who may ask what. Reading is open to whoever reaches the port, unless there is a token; whatever makes agents do
 * something needs one. A page of another site can do neither: it is not let read, and its requests are told by
 * their origin.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ApiError } from "./problems.ts";

export interface Access {
  /** Bearer tokens; undefined where anybody who reaches the port may read. */
  token: string | undefined;
  /** Names by which this port is called, beside addresses and localhost: what else a browser asks for is an attack. */
  names: readonly string[];
}

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);
/** For whoever reaches the port, whether or not there is a token: the page itself is no secret, what it asks for is. */
const openRoutes: ReadonlySet<string | undefined> = new Set(["/healthz", "/readyz", "/", "/assets/:name"]);
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

export function guard(app: FastifyInstance, access: Access, isSecure: boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      ...(isSecure ? { "strict-transport-security": "max-age=31536000" } : {}),
    });
    const host = hostOf(request.headers.host);
    if (!isOurs(host, access.names))
      throw new ApiError(
        421,
        "wrong-host",
        `this is not ${JSON.stringify(host.slice(0, 100))}`,
        "Name it with --http-name.",
      );
    const isWrite = !safeMethods.has(request.method);
    if (isWrite) checkOrigin(request);
    // By the route that was found, since one route has many spellings.
    const route = request.routeOptions.url;
    if (openRoutes.has(route)) return;
    // Outside of the API it is no secret that there is nothing.
    if (route === undefined && !request.url.startsWith("/api/")) return;
    if (access.token === undefined) {
      if (isWrite && !isLoopback(request.ip))
        throw new ApiError(
          403,
          "no-token",
          "orders from other hosts need a token",
          "Start the coordinator with --token-file FILE.",
        );
      return;
    }
    if (isToken(request.headers.authorization, access.token)) return;
    void reply.header("www-authenticate", "Bearer");
    throw new ApiError(401, "unauthorized", "a bearer token is needed", "Send Authorization: Bearer TOKEN.");
  });
}

function isToken(header: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1] ?? "";
  // Digests are of one length: how long it takes says nothing of the token, nor of its length.
  return timingSafeEqual(digestOf(given), digestOf(token));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Browsers say where a request comes from; nothing else has to. */
function checkOrigin({ headers }: FastifyRequest): void {
  const { origin, host } = headers;
  if (origin === undefined) return;
  const from = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
  if (from !== host) throw new ApiError(403, "wrong-origin", "this request comes from another site");
}

/** Of `Host`, without the port. */
function hostOf(header: string | undefined): string {
  return (header ?? "")
    .replace(/:[0-9]+$/, "")
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
}

/** A name that somebody else made to lead here reads the API with a browser behind the firewall (DNS rebinding). */
function isOurs(host: string, names: readonly string[]): boolean {
  return isIP(host) !== 0 || host === "localhost" || names.includes(host);
}

/** Without an address it came by a Unix socket. */
function isLoopback(address: string | undefined): boolean {
  return (
    address === undefined ||
    address === "::1" ||
    address.startsWith("127.") ||
    address.startsWith("::ffff:127.")
  );
}
