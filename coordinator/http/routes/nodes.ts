/** Nodes with their agents, and the specs that are in force. */
import Type from "typebox";
import type { FastifyInstance } from "fastify";
import { NodeStateSchema, pageOf } from "../../../shared/api.ts";
import { OptionValueSchema } from "../../../shared/spec-options.ts";
import type { ApiContext } from "../http-server.ts";
import { PageQuery, pageSize, placeAt, placeIn } from "../pages.ts";
import { nodeNamed } from "../resolve.ts";

const SpecStateSchema = Type.Object(
  {
    id: Type.String(),
    version: Type.String(),
    title: Type.String(),
    options: Type.Record(Type.String(), OptionValueSchema),
  },
  { additionalProperties: false },
);

export function nodeRoutes(api: FastifyInstance, { coordinator, view }: ApiContext): void {
  api.get<{ Querystring: { limit?: number; after?: string } }>(
    "/nodes",
    {
      schema: {
        summary: "Nodes with their agents",
        querystring: Type.Object(PageQuery.properties, { additionalProperties: false }),
        response: { 200: pageOf(NodeStateSchema) },
      },
    },
    ({ query: { limit, after } }) => {
      const { version } = view.watched;
      const start = placeIn(version, after);
      const end = start + pageSize(limit);
      const items = view.plan.nodes.slice(start, end).map(({ index }) => view.node(index));
      return { items, next: end < view.plan.nodes.length ? placeAt(version, end) : null };
    },
  );
  api.get<{ Params: { name: string } }>(
    "/nodes/:name",
    {
      schema: {
        summary: "One node",
        params: Type.Object({ name: Type.String() }),
        response: { 200: NodeStateSchema },
      },
    },
    ({ params }) => view.node(nodeNamed(view.plan, params.name)),
  );
  api.get(
    "/specs",
    {
      schema: {
        summary: "The specs in force, with the options of the cluster file",
        response: { 200: pageOf(SpecStateSchema) },
      },
    },
    () => ({
      items: coordinator.cluster.specs.map(({ spec, options }) => ({
        id: spec.id,
        version: spec.version,
        title: spec.title,
        options,
      })),
      next: null,
    }),
  );
}
