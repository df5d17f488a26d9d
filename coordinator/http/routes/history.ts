/** What changed: transitions of paths, what happened to nodes, and latencies over time. */
import Type from "typebox";
import type { FastifyInstance } from "fastify";
import {
  HappeningSchema,
  LatencySchema,
  pageOf,
  reasonCodes,
  TransitionSchema,
  type HappeningState,
  type Latency,
} from "../../../shared/api.ts";
import { verdictOf, verdicts, type Verdict } from "../../../shared/names.ts";
import { bucketMs } from "../../../shared/watch-wire.ts";
import type { KeptHappening, LatencySpan } from "../../journal/journal.ts";
import { transitionState } from "../../watch/transition-state.ts";
import type { ApiContext } from "../http-server.ts";
import { momentOf, SpanQuery } from "../moments.ts";
import { PageQuery, pageSize, positionOf } from "../pages.ts";
import { nodeNamed } from "../resolve.ts";

const Order = Type.Optional(Type.Enum(["newest", "oldest"], { description: "Newest first unless told." }));
const TransitionQuerySchema = Type.Object(
  {
    ...SpanQuery.properties,
    ...PageQuery.properties,
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    spec: Type.Optional(Type.String()),
    flow: Type.Optional(Type.String()),
    verdict: Type.Optional(Type.Enum([...verdicts], { description: "What it was before or after." })),
    order: Order,
  },
  { additionalProperties: false },
);
const HappeningQuery = Type.Object(
  { ...SpanQuery.properties, ...PageQuery.properties, order: Order },
  { additionalProperties: false },
);
const LatencyQuery = Type.Object(
  { from: Type.String(), to: Type.String(), ...SpanQuery.properties },
  { additionalProperties: false },
);

interface SpanFilter {
  since?: string;
  until?: string;
  limit?: number;
  after?: string;
  order?: "newest" | "oldest";
}

const hourMs = 60 * 60_000;

export function historyRoutes(api: FastifyInstance, { coordinator, view }: ApiContext): void {
  const { journal } = coordinator;

  api.get<{
    Querystring: SpanFilter & { from?: string; to?: string; spec?: string; flow?: string; verdict?: Verdict };
  }>(
    "/transitions",
    {
      schema: {
        summary: "Changes of the verdicts of paths",
        querystring: TransitionQuerySchema,
        response: { 200: pageOf(TransitionSchema) },
      },
    },
    async ({ query }) => {
      const { from, to, spec, flow, verdict } = query;
      const limit = pageSize(query.limit);
      const found = await journal.transitions({
        ...spanOf(query, coordinator.now()),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(spec === undefined ? {} : { spec }),
        ...(flow === undefined ? {} : { flow }),
        ...(verdict === undefined ? {} : { codes: codesOf(verdict) }),
        limit: limit + 1,
      });
      return {
        items: found.slice(0, limit).map(({ id, transition }) => transitionState(id, transition, view.plan)),
        next: found.length > limit ? `${found[limit - 1]!.id}` : null,
      };
    },
  );

  api.get<{ Querystring: SpanFilter }>(
    "/happenings",
    {
      schema: {
        summary: "What happened to the cluster beside its paths",
        querystring: HappeningQuery,
        response: { 200: pageOf(HappeningSchema) },
      },
    },
    async ({ query }) => {
      const limit = pageSize(query.limit);
      const found = await journal.happenings({ ...spanOf(query, coordinator.now()), limit: limit + 1 });
      return {
        items: found.slice(0, limit).map(({ id, happening }) => happeningState(id, happening)),
        next: found.length > limit ? `${found[limit - 1]!.id}` : null,
      };
    },
  );

  api.get<{ Querystring: { from: string; to: string; since?: string; until?: string } }>(
    "/latency",
    {
      schema: {
        summary: "Round trips from one node to another over time, one entry a protocol",
        querystring: LatencyQuery,
        response: { 200: Type.Object({ items: Type.Array(LatencySchema), next: Type.Null() }) },
      },
    },
    async ({ query }) => {
      const { pairs } = view.plan;
      const from = nodeNamed(view.plan, query.from);
      const to = nodeNamed(view.plan, query.to);
      const now = coordinator.now();
      const first = pairs.firstTarget(from, to) - pairs.targetsFrom(from)[0];
      const byProtocol = Map.groupBy(pairs.rows(from, to).targets.entries(), ([, { protocol }]) => protocol);
      const items = await Promise.all(
        Array.from(byProtocol, async ([protocol, targets]): Promise<Latency> => {
          const spans = await journal.latency({
            node: query.from,
            plan: view.watched.version,
            targets: targets.map(([index]) => first + index),
            since: momentOf(query.since, now) ?? now - hourMs,
            until: momentOf(query.until, now) ?? now,
          });
          return { from: query.from, to: query.to, protocol, spans: spans.flatMap(spanState) };
        }),
      );
      return { items, next: null };
    },
  );
}

function spanOf(
  { since, until, after, order = "newest" }: SpanFilter,
  now: number,
): { since?: number; until?: number; after?: number; order: "newest" | "oldest" } {
  const from = momentOf(since, now);
  const to = momentOf(until, now);
  return {
    ...(from === undefined ? {} : { since: from }),
    ...(to === undefined ? {} : { until: to }),
    ...(after === undefined ? {} : { after: positionOf(after) }),
    order,
  };
}

function codesOf(verdict: Verdict): number[] {
  return reasonCodes.flatMap((reason, index) => (verdictOf(reason) === verdict ? [index + 1] : []));
}

function happeningState(id: number, { at, kind, node, text }: KeptHappening): HappeningState {
  return { id, at: new Date(at).toISOString(), kind, node: node ?? null, text };
}

function spanState({ at, seconds, counts }: LatencySpan): Latency["spans"] {
  const sorted = [...counts].toSorted(([a], [b]) => a - b);
  const samples = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (samples === 0) return [];
  const quantile = (share: number): number => {
    let seen = 0;
    for (const [bucket, count] of sorted) {
      seen += count;
      if (seen >= share * samples) return bucketMs(bucket);
    }
    return bucketMs(sorted.at(-1)![0]);
  };
  return [
    {
      at: new Date(at).toISOString(),
      seconds,
      samples,
      minMs: bucketMs(sorted[0]![0]),
      p50Ms: quantile(0.5),
      p90Ms: quantile(0.9),
      p99Ms: quantile(0.99),
      maxMs: bucketMs(sorted.at(-1)![0]),
    },
  ];
}
