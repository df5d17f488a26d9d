/**
 * The dashboard's files: a closed list, read when the coordinator starts. Scripts and styles are named by their
 * content, so that browsers may keep them; the page that names them is asked for anew each time.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "./problems.ts";

interface Asset {
  plain: Buffer;
  gz: Buffer | undefined;
  br: Buffer | undefined;
  etag: string;
}

/** What bin/build-page.ts writes, in a checkout and in the published package. */
const builtPage = join(import.meta.dirname, "../../web/dist");
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

export function servePage(app: FastifyInstance, folder = builtPage): void {
  const assets = readAssets(folder);
  app.get("/", { schema: { hide: true } }, (request, reply) => {
    const page = assets.get("index.html");
    if (page === undefined)
      throw new ApiError(503, "no-page", "the dashboard is not built", "Run sh bin/setup in the checkout.");
    void reply.headers({ "cache-control": "no-cache", etag: page.etag });
    if (isKnown(request.headers["if-none-match"], page.etag)) return reply.code(304).send();
    return send(request, reply, ".html", page);
  });
  app.get<{ Params: { name: string } }>("/assets/:name", { schema: { hide: true } }, (request, reply) => {
    const { name } = request.params;
    const asset = assets.get(name);
    if (asset === undefined || name === "index.html")
      throw new ApiError(404, "not-found", "there is no such file", "Load the page anew.");
    void reply.header("cache-control", "public, max-age=31536000, immutable");
    return send(request, reply, extname(name), asset);
  });
}

function send(request: FastifyRequest, reply: FastifyReply, extension: string, asset: Asset): FastifyReply {
  const accepted = request.headers["accept-encoding"] ?? "";
  const encoding = (["br", "gz"] as const).find(
    (each) => asset[each] !== undefined && accepted.includes(each === "gz" ? "gzip" : each),
  );
  void reply.headers({ "content-type": types[extension]!, vary: "accept-encoding" });
  if (encoding !== undefined) void reply.header("content-encoding", encoding === "gz" ? "gzip" : "br");
  return reply.send(encoding === undefined ? asset.plain : asset[encoding]);
}

/** RFC 9110, 13.1.2: a list of tags, of which the weak ones count as well. */
function isKnown(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

function readAssets(folder: string): Map<string, Asset> {
  let files: Set<string>;
  try {
    files = new Set(readdirSync(folder));
  } catch {
    // A checkout without its tools still watches; only the page is missing, and says so.
    return new Map();
  }
  const read = (file: string): Buffer | undefined =>
    files.has(file) ? readFileSync(join(folder, file)) : undefined;
  return new Map(
    [...files]
      .filter((file) => extname(file) in types)
      .map((file) => {
        const plain = read(file)!;
        const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
        return [file, { plain, gz: read(`${file}.gz`), br: read(`${file}.br`), etag }];
      }),
  );
}
