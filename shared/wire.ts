/**
 * The messages between agent and coordinator: JSON text frames over one WebSocket. The coordinator checks
 * every frame against these schemas, because an agent may be anybody; agents import only the types.
 */
import Type, { type Static } from "typebox";
import { EndpointReportsSchema, type WireEndpoint, type WireOutside } from "./endpoint-report.ts";
import { maxPortsTextLength, maxResultsPerFrame } from "./link.ts";
import {
  exchangeNames,
  listenerStates,
  outcomeKinds,
  probePhases,
  transports,
  type ProtocolName,
  type Transport,
} from "./names.ts";
import { NodeFactsSchema, type FactNeeds } from "./node-facts.ts";
import type { ServiceExchange } from "./service-exchange.ts";
import { AgainSchema, GapSchema, SweepSchema, type WatchOrder } from "./watch-wire.ts";

const Index = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const Short = Type.String({ maxLength: 200 });
const exact = { additionalProperties: false };

/** Ports as `formatPorts` writes them; empty for none. */
const PortsText = Type.String({ maxLength: maxPortsTextLength });

/** The columns of a frame all have the same length. */
const column = { maxItems: maxResultsPerFrame };

const Hello = Type.Object(
  {
    type: Type.Literal("hello"),
    node: Type.String({ maxLength: 63 }),
    /** The token of the join string, or the session of an earlier welcome. */
    token: Type.Optional(Short),
    session: Type.Optional(Short),
    /** The relay through which it came, `host:port`; as the agent says it. */
    via: Type.Optional(Short),
    version: Short,
    host: Short,
    pid: Index,
    /** SPKI in PEM; the coordinator certifies it. */
    publicKey: Type.String({ maxLength: 2_000 }),
  },
  exact,
);

export const ListeningSchema = Type.Object(
  {
    type: Type.Literal("listening"),
    round: Index,
    bound: Index,
    elapsedMs: Type.Number({ minimum: 0 }),
    /** All ports that are not simply bound; those of which the same is said together, since there may be 65,535. */
    exceptions: Type.Array(
      Type.Object(
        {
          transport: Type.Enum([...transports]),
          address: Short,
          ports: PortsText,
          state: Type.Enum([...listenerStates]),
          owner: Type.Optional(Short),
          detail: Type.Optional(Short),
          /** Not held because it is a service's: by request, or because one was seen there. */
          left: Type.Optional(Type.Boolean()),
        },
        exact,
      ),
      { maxItems: 65_535 },
    ),
  },
  exact,
);

export const ResultsSchema = Type.Object(
  {
    type: Type.Literal("results"),
    round: Index,
    /** Columns: result i is target[i], port[i] and so on; outcome and phase are positions in the name lists. */
    target: Type.Array(Index, column),
    port: Type.Array(Port, column),
    outcome: Type.Array(Type.Integer({ minimum: 0, maximum: outcomeKinds.length - 1 }), column),
    phase: Type.Array(Type.Integer({ minimum: 0, maximum: probePhases.length - 1 }), column),
    elapsedUs: Type.Array(Index, column),
    /** 0 where there was no answer. */
    rttUs: Type.Array(Index, column),
    attempts: Type.Array(Type.Integer({ minimum: 1, maximum: 255 }), column),
    /** The rest, for the results that have more to say, by position. */
    details: Type.Array(
      Type.Object(
        {
          at: Index,
          code: Type.Optional(Short),
          detail: Type.Optional(Short),
          /** What was spoken with a real service. */
          exchange: Type.Optional(Type.Enum([...exchangeNames])),
          proof: Type.Optional(
            Type.Object(
              {
                node: Index,
                port: Index,
                seenAddress: Short,
                seenPort: Index,
                clientVerified: Type.Boolean(),
              },
              exact,
            ),
          ),
        },
        exact,
      ),
      column,
    ),
  },
  exact,
);

/** The answer to a `look`: what this agent saw of probes that failed. */
const Sightings = Type.Object(
  {
    type: Type.Literal("sightings"),
    look: Index,
    /** In the order of the questions. */
    answers: Type.Array(
      Type.Object(
        {
          /** A request of the asking node arrived: a UDP request, a half-open or a mute TCP connection. */
          saw: PortsText,
          /** A TCP connection was completed, and nothing was said on it. */
          mute: PortsText,
          /** Nothing holds the port any more. */
          absent: PortsText,
        },
        exact,
      ),
      { maxItems: 65_535 },
    ),
    /** For how long this agent did not run in the time in question, in all and at most at once, in milliseconds. */
    stalledMs: Type.Number({ minimum: 0 }),
    longestStallMs: Type.Number({ minimum: 0 }),
  },
  exact,
);

/** How good the paths of some targets are, as far as it was measured. */
export const QualitySchema = Type.Object(
  {
    type: Type.Literal("quality"),
    round: Index,
    targets: Type.Array(
      Type.Object(
        {
          target: Index,
          /** The ports that the figures are of. */
          ports: PortsText,
          sent: Index,
          lost: Index,
          rttUs: Type.Optional(Index),
          blackHole: Type.Optional(
            Type.Object({ pathMtu: Index, lost: Type.Enum(["there", "back"]) }, exact),
          ),
        },
        exact,
      ),
      column,
    ),
  },
  exact,
);

/** The first look at these nodes had failures; the second begins now. */
const Doubt = Type.Object(
  { type: Type.Literal("doubt"), round: Index, nodes: Type.Array(Index, { maxItems: 65_535 }) },
  exact,
);

const Done = Type.Object(
  {
    type: Type.Literal("done"),
    round: Index,
    probes: Index,
    elapsedMs: Type.Number({ minimum: 0 }),
    /** Targets of which the time for sweeps allowed only a part. */
    cut: Type.Array(Index, { maxItems: 65_535 }),
    /** How long a sweep of all their ports takes by what this one did, in milliseconds; 0 where nothing was cut. */
    fullSweepMs: Type.Number({ minimum: 0 }),
  },
  exact,
);
/** All qualities of a round have been sent. */
const Measured = Type.Object({ type: Type.Literal("measured"), round: Index }, exact);

/** The answer to a `time`: this agent's clock, in milliseconds since 1970. */
const Time = Type.Object({ type: Type.Literal("time"), id: Index, at: Type.Number() }, exact);
/** Parts of the answer to an `inspect`, as they come. */
const Endpoints = Type.Object(
  { type: Type.Literal("endpoints"), round: Index, reports: EndpointReportsSchema },
  exact,
);
const Facts = Type.Object({ type: Type.Literal("facts"), round: Index, facts: NodeFactsSchema }, exact);
const Inspected = Type.Object({ type: Type.Literal("inspected"), round: Index }, exact);
/** The answer to a `stream`. */
const Streamed = Type.Object(
  {
    type: Type.Literal("streamed"),
    stream: Index,
    /** Received at the far side of the direction after the warm-up. */
    bytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    elapsedMs: Type.Number({ minimum: 0 }),
    /** Why there is no figure. */
    fault: Type.Optional(Short),
    /** Why the figure is a lower bound only. */
    impaired: Type.Optional(Short),
  },
  exact,
);
const Bye = Type.Object({ type: Type.Literal("bye"), reason: Short }, exact);

export const AgentMessageSchema = Type.Union([
  Hello,
  ListeningSchema,
  ResultsSchema,
  QualitySchema,
  Measured,
  Doubt,
  Sightings,
  Done,
  Time,
  Endpoints,
  Facts,
  Inspected,
  Streamed,
  SweepSchema,
  GapSchema,
  AgainSchema,
  Bye,
]);
export type AgentMessage = Static<typeof AgentMessageSchema>;
export type HelloMessage = Static<typeof Hello>;
export type ListeningMessage = Static<typeof ListeningSchema>;
export type ResultsMessage = Static<typeof ResultsSchema>;
export type QualityMessage = Static<typeof QualitySchema>;
export type DoneMessage = Static<typeof Done>;
export type DoubtMessage = Static<typeof Doubt>;
export type SightingsMessage = Static<typeof Sightings>;
export type TimeMessage = Static<typeof Time>;
export type EndpointsMessage = Static<typeof Endpoints>;
export type FactsMessage = Static<typeof Facts>;
export type StreamedMessage = Static<typeof Streamed>;
export type ListenerExceptions = ListeningMessage["exceptions"][number];
/** What is said of one port. */
export type ListenerException = Omit<ListenerExceptions, "ports"> & { port: number };

/** A node as its peers know it. */
export interface WireNode {
  index: number;
  name: string;
  addresses: readonly string[];
}

export interface WireTarget {
  id: number;
  to: number;
  /** Position in the addresses of `to`, or -1 for the node's own loopback address. */
  address: number;
  protocol: ProtocolName;
  /** As `formatPorts` writes them. */
  ports: string;
  /** Those of the ports that a real service holds, and how to speak with it; any other must prove itself. */
  services?: readonly WireService[];
}

export interface WireListener {
  transport: Transport;
  address: number;
  ports: string;
  /** Held even where a service was seen before. */
  take?: boolean;
}

export interface WireService extends ServiceExchange {
  ports: string;
}

export interface WelcomeMessage {
  type: "welcome";
  /** Lets this agent, and no other, come back under its name. */
  session: string;
  node: number;
  cluster: string;
  epoch: { id: number; secret: string };
  certificate: string;
  authority: string;
  nodes: readonly WireNode[];
  /** `address` as in `WireTarget`, for this node itself. */
  listeners: readonly WireListener[];
  /** Ports on which the agent ever met a service are not taken while that is down for a moment. */
  respectServices: boolean;
  round: number;
}

export type CoordinatorMessage =
  | WelcomeMessage
  | { type: "refused"; code: RefusalCode; message: string; next: string }
  | {
      type: "probe";
      round: number;
      timeoutMs: number;
      /** For how long ranges may be swept. */
      budgetMs: number;
      targets: readonly WireTarget[];
    }
  | MeasureMessage
  /** Look out for half-open connections for so long: somebody is about to probe again. */
  | { type: "watch"; forMs: number }
  | {
      type: "look";
      look: number;
      /** How long ago the first of the probes in question may have been sent. */
      withinMs: number;
      questions: readonly LookQuestion[];
    }
  | InspectMessage
  | StreamMessage
  | WatchOrder
  /** What does this agent's clock say? Answered at once. */
  | { type: "time"; id: number }
  | { type: "finish"; reason: string };

/** What of the host itself and of the world outside is to be looked at. */
export interface InspectMessage {
  type: "inspect";
  round: number;
  /** For each attempt. */
  timeoutMs: number;
  facts: FactNeeds;
  endpoints: readonly WireEndpoint[];
  outside: WireOutside;
}

/** Measure what one direction of a pair carries, over a port of the other node that is known to answer. */
export interface StreamMessage {
  type: "stream";
  stream: number;
  to: number;
  /** Position in the addresses of `to`. */
  address: number;
  port: number;
  direction: "there" | "back";
  warmUpMs: number;
  durationMs: number;
  maxBytes: number;
}

/** Everybody has done probing: how good are the paths that answered in this round? */
export interface MeasureMessage {
  type: "measure";
  round: number;
  timeoutMs: number;
  /** For how long it may be measured. */
  budgetMs: number;
  /** Round trips for each target; 0 where no threshold asks for it. */
  samples: number;
  rttThresholdMs?: number;
}

/** What did this agent see of failed probes from one node to one of its addresses? */
export interface LookQuestion {
  from: number;
  transport: Transport;
  ports: string;
}

export type RefusalCode =
  | "unknown-node"
  | "wrong-token"
  | "token-used"
  | "name-in-use"
  | "version"
  | "bad-message";
