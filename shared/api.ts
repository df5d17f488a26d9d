/**
 * What the coordinator's HTTP API answers: schemas, of which the OpenAPI document is made, and types, which
 * the dashboard and the command line share. Every list that can be long is paged.
 */
import Type, { type Static, type TSchema } from "typebox";
import {
  endpointTransports,
  levels,
  protocolNames,
  reasonsByVerdict,
  transports,
  verdicts,
  type Reason,
  type Verdict,
} from "./names.ts";
import { EndpointSchema, PathEvidenceSchema, RequirementSchema } from "./report.ts";

export { codeOf, reasonCodes } from "./reason-codes.ts";

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const Time = Type.String({ description: "RFC 3339, UTC, with milliseconds." });
const Name = Type.String();
const VerdictSchema = Type.Enum([...verdicts]);
const ReasonSchema = Type.Enum(verdicts.flatMap((verdict) => [...reasonsByVerdict[verdict]]));

export const CountsSchema = Type.Object({ pass: Count, warn: Count, fail: Count, unknown: Count }, exact);
export type Counts = Static<typeof CountsSchema>;

/** How an agent stands: `stale` is connected or not, and owes its sweeps for longer than three intervals. */
export const agentStates = ["alive", "stale", "gone", "missing", "drained"] as const;
export type AgentState = (typeof agentStates)[number];

export const StatusSchema = Type.Object(
  {
    cluster: Name,
    version: Type.String(),
    startedAt: Time,
    now: Time,
    plan: Type.Object(
      {
        version: Count,
        since: Time,
        specs: Type.Array(
          Type.Object({ id: Type.String(), version: Type.String(), title: Type.String() }, exact),
        ),
        paths: Count,
      },
      exact,
    ),
    intervalMs: Count,
    reload: Type.Object(
      { at: Time, ok: Type.Boolean(), error: Type.Optional(Type.String()) },
      { ...exact, description: "The last time the cluster file was read; a bad one leaves the old plan." },
    ),
    paths: CountsSchema,
    endpoints: CountsSchema,
    requirements: CountsSchema,
    agents: Type.Object({ alive: Count, stale: Count, gone: Count, missing: Count, drained: Count }, exact),
    history: Type.Object(
      {
        since: Type.Union([Time, Type.Null()]),
        bytes: Count,
        transitions: Count,
        problem: Type.Optional(Type.String({ description: "Why nothing is kept at the moment." })),
      },
      exact,
    ),
  },
  exact,
);
export type Status = Static<typeof StatusSchema>;

export const NodeStateSchema = Type.Object(
  {
    name: Name,
    addresses: Type.Array(Type.String()),
    roles: Type.Array(Type.String()),
    zone: Type.Union([Type.String(), Type.Null()]),
    group: Type.String({ description: "Roles and zone: nodes of one group are shown together." }),
    agent: Type.Object(
      {
        state: Type.Enum([...agentStates]),
        since: Type.Union([Time, Type.Null()]),
        version: Type.Optional(Type.String()),
        host: Type.Optional(Type.String()),
        via: Type.Optional(Type.String()),
        lastSweep: Type.Union([Time, Type.Null()]),
        sweepMs: Type.Optional(Type.Number()),
        backlog: Type.Optional(Count),
        clockOffsetMs: Type.Optional(Type.Number()),
      },
      exact,
    ),
    listeners: Type.Object({ bound: Count, occupied: Count, denied: Count, absent: Count }, exact),
    out: CountsSchema,
    in: CountsSchema,
  },
  exact,
);
export type NodeState = Static<typeof NodeStateSchema>;

export const FlowStateSchema = Type.Object(
  {
    spec: Name,
    flow: Name,
    transport: Type.Enum([...transports]),
    protocol: Type.Enum([...protocolNames]),
    ports: Type.String(),
    level: Type.Enum([...levels]),
    expected: Type.Enum(["open", "closed"]),
    doc: Type.String(),
    paths: CountsSchema,
  },
  exact,
);
export type FlowState = Static<typeof FlowStateSchema>;

export const PathStateSchema = Type.Object(
  {
    from: Name,
    to: Name,
    spec: Name,
    flow: Name,
    transport: Type.Enum([...transports]),
    protocol: Type.Enum([...protocolNames]),
    ports: Type.String(),
    expected: Type.Enum(["open", "closed"]),
    level: Type.Enum([...levels]),
    verdict: VerdictSchema,
    reason: ReasonSchema,
    since: Time,
    checked: Type.Union([Time, Type.Null()], { description: "When it was last probed." }),
    isFlapping: Type.Boolean(),
    rttMs: Type.Union([Type.Number(), Type.Null()]),
    doc: Type.String(),
  },
  exact,
);
export type PathState = Static<typeof PathStateSchema>;

const PathDetailSchema = Type.Object(
  {
    path: PathStateSchema,
    says: Type.String({ description: "What was seen, in a sentence." }),
    remedy: Type.Union([Type.String(), Type.Null()]),
    evidence: PathEvidenceSchema,
    command: Type.String({ description: "Reproduces the probe." }),
  },
  exact,
);
export type PathDetail = Static<typeof PathDetailSchema>;

/** A pair of nodes: all paths from one to the other, and the way back. */
export const PairSchema = Type.Object(
  { from: Name, to: Name, there: Type.Array(PathDetailSchema), back: Type.Array(PathStateSchema) },
  exact,
);
export type PairDetail = Static<typeof PairSchema>;

const { evidence: EndpointEvidence, ...endpointProperties } = EndpointSchema.properties;

/** A host outside of the cluster, as one node found it. */
export const EndpointStateSchema = Type.Object(
  {
    ...endpointProperties,
    since: Time,
    checked: Type.Union([Time, Type.Null()], { description: "When the node was there last." }),
    isFlapping: Type.Boolean(),
    says: Type.String({ description: "What was seen, in a sentence." }),
    remedy: Type.Union([Type.String(), Type.Null()]),
    evidence: Type.Optional({ ...EndpointEvidence, description: "Only where it is asked for." }),
  },
  exact,
);
export type EndpointState = Static<typeof EndpointStateSchema>;

export const RequirementStateSchema = Type.Object(
  { ...RequirementSchema.properties, says: Type.String({ description: "What was found, in a sentence." }) },
  exact,
);
export type RequirementState = Static<typeof RequirementStateSchema>;

/**
 * The worst reason of each pair. Of a thousand nodes it is a million cells, so that it is also to be had as bytes:
 * row after row, each cell a position in `reasons` plus one (`Accept: application/octet-stream`).
 */
export const MatrixSchema = Type.Object(
  {
    at: Time,
    plan: Count,
    nodes: Type.Array(Type.Object({ name: Name, group: Type.String() }, exact)),
    reasons: Type.Array(ReasonSchema, {
      description: "What the numbers in `cells` stand for, from 1; 0 is no path.",
    }),
    cells: Type.String({ description: "Base64 of one byte a pair: from node by from node." }),
  },
  exact,
);
export type MatrixAnswer = Static<typeof MatrixSchema>;

export const TransitionSchema = Type.Object(
  {
    id: Count,
    at: Time,
    from: Name,
    to: Type.String({ description: "A node, or a host outside of the cluster." }),
    isOutside: Type.Boolean(),
    spec: Name,
    flow: Type.String({ description: "Of a host outside, the row that asks for it." }),
    transport: Type.Enum([...endpointTransports]),
    ports: Type.String(),
    expected: Type.Enum(["open", "closed"]),
    before: Type.Object({ verdict: VerdictSchema, reason: ReasonSchema }, exact),
    after: Type.Object({ verdict: VerdictSchema, reason: ReasonSchema }, exact),
    isFlapping: Type.Boolean(),
    isLate: Type.Boolean({ description: "Told after the coordinator had been away." }),
    others: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "So many more far nodes changed alike at that moment, and have no item of their own unless `to` asks for one.",
      }),
    ),
    evidence: Type.Union([PathEvidenceSchema, EndpointSchema.properties.evidence, Type.Null()]),
  },
  exact,
);
export type TransitionState = Static<typeof TransitionSchema>;

/** What happened to the cluster beside its paths. */
export const happenings = [
  "joined",
  "left",
  "lost",
  "restarted",
  "moved",
  "name-conflict",
  "stale",
  "fresh",
  "drained",
  "gap",
  "requirement",
  "plan",
  "reload-failed",
  "started",
  "stopped",
  "history-problem",
  "full-sweep",
  "report",
  "notification-lost",
] as const;
export type Happening = (typeof happenings)[number];
export const HappeningSchema = Type.Object(
  {
    id: Count,
    at: Time,
    kind: Type.Enum([...happenings]),
    node: Type.Union([Name, Type.Null()]),
    text: Type.String(),
  },
  exact,
);
export type HappeningState = Static<typeof HappeningSchema>;

/** Round trips of a path in one span of time. */
export const LatencySchema = Type.Object(
  {
    from: Name,
    to: Name,
    protocol: Type.Enum([...protocolNames]),
    spans: Type.Array(
      Type.Object(
        {
          at: Time,
          seconds: Count,
          samples: Count,
          minMs: Type.Number(),
          p50Ms: Type.Number(),
          p90Ms: Type.Number(),
          p99Ms: Type.Number(),
          maxMs: Type.Number(),
        },
        exact,
      ),
    ),
  },
  exact,
);
export type Latency = Static<typeof LatencySchema>;

/** A pattern in the matrix, in words: what one cause would explain. */
export const FindingSchema = Type.Object(
  {
    kind: Type.Enum([
      "node-down",
      "node-ingress",
      "node-egress",
      "port-everywhere",
      "zone-pair",
      "pair",
      "agent",
    ]),
    text: Type.String(),
    explains: Count,
    of: Count,
    /** What to highlight: the cells of these nodes, as rows, as columns, or both. */
    from: Type.Array(Name),
    to: Type.Array(Name),
    spec: Type.Optional(Name),
    flow: Type.Optional(Name),
  },
  exact,
);
export type Finding = Static<typeof FindingSchema>;

export const ProbeOrderSchema = Type.Object(
  {
    from: Name,
    to: Name,
    transport: Type.Enum([...transports]),
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
  },
  exact,
);
export type ProbeOrderBody = Static<typeof ProbeOrderSchema>;
export const ProbeAnswerSchema = Type.Object(
  {
    at: Time,
    verdict: VerdictSchema,
    reason: ReasonSchema,
    says: Type.String(),
    evidence: PathEvidenceSchema,
  },
  exact,
);
export type ProbeAnswer = Static<typeof ProbeAnswerSchema>;

/** What is wrong with a request; `next` says what would do. */
export const ProblemSchema = Type.Object(
  { error: Type.String(), message: Type.String(), next: Type.Optional(Type.String()) },
  exact,
);
export type Problem = Static<typeof ProblemSchema>;

/** A page of a list. `next` is what `after` is to be for the following page; null on the last. */
export function pageOf<Item extends TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item), next: Type.Union([Type.String(), Type.Null()]) }, exact);
}
export interface Page<Item> {
  items: Item[];
  next: string | null;
}

/**
 * What `/api/v1/events` sends as it happens (server-sent events; `id` lets a client go on where it was). The
 * names are those of the SSE events. The `id` of what is told there is 0: only the history gives ids.
 */
export interface LiveEvents {
  /** To a client that comes back too late to be told all that it missed: what it shows is to be asked for anew. */
  missed: { now: string };
  transitions: { at: string; plan: number; items: TransitionState[]; truncated: number };
  happening: HappeningState;
  /** Every few seconds, and after whatever changed the counts. */
  status: Pick<Status, "now" | "paths" | "endpoints" | "requirements" | "agents" | "plan">;
}

export type { Reason, Verdict };
