/** Status, flows, the matrix of now or of any past moment, and the patterns in it. */
import Type, { type Static } from "typebox";
import type { FastifyInstance } from "fastify";
import {
  FindingSchema,
  FlowStateSchema,
  MatrixSchema,
  pageOf,
  reasonCodes,
  StatusSchema,
  type MatrixAnswer,
  type Status,
} from "../../../shared/api.ts";
import { transports } from "../../../shared/names.ts";
import type { PathRow } from "../../../shared/pair-rows.ts";
import { hasPort } from "../../../shared/ports.ts";
import type { LiveMatrix } from "../../watch/live-matrix.ts";
import { patternsOf } from "../../watch/patterns.ts";
import { pastMatrix } from "../past-matrix.ts";
import type { ApiContext } from "../http-server.ts";
import { ApiError } from "../problems.ts";
import { MomentQuery, momentOf } from "../moments.ts";

const FlowQuery = Type.Object({
  spec: Type.Optional(Type.String()),
  flow: Type.Optional(Type.String()),
  transport: Type.Optional(Type.Enum([...transports])),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
});
type FlowFilter = Static<typeof FlowQuery>;
const MatrixQuery = Type.Object(
  { ...FlowQuery.properties, ...MomentQuery.properties },
  { additionalProperties: false },
);

export function matrixRoutes(api: FastifyInstance, { coordinator, view, version }: ApiContext): void {
  api.get(
    "/status",
    { schema: { summary: "How the cluster stands", response: { 200: StatusSchema } } },
    async () => statusOf({ coordinator, view, version }),
  );
  api.get(
    "/flows",
    { schema: { summary: "Each flow with how its paths stand", response: { 200: pageOf(FlowStateSchema) } } },
    () => ({ items: view.flows(), next: null }),
  );
  api.get<{ Querystring: FlowFilter & { at?: string } }>(
    "/matrix",
    {
      schema: {
        summary: "The worst reason of each pair of nodes, of all flows or of some",
        description: "As JSON, or with `Accept: application/octet-stream` as one byte a pair, row after row.",
        querystring: MatrixQuery,
        response: {
          200: {
            description: "The matrix.",
            content: {
              "application/json": { schema: MatrixSchema },
              "application/octet-stream": { schema: Type.String({ format: "binary" }) },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const { spec, flow, transport, port, at } = request.query;
      const isWanted = (row: PathRow): boolean =>
        (spec === undefined || row.spec === spec) &&
        (flow === undefined || row.flow === flow) &&
        (transport === undefined || row.transport === transport) &&
        (port === undefined || hasPort(row.ports, port));
      const moment = momentOf(at, coordinator.now());
      const shown =
        moment === undefined
          ? { matrix: view.matrix, version: view.watched.version }
          : await pastMatrix(coordinator, moment);
      if (shown === undefined) throw noHistory(at);
      const cells = shown.matrix.worst(isWanted);
      const time = new Date(moment ?? coordinator.now()).toISOString();
      if (request.headers.accept === "application/octet-stream") {
        void reply.headers({
          "content-type": "application/octet-stream",
          "portmesh-at": time,
          "portmesh-plan": `${shown.version}`,
        });
        return reply.serializer((bytes: Buffer) => bytes as unknown as string).send(Buffer.from(cells));
      }
      return matrixAnswer(shown.matrix, shown.version, time, cells);
    },
  );
  api.get<{ Querystring: { at?: string } }>(
    "/findings",
    {
      schema: {
        summary: "Patterns in the matrix, in words, those that explain most first",
        querystring: Type.Object(MomentQuery.properties, { additionalProperties: false }),
        response: { 200: pageOf(FindingSchema) },
      },
    },
    async ({ query }) => {
      const moment = momentOf(query.at, coordinator.now());
      if (moment === undefined)
        return { items: patternsOf(view.matrix, (node) => view.agentState(node)), next: null };
      const past = await pastMatrix(coordinator, moment);
      if (past === undefined) throw noHistory(query.at);
      const { matrix } = past;
      return { items: patternsOf(matrix, (node) => (matrix.isStale(node) ? "stale" : "alive")), next: null };
    },
  );
}

function noHistory(at: string | undefined): ApiError {
  return new ApiError(
    404,
    "no-history",
    `nothing is known of ${at}`,
    "GET /api/v1/status says since when there is a history.",
  );
}

function matrixAnswer(matrix: LiveMatrix, plan: number, at: string, cells: Uint8Array): MatrixAnswer {
  return {
    at,
    plan,
    nodes: matrix.plan.nodes.map(({ name, index }) => ({
      name,
      group: matrix.groups[matrix.groupOf[index]!]!,
    })),
    reasons: [...reasonCodes],
    cells: Buffer.from(cells).toString("base64"),
  };
}

async function statusOf({ coordinator, view, version }: Omit<ApiContext, "renderers">): Promise<Status> {
  const { plan, version: planVersion, since } = view.watched;
  const stats = await coordinator.journal.stats();
  const { at, ok, error } = view.reload;
  const problem = view.problem ?? stats.problem;
  return {
    cluster: plan.cluster,
    version,
    startedAt: new Date(coordinator.startedAt).toISOString(),
    now: new Date(coordinator.now()).toISOString(),
    plan: {
      version: planVersion,
      since: new Date(since).toISOString(),
      specs: plan.specs.map((spec) => ({ ...spec })),
      paths: plan.pairs.pathCount,
    },
    intervalMs: coordinator.intervalMs,
    reload: { at: new Date(at).toISOString(), ok, ...(error === undefined ? {} : { error }) },
    paths: view.counts(),
    endpoints: view.endpointCounts(),
    requirements: view.requirementCounts(),
    agents: view.agentCounts(),
    history: {
      since: stats.since === undefined ? null : new Date(stats.since).toISOString(),
      bytes: stats.bytes,
      transitions: stats.transitions,
      ...(problem === undefined ? {} : { problem }),
    },
  };
}
