/** The report of the cluster as it stands, in the formats of `portmesh check`. */
import { Readable } from "node:stream";
import Type from "typebox";
import type { FastifyInstance } from "fastify";
import { reportFileFormats, type ReportFileFormat } from "../../../shared/calendar-settings.ts";
import { ReportSchema } from "../../../shared/report.ts";
import { reportText } from "../../watch/watch-report.ts";
import type { ApiContext } from "../http-server.ts";
import { ApiError } from "../problems.ts";

/** Each walks through all paths. */
const mostAtOnce = 2;
const longestMs = 5 * 60_000;
const contentTypes: Readonly<Record<ReportFileFormat, string>> = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  junit: "application/xml; charset=utf-8",
  md: "text/markdown; charset=utf-8",
};
/** The page brings its style along, and nothing else. */
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

export function reportRoutes(api: FastifyInstance, { coordinator, view, renderers }: ApiContext): void {
  let underWay = 0;
  api.get<{ Querystring: { format?: ReportFileFormat } }>(
    "/report",
    {
      schema: {
        summary: "The report of the cluster as it stands",
        description:
          "As JSON every path is in it, whatever their number; other formats leave out paths that pass where there are too many, and say so.",
        querystring: Type.Object(
          { format: Type.Optional(Type.Enum([...reportFileFormats])) },
          { additionalProperties: false },
        ),
        response: {
          200: {
            description: "By the format that was asked for; JSON unless told.",
            content: {
              "application/json": { schema: ReportSchema },
              "text/html": { schema: Type.String() },
              "text/csv": { schema: Type.String() },
              "application/xml": { schema: Type.String() },
              "text/markdown": { schema: Type.String() },
            },
          },
        },
      },
    },
    async ({ query: { format = "json" } }, reply) => {
      if (underWay >= mostAtOnce)
        throw new ApiError(
          503,
          "too-many",
          `${mostAtOnce} reports are under way already`,
          "Try again later.",
        );
      underWay++;
      // Who does not read it must not keep it from others for ever.
      const signal = AbortSignal.timeout(longestMs);
      const text = Readable.from(reportText(view, coordinator.now(), format, renderers), { signal });
      text.once("close", () => underWay--);
      void reply.header("content-type", contentTypes[format]).header("cache-control", "no-store");
      if (format === "html") void reply.header("content-security-policy", pagePolicy);
      return reply.send(text);
    },
  );
}
