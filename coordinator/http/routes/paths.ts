/** Paths as they stand, those of a pair with what both ends saw, and probes on demand. */
import Type from "typebox";
import type { FastifyInstance } from "fastify";
import {
  pageOf,
  PairSchema,
  PathStateSchema,
  ProbeAnswerSchema,
  ProbeOrderSchema,
  type PairDetail,
  type PathDetail,
  type PathState,
  type ProbeAnswer,
  type ProbeOrderBody,
} from "../../../shared/api.ts";
import { explainPath, remedyFor } from "../../../shared/explain.ts";
import { verdicts, type Verdict } from "../../../shared/names.ts";
import { hasPort, type PortSet } from "../../../shared/ports.ts";
import { reasonOfCode, verdictOfCode } from "../../watch/live-matrix.ts";
import type { PathPlace } from "../../watch/path-states.ts";
import type { ApiContext } from "../http-server.ts";
import { ApiError } from "../problems.ts";
import { PageQuery, pageSize, placeAt, placeIn } from "../pages.ts";
import { nodeNamed } from "../resolve.ts";

const PathQuery = Type.Object(
  {
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    spec: Type.Optional(Type.String()),
    flow: Type.Optional(Type.String()),
    transport: Type.Optional(Type.Enum(["tcp", "udp"])),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
    verdict: Type.Optional(Type.Enum([...verdicts])),
    reason: Type.Optional(Type.String({ maxLength: 40 })),
    ...PageQuery.properties,
  },
  { additionalProperties: false },
);
interface PathFilter {
  from?: string;
  to?: string;
  spec?: string;
  flow?: string;
  transport?: string;
  port?: number;
  verdict?: Verdict;
  reason?: string;
  limit?: number;
  after?: string;
}

/** A page is looked for among so many paths at most; where it is not full by then, the next one goes on there. */
const maxLookedAt = 2_000_000;

export function pathRoutes(api: FastifyInstance, { coordinator, view }: ApiContext): void {
  api.get<{ Querystring: PathFilter }>(
    "/paths",
    {
      schema: {
        summary: "Paths as they stand",
        querystring: PathQuery,
        response: { 200: pageOf(PathStateSchema) },
      },
    },
    ({ query }) => {
      const { from, to, limit, after } = query;
      const { version } = view.watched;
      const start = placeIn(version, after);
      const size = pageSize(limit);
      const near = from === undefined ? undefined : nodeNamed(view.plan, from);
      const far = to === undefined ? undefined : nodeNamed(view.plan, to);
      const items: PathState[] = [];
      let looked = 0;
      for (const place of view.places(near, far)) {
        if (place.id < start) continue;
        if (items.length >= size || looked++ > maxLookedAt)
          return { items, next: placeAt(version, place.id) };
        if (!isOfRow(place, query)) continue;
        const code = view.matrix.code(place.from, place.id);
        if (query.verdict !== undefined && verdictOfCode(code) !== query.verdict) continue;
        if (query.reason !== undefined && reasonOfCode(code) !== query.reason) continue;
        items.push(view.path(place));
      }
      return { items, next: null };
    },
  );

  api.get<{ Params: { from: string; to: string } }>(
    "/paths/:from/:to",
    {
      schema: {
        summary: "All paths from one node to another with their evidence, and how the way back stands",
        params: Type.Object({ from: Type.String(), to: Type.String() }),
        response: { 200: PairSchema },
      },
    },
    ({ params }): PairDetail => {
      const from = nodeNamed(view.plan, params.from);
      const to = nodeNamed(view.plan, params.to);
      return {
        from: params.from,
        to: params.to,
        there: Array.from(view.places(from, to), (place) => detailOf(place)),
        back: Array.from(view.places(to, from), (place) => view.path(place)),
      };
    },
  );

  api.post<{ Body: ProbeOrderBody }>(
    "/probes",
    {
      schema: {
        summary: "Has a node probe a port of another at once",
        description: "Only ports that the plan has the two nodes use. Both ends are asked, as in a sweep.",
        body: ProbeOrderSchema,
        response: { 200: ProbeAnswerSchema },
      },
    },
    async ({ body }): Promise<ProbeAnswer> => {
      const from = nodeNamed(view.plan, body.from);
      const to = nodeNamed(view.plan, body.to);
      const place = Array.from(view.places(from, to)).find((each) => isOfRow(each, body));
      if (place === undefined)
        throw new ApiError(
          422,
          "not-planned",
          `no flow from ${body.from} to ${body.to} uses ${body.transport}/${body.port}`,
          `GET /api/v1/paths?from=${body.from}&to=${body.to} lists those that there are.`,
        );
      const first = view.plan.pairs.firstTarget(from, to) - view.plan.pairs.targetsFrom(from)[0];
      const asked = new Map(
        place.row.targets.map((position): [number, PortSet] => [first + position, [[body.port, body.port]]]),
      );
      if (!(await coordinator.watch.lookNow(from, to, asked)))
        throw new ApiError(
          503,
          "no-answer",
          `the agent of ${body.from} did not answer`,
          "GET /api/v1/nodes says how it stands.",
        );
      const judged = view.evidence(place);
      return {
        at: new Date(coordinator.now()).toISOString(),
        verdict: judged.verdict,
        reason: judged.reason,
        says: explainPath(judged),
        evidence: judged.evidence,
      };
    },
  );

  function detailOf(place: PathPlace): PathDetail {
    const path = view.path(place);
    const judged = view.evidence(place);
    const { address = "", port } = judged.evidence.source;
    const { verdict, reason } = path;
    // What is shown may be of more looks than the last one: the words are for what is shown.
    const told = { ...judged, verdict, reason };
    const protocol = path.protocol === "tcp" ? "" : ` --protocol ${path.protocol}`;
    return {
      path,
      says: explainPath(told),
      remedy: remedyFor(told) ?? null,
      evidence: judged.evidence,
      command: `portmesh probe ${address.includes(":") ? `[${address}]` : address}:${port ?? place.row.ports[0]![0]}${protocol}`,
    };
  }
}

function isOfRow({ row }: PathPlace, { spec, flow, transport, port }: PathFilter): boolean {
  return (
    (spec === undefined || row.spec === spec) &&
    (flow === undefined || row.flow === flow) &&
    (transport === undefined || row.transport === transport) &&
    (port === undefined || hasPort(row.ports, port))
  );
}
