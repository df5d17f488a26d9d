/** Hosts outside of the cluster as the nodes find them, and what else is asked of the nodes. */
import Type from "typebox";
import type { FastifyInstance } from "fastify";
import {
  EndpointStateSchema,
  pageOf,
  RequirementStateSchema,
  type EndpointState,
  type RequirementState,
} from "../../../shared/api.ts";
import { explainRequirement } from "../../../shared/explain-requirement.ts";
import type { PlannedEndpoint } from "../../../shared/endpoint-plan.ts";
import { verdicts, type Verdict } from "../../../shared/names.ts";
import type { ReportRequirement } from "../../../shared/report.ts";
import type { ApiContext } from "../http-server.ts";
import { PageQuery, pageSize, placeAt, placeIn } from "../pages.ts";
import { nodeNamed } from "../resolve.ts";

const Filter = {
  spec: Type.Optional(Type.String()),
  verdict: Type.Optional(Type.Enum([...verdicts])),
  ...PageQuery.properties,
};
const EndpointQuery = Type.Object(
  {
    from: Type.Optional(Type.String()),
    host: Type.Optional(Type.String()),
    row: Type.Optional(Type.String()),
    evidence: Type.Optional(Type.Boolean({ description: "Whether every attempt is told." })),
    ...Filter,
  },
  { additionalProperties: false },
);
const RequirementQuery = Type.Object(
  { node: Type.Optional(Type.String()), ...Filter },
  { additionalProperties: false },
);

interface PageFilter {
  spec?: string;
  verdict?: Verdict;
  limit?: number;
  after?: string;
}

export function outsideRoutes(api: FastifyInstance, { view }: ApiContext): void {
  api.get<{
    Querystring: PageFilter & { from?: string; host?: string; row?: string; evidence?: boolean };
  }>(
    "/endpoints",
    {
      schema: {
        summary: "Hosts outside of the cluster, one entry a node and host",
        querystring: EndpointQuery,
        response: { 200: pageOf(EndpointStateSchema) },
      },
    },
    ({ query }) => {
      const { from, host, row, spec, verdict } = query;
      const near = from === undefined ? undefined : nodeNamed(view.plan, from);
      const isWanted = (each: PlannedEndpoint): boolean =>
        (near === undefined || each.from === near) &&
        (host === undefined || each.host === host) &&
        (row === undefined || each.row === row) &&
        (spec === undefined || each.spec === spec) &&
        (verdict === undefined || view.endpointJudgement(each).verdict === verdict);
      return pageFrom(view.plan.endpoints, isWanted, query, (endpoint): EndpointState => {
        const { evidence, ...state } = view.endpointState(endpoint);
        return query.evidence === true ? { ...state, evidence } : state;
      });
    },
  );

  api.get<{ Querystring: PageFilter & { node?: string } }>(
    "/requirements",
    {
      schema: {
        summary: "What is asked of nodes beside their paths, as it was read last",
        querystring: RequirementQuery,
        response: { 200: pageOf(RequirementStateSchema) },
      },
    },
    ({ query }) => {
      const { node, spec, verdict } = query;
      const isWanted = (each: ReportRequirement): boolean =>
        (node === undefined || each.node === node) &&
        (spec === undefined || each.spec === spec) &&
        (verdict === undefined || each.verdict === verdict);
      return pageFrom(view.requirements, isWanted, query, (each): RequirementState => ({
        ...each,
        says: explainRequirement(each),
      }));
    },
  );

  /** Pages are counted by the whole list, whatever its items are found to be meanwhile. */
  function pageFrom<Item, State>(
    all: readonly Item[],
    isWanted: (item: Item) => boolean,
    { limit, after }: PageFilter,
    show: (item: Item) => State,
  ): { items: State[]; next: string | null } {
    const { version } = view.watched;
    const size = pageSize(limit);
    const items: State[] = [];
    for (let position = placeIn(version, after); position < all.length; position++) {
      const item = all[position]!;
      if (!isWanted(item)) continue;
      if (items.length === size) return { items, next: placeAt(version, position) };
      items.push(show(item));
    }
    return { items, next: null };
  }
}
