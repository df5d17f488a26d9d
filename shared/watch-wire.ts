/**
 * What agent and coordinator say to each other while a cluster is watched. Both count on most paths being well:
 * a pinglist is sent once and not every round, and a sweep of it tells only what was not as expected.
 *
 * A target of a pinglist is as expected on a port when the agent of the far node proved itself there, seen
 * from an address of the probing node; or, where a real service holds the port, when the ordered exchange got an
 * answer. Everything else is odd: also a port that must be shut and is.
 */
import Type, { type Static } from "typebox";
import { maxPortsTextLength } from "./link.ts";
import { exchangeNames, outcomeKinds, probePhases, type ProtocolName } from "./names.ts";
import type { WireListener, WireNode, WireService } from "./wire.ts";

const Index = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Short = Type.String({ maxLength: 200 });
const PortsText = Type.String({ maxLength: maxPortsTextLength });
const exact = { additionalProperties: false };

/** Positions in the pinglist, written as ports are: `0-11,15`. A list of 65,535 targets fits. */
const maxTargetsTextLength = 400_000;
const maxOddGroups = 65_535;
/** Base64 of one byte a target. */
const maxRttText = 90_000;

/** Ports of targets that all did the same. */
export const OddGroupSchema = Type.Object(
  {
    targets: Type.String({ minLength: 1, maxLength: maxTargetsTextLength }),
    ports: PortsText,
    kind: Type.Enum([...outcomeKinds]),
    phase: Type.Enum([...probePhases]),
    /** Of the slowest. */
    elapsedMs: Type.Number({ minimum: 0 }),
    attempts: Type.Integer({ minimum: 1, maximum: 255 }),
    code: Type.Optional(Short),
    detail: Type.Optional(Short),
    exchange: Type.Optional(Type.Enum([...exchangeNames])),
    /** The port is 0 where it is the one that was probed, since that differs from port to port; so is the seen port, always. */
    proof: Type.Optional(
      Type.Object(
        { node: Index, port: Index, seenAddress: Short, seenPort: Index, clientVerified: Type.Boolean() },
        exact,
      ),
    ),
  },
  exact,
);
export type OddGroup = Static<typeof OddGroupSchema>;

/** A measurement that is worth telling: lost round trips, slow ones, packets that are too large for the way. */
const PoorTargetSchema = Type.Object(
  {
    target: Index,
    ports: PortsText,
    sent: Index,
    lost: Index,
    rttMs: Type.Optional(Type.Number({ minimum: 0 })),
    blackHole: Type.Optional(Type.Object({ pathMtu: Index, lost: Type.Enum(["there", "back"]) }, exact)),
  },
  exact,
);
export type PoorTarget = Static<typeof PoorTargetSchema>;

const Looked = {
  odd: Type.Array(OddGroupSchema, { maxItems: maxOddGroups }),
  /** How long ago it began when this was sent, in milliseconds of a clock that never jumps (the wall clock where the agent was started again since). */
  agoMs: Type.Number({ minimum: 0 }),
  tookMs: Type.Number({ minimum: 0 }),
};

/** One run of the whole pinglist. */
export const SweepSchema = Type.Object(
  {
    type: Type.Literal("sweep"),
    /** Which agent counts: drawn anew where its memory of earlier sweeps was lost. */
    origin: Type.String({ minLength: 1, maxLength: 32 }),
    /** Counts the sweeps of an origin from 1, without a gap but for declared ones. */
    seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    /** The version of the plan whose pinglist it was. */
    plan: Index,
    /** Sent again, or later than at once: a newer one may have been told of already. */
    late: Type.Boolean(),
    /** How many others the coordinator has not acknowledged when this is sent. */
    backlog: Type.Optional(Index),
    probes: Index,
    /** Base64, one byte a target: `rttBucket` of the median of its ports, 0 where none answered. */
    rtt: Type.String({ maxLength: maxRttText, pattern: "^[A-Za-z0-9+/]*={0,2}$" }),
    ...Looked,
    /** Nodes that were not probed, by the last `absent`: of their targets nothing is known. */
    skipped: Type.Array(Index, { maxItems: 65_535 }),
    /** Targets of which the time for sweeps allowed only a part, as positions. */
    cut: PortsText,
    fullSweepMs: Type.Number({ minimum: 0 }),
    /** Present where paths were measured since the sweep before: those that are poor by their last measurement, the worst part of each target. The others were well. */
    poor: Type.Optional(Type.Array(PoorTargetSchema, { maxItems: 65_535 })),
    /** For how long this agent did not get to run meanwhile, in milliseconds. */
    stalledMs: Type.Number({ minimum: 0 }),
  },
  exact,
);
export type SweepMessage = Static<typeof SweepSchema>;

/** Sweeps that were dropped because there was no room for more; takes their place in the order. */
export const GapSchema = Type.Object(
  {
    type: Type.Literal("gap"),
    origin: Type.String({ minLength: 1, maxLength: 32 }),
    /** The first and the last that are missing. */
    seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    until: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    reason: Short,
  },
  exact,
);
export type GapMessage = Static<typeof GapSchema>;

/** The answer to an `again`. */
export const AgainSchema = Type.Object(
  { type: Type.Literal("again"), again: Index, plan: Index, ...Looked },
  exact,
);
export type AgainAnswer = Static<typeof AgainSchema>;

/** What to sweep from now on, every interval, until another one comes. */
export interface PinglistMessage {
  type: "pinglist";
  /** Version of the plan. */
  plan: number;
  intervalMs: number;
  timeoutMs: number;
  /** For how long ranges may be swept. */
  budgetMs: number;
  /** Round trips for each target when paths are measured; 0 where no threshold asks for it. */
  samples: number;
  rttThresholdMs?: number;
  /** Sets of ports that targets have, as `formatPorts` writes them. */
  portSets: readonly string[];
  protocols: readonly ProtocolName[];
  /** Columns, an entry a target: positions in the nodes, in the node's addresses (or -1), in `protocols`, in `portSets`. */
  to: readonly number[];
  address: readonly number[];
  protocol: readonly number[];
  ports: readonly number[];
  /** Those of its ports that must be shut, which nobody looks at twice: a position in `portSets`, or -1. */
  shut: readonly number[];
  services: readonly ServedTarget[];
  /** Nodes that are not to be probed now: nobody has ever been there, or has left in good order. */
  absent: readonly number[];
}

/** The ports of a target that real services hold, and how to speak with them. */
export interface ServedTarget {
  target: number;
  services: readonly WireService[];
}

/** All that a plan has changed for an agent that stays: what it holds, and who its peers are. */
export interface AssignMessage {
  type: "assign";
  node: number;
  nodes: readonly WireNode[];
  listeners: readonly WireListener[];
}

export type WatchOrder =
  | PinglistMessage
  | AssignMessage
  /** Instead of what was said before of these targets. */
  | { type: "serving"; plan: number; targets: readonly ServedTarget[] }
  | { type: "absent"; plan: number; nodes: readonly number[] }
  /** All up to here is kept for good, and need not be kept by the agent. */
  | { type: "ack"; origin: string; seq: number }
  /** The next sweep has so long for ranges, once: all of their ports are to be probed in it. */
  | { type: "full"; plan: number; budgetMs: number }
  /** Look at these at once, so many times half a second apart, and say what the last look found; an answer in any of them is an answer. */
  | {
      type: "again";
      again: number;
      plan: number;
      looks: number;
      timeoutMs: number;
      targets: readonly { target: number; ports: string }[];
    };

/** Eight buckets double the time: 9 % apart. 10 µs and less is bucket 1, 20 s and more the last. */
const bucketsPerDoubling = 8;
const smallestMs = 0.01;
const lastBucket = 170;

/** 1 to 170, for a round trip in milliseconds. */
export function rttBucket(ms: number): number {
  if (!(ms > smallestMs)) return 1;
  return Math.min(lastBucket, 1 + Math.round(bucketsPerDoubling * Math.log2(ms / smallestMs)));
}

/** The round trip in the middle of a bucket, in milliseconds. */
export function bucketMs(bucket: number): number {
  return smallestMs * 2 ** ((bucket - 1) / bucketsPerDoubling);
}
