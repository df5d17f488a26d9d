/** A path that is there for other methods is told from one that is not there at all (RFC 9110, 15.5.6). */
import type { FastifyInstance } from "fastify";
import { ApiError } from "./problems.ts";

export function nothingThere(app: FastifyInstance): void {
  const known: { path: RegExp; methods: string[] }[] = [];
  app.addHook("onRoute", ({ url, method }) => {
    const path = new RegExp(`^${url.replaceAll(/:[a-z]+/g, "[^/]+").replaceAll(".", "\\.")}$`);
    known.push({ path, methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0]!;
    const shown = `${request.method} ${path.slice(0, 200)}`;
    const methods = known.flatMap((each) => (each.path.test(path) ? each.methods : []));
    if (methods.length === 0)
      throw new ApiError(
        404,
        "not-found",
        `there is no ${shown}`,
        "GET /api/v1/openapi.json lists all there is.",
      );
    const allowed = [...new Set(methods)].join(", ");
    void reply.header("allow", allowed);
    throw new ApiError(405, "wrong-method", `there is no ${shown}`, `Use ${allowed}.`);
  });
}
