/** The dashboard's files as the coordinator serves them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastify, type FastifyInstance, type LightMyRequestResponse } from "fastify";
import t from "tap";
import { guard } from "../../../coordinator/http/access.ts";
import { asProblem } from "../../../coordinator/http/problems.ts";
import { servePage } from "../../../coordinator/http/page.ts";

const folder = mkdtempSync(join(tmpdir(), "portmesh-assets-"));
t.teardown(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "index.html"), "<!doctype html>");
writeFileSync(join(folder, "app-1.js"), "plain");
writeFileSync(join(folder, "app-1.js.gz"), "gzipped");
writeFileSync(join(folder, "app-1.js.br"), "brotli");
writeFileSync(join(folder, "notes.txt"), "not for browsers");

const app = fastify();
answerProblems(app);
guard(app, { token: "secret", names: [] }, false);
servePage(app, folder);
t.teardown(() => app.close());
const get = async (url: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
  app.inject({ url, headers: { host: "127.0.0.1", ...headers } });

t.test("nothing but our own script, style and API may be loaded or asked", async (t) => {
  const { headers, statusCode } = await get("/");
  t.equal(statusCode, 200, "the page itself needs no token");
  const policy = new Map(
    String(headers["content-security-policy"])
      .split("; ")
      .map((part) => [part.split(" ")[0]!, part.split(" ").slice(1).join(" ")]),
  );
  t.equal(policy.get("default-src"), "'none'");
  for (const kind of ["script-src", "style-src", "connect-src"]) t.equal(policy.get(kind), "'self'", kind);
  for (const kind of ["base-uri", "frame-ancestors"]) t.equal(policy.get(kind), "'none'", kind);
  t.notMatch([...policy.values()].join(" "), /unsafe|https?:|\*/);
  t.match(headers, {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
  });
});

t.test("assets are kept for ever, the page that names them is asked for anew", async (t) => {
  const asset = await get("/assets/app-1.js");
  t.match(asset.headers, {
    "cache-control": "public, max-age=31536000, immutable",
    "content-type": "text/javascript; charset=utf-8",
    vary: "accept-encoding",
  });
  const page = await get("/");
  t.equal(page.headers["cache-control"], "no-cache");
  const { etag } = page.headers;
  t.match(etag, /^"[\w-]+"$/);
  const again = await get("/", { "if-none-match": `W/"other", ${String(etag)}` });
  t.equal(again.statusCode, 304);
  t.equal(again.body, "");
  t.equal((await get("/", { "if-none-match": '"other"' })).statusCode, 200);
});

t.test("what a browser takes compressed it gets so", async (t) => {
  const bodies = [];
  for (const accepted of ["gzip, br", "gzip", "identity"])
    bodies.push((await get("/assets/app-1.js", { "accept-encoding": accepted })).body);
  t.same(bodies, ["brotli", "gzipped", "plain"]);
});

t.test("only what was built is there", async (t) => {
  for (const url of [
    "/assets/notes.txt",
    "/assets/index.html",
    "/assets/app-1.js.gz",
    "/assets/..%2findex.html",
    "/assets/%2e%2e/index.html",
  ])
    t.equal((await get(url)).statusCode, 404, url);
  t.equal((await get("/", { host: "evil.example" })).statusCode, 421, "not under another name");
});

t.test("a checkout without a built page says how to build it", async (t) => {
  const bare = fastify();
  answerProblems(bare);
  t.teardown(() => bare.close());
  servePage(bare, join(folder, "nothing"));
  const { statusCode, body } = await bare.inject("/");
  t.equal(statusCode, 503);
  t.match(body, "is not built");
});

function answerProblems(server: FastifyInstance): void {
  server.setErrorHandler((error, _request, reply) => {
    const { status, problem } = asProblem(error);
    void reply.code(status).send(problem);
  });
}
