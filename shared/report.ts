/** The report of a check as scripts get it (`-o json`): schema, type, and the exit code it stands for. */
import Type, { type Static } from "typebox";
import { AttemptSchema, EndpointReportSchema } from "./endpoint-report.ts";
import {
  checkPhases,
  endpointTransports,
  exchangeNames,
  levels,
  listenerStates,
  outcomeKinds,
  probePhases,
  protocolNames,
  reasonsByVerdict,
  routes,
  transports,
  verdicts,
} from "./names.ts";

const exact = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const Time = Type.String({ description: "RFC 3339, UTC." });
const VerdictSchema = Type.Enum([...verdicts]);
const ReasonSchema = Type.Enum(verdicts.flatMap((verdict) => [...reasonsByVerdict[verdict]]));

const SourceEvidence = Type.Object(
  {
    outcome: Type.Optional(Type.Enum([...outcomeKinds])),
    phase: Type.Optional(Type.Enum([...probePhases])),
    code: Type.Optional(Type.String()),
    detail: Type.Optional(Type.String()),
    exchange: Type.Optional(
      Type.Enum([...exchangeNames], {
        description: "What was spoken with the real service that holds the port.",
      }),
    ),
    elapsedMs: Type.Optional(Type.Number()),
    attempts: Type.Optional(Count),
    port: Type.Optional(Count),
    address: Type.Optional(Type.String()),
    answeredBy: Type.Optional(Type.Object({ node: Type.String(), port: Count }, exact)),
    quality: Type.Optional(
      Type.Object(
        {
          sent: Count,
          lost: Count,
          rttMs: Type.Optional(Type.Number({ description: "Median of the answered round trips." })),
          blackHole: Type.Optional(
            Type.Object(
              { pathMtu: Count, lost: Type.Enum(["there", "back"]) },
              {
                ...exact,
                description: "Larger packets than pathMtu (bytes, IP header included) vanish on this way.",
              },
            ),
          ),
        },
        { ...exact, description: "Round trips measured after all was probed." },
      ),
    ),
    seenAs: Type.Optional(
      Type.String({ description: "The source address that the far end saw, where a NAT changed it." }),
    ),
  },
  exact,
);
const TargetEvidence = Type.Object(
  {
    agent: Type.Enum(["alive", "gone", "missing"]),
    listener: Type.Optional(Type.Enum([...listenerStates])),
    sawRequest: Type.Optional(
      Type.Boolean({
        description: "Whether the request of the failed probe arrived; absent where the agent was not asked.",
      }),
    ),
    sawConnection: Type.Optional(
      Type.Boolean({ description: "Whether TCP connected up to the agent, and nothing was said." }),
    ),
    impaired: Type.Optional(
      Type.Boolean({ description: "The agent did not get to run for a time that matters." }),
    ),
    owner: Type.Optional(Type.String()),
    detail: Type.Optional(Type.String()),
  },
  exact,
);

/** What both ends of a path saw. */
export const PathEvidenceSchema = Type.Object({ source: SourceEvidence, target: TargetEvidence }, exact);

const PathSchema = Type.Object(
  {
    from: Type.String(),
    to: Type.String(),
    spec: Type.String(),
    flow: Type.String(),
    level: Type.Enum([...levels]),
    transport: Type.Enum([...transports]),
    protocol: Type.Enum([...protocolNames]),
    ports: Type.String(),
    anyOf: Type.Optional(
      Type.Boolean({ description: "One open port is enough; absent where all are needed." }),
    ),
    expected: Type.Enum(["open", "closed"]),
    verdict: VerdictSchema,
    reason: ReasonSchema,
    rttMs: Type.Union([Type.Number(), Type.Null()], { description: "Median of the answered probes." }),
    coverage: Type.String({ description: "Ports probed of ports required, such as 2768/2768." }),
    coveredAt: Type.Optional(
      Type.String({
        description:
          "Of a watched cluster, where ranges are sampled from sweep to sweep: when all ports of the path were last probed in one sweep.",
      }),
    ),
    doc: Type.String(),
    evidence: PathEvidenceSchema,
    intervals: Type.Optional(
      Type.Array(Type.Object({ ports: Type.String(), verdict: VerdictSchema, reason: ReasonSchema }, exact), {
        description: "Only where the ports of the path do not all have the same verdict.",
      }),
    ),
  },
  exact,
);

export const EndpointSchema = Type.Object(
  {
    from: Type.String(),
    spec: Type.String(),
    section: Type.Enum(["flows", "endpoints", "requirements"]),
    row: Type.String(),
    level: Type.Enum([...levels]),
    host: Type.String(),
    transport: Type.Enum([...endpointTransports]),
    ports: Type.String({ description: "Empty for icmp." }),
    anyOf: Type.Boolean({ description: "One open port is enough." }),
    application: Type.String(),
    route: Type.Enum([...routes], { description: "Straight, or through the proxy of this kind." }),
    verdict: VerdictSchema,
    reason: ReasonSchema,
    rttMs: Type.Union([Type.Number(), Type.Null()]),
    doc: Type.String(),
    evidence: Type.Object(
      {
        agent: Type.Enum(["alive", "gone", "missing"]),
        /** The attempt that decided. */
        decisive: Type.Optional(AttemptSchema),
        attempts: Type.Array(AttemptSchema),
        resolution: EndpointReportSchema.properties.resolution,
        direct: EndpointReportSchema.properties.direct,
        detail: Type.Optional(
          Type.String({ description: "What made the verdict, where the attempt does not say it." }),
        ),
      },
      exact,
    ),
  },
  exact,
);

export const RequirementSchema = Type.Object(
  {
    spec: Type.String({ description: "Or `host`: what every node needs, whatever the product." }),
    name: Type.String(),
    kind: Type.String(),
    level: Type.Enum([...levels]),
    node: Type.Optional(Type.String({ description: "Absent where it is about the cluster as a whole." })),
    toward: Type.Optional(Type.String({ description: "The other end of a pair." })),
    verdict: VerdictSchema,
    reason: ReasonSchema,
    expected: Type.String(),
    actual: Type.String(),
    from: Type.Optional(
      Type.String({ description: "Where the actual value was read, or how it was measured." }),
    ),
    remedy: Type.Optional(Type.String({ description: "A command or a step that mends it." })),
    text: Type.String(),
    doc: Type.Optional(Type.String()),
  },
  exact,
);

const Counts = Type.Object({ pass: Count, warn: Count, fail: Count, unknown: Count }, exact);

export const ReportSchema = Type.Object(
  {
    apiVersion: Type.Literal("portmesh/v1"),
    kind: Type.Literal("Report"),
    cluster: Type.String(),
    specs: Type.Array(Type.Object({ id: Type.String(), version: Type.String() }, exact)),
    phase: Type.Enum([...checkPhases]),
    startedAt: Time,
    finishedAt: Time,
    interrupted: Type.Boolean(),
    summary: Type.Object(
      {
        paths: Count,
        pass: Count,
        warn: Count,
        fail: Count,
        unknown: Count,
        probes: Count,
        endpoints: Counts,
        requirements: Counts,
        statements: Count,
        fullSweepMs: Type.Optional(
          Type.Integer({
            minimum: 0,
            description:
              "Where ranges were sampled because their sweep exceeds probing.budget: how long a whole sweep takes.",
          }),
        ),
        omitted: Type.Optional(
          Type.Integer({
            minimum: 1,
            description:
              "Paths and endpoints that are counted and not listed, because there are too many: those that pass go first.",
          }),
        ),
        verdict: VerdictSchema,
      },
      exact,
    ),
    nodes: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          address: Type.String(),
          addresses: Type.Array(Type.String()),
          roles: Type.Array(Type.String()),
          zone: Type.Optional(Type.String()),
          agent: Type.Union([
            Type.Object(
              {
                version: Type.String(),
                host: Type.String(),
                state: Type.Enum(["alive", "gone"]),
                via: Type.Optional(
                  Type.String({
                    description: "The port of a peer through which the agent reached the coordinator.",
                  }),
                ),
              },
              exact,
            ),
            Type.Null(),
          ]),
          listeners: Type.Object({ bound: Count, occupied: Count, denied: Count, absent: Count }, exact),
        },
        exact,
      ),
    ),
    paths: Type.Array(PathSchema),
    endpoints: Type.Array(EndpointSchema, { description: "One entry a node and host." }),
    requirements: Type.Array(RequirementSchema),
    statements: Type.Array(
      Type.Object(
        {
          spec: Type.String(),
          section: Type.Enum(["flows", "endpoints", "requirements"]),
          row: Type.String(),
          text: Type.String(),
          doc: Type.String(),
          why: Type.String(),
          applies: Type.Boolean(),
        },
        exact,
      ),
      { description: "Rows of the specs that this check did not probe, each with the reason." },
    ),
    causes: Type.Array(Type.Never()),
  },
  { ...exact, title: "Portmesh report" },
);

export type Report = Static<typeof ReportSchema>;
export type ReportEndpoint = Report["endpoints"][number];
export type ReportRequirement = Report["requirements"][number];
export type ReportPath = Report["paths"][number];
export type ReportNode = Report["nodes"][number];
