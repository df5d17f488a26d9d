/** Long answers are compressed for whoever takes that: a matrix of a thousand nodes is a million bytes, most of them alike. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance } from "fastify";

const compressed = promisify(gzip);
/** Shorter ones fit into a packet anyway. */
const leastBytes = 1_400;
/** Most of the gain for a fifth of the time. */
const level = 3;

export function compress(app: FastifyInstance): void {
  app.addHook("onSend", async (request, reply, payload) => {
    const isLong = (typeof payload === "string" || Buffer.isBuffer(payload)) && payload.length >= leastBytes;
    if (!isLong || reply.getHeader("content-encoding") !== undefined) return payload;
    void reply.header("vary", "accept-encoding");
    if (!takesGzip(request.headers["accept-encoding"])) return payload;
    void reply.header("content-encoding", "gzip").removeHeader("content-length");
    return compressed(payload, { level });
  });
}

/** RFC 9110, 12.5.3, as far as gzip goes: named, and not with a weight of 0. */
function takesGzip(accepted: string | string[] = ""): boolean {
  return accepted
    .toString()
    .split(",")
    .some((each) => {
      const [coding = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
      return coding === "gzip" && !parameters.some((part) => /^q=0(\.0*)?$/.test(part));
    });
}
