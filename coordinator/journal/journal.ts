/**
 * The journal: everything that a watched cluster did, kept for good on the coordinator's disk. What `commit` has
 * resolved for survives `kill -9` and a power cut; what could not be kept is told, never passed over.
 *
 * The file knows paths by what they are (node, node, spec, flow, whether it must be open), since their ids hold
 * for one version of the plan only. Times are milliseconds since 1970, by the coordinator's clock.
 */
import type { Happening } from "../../shared/api.ts";
import type { HistoryLimits } from "../../shared/calendar-settings.ts";
import type { PublicPlan } from "../../shared/offline.ts";
import type { ReportEndpoint, ReportPath } from "../../shared/report.ts";
import type { GapMessage, SweepMessage } from "../../shared/watch-wire.ts";

/** One path, whatever the plan; from a node to another, or to a host outside of the cluster. */
export interface PathName {
  from: string;
  to: string;
  spec: string;
  flow: string;
  expected: "open" | "closed";
}

export interface KeptTransition extends PathName {
  at: number;
  isOutside: boolean;
  /** Version of the plan, and the id of the path in it; those of endpoints follow on those between nodes. */
  plan: number;
  path: number;
  /** As `codeOf` numbers reasons. */
  before: number;
  after: number;
  isFlapping: boolean;
  isLate: boolean;
  /** Where a flow from a node to many others changed alike at that moment, all of them but the first. */
  others?: readonly { to: string; path: number }[];
  /** Of the first. */
  evidence: ReportPath["evidence"] | ReportEndpoint["evidence"] | undefined;
}

export interface KeptHappening {
  at: number;
  kind: Happening;
  node: string | undefined;
  text: string;
}

export interface KeptSweep {
  node: string;
  /** When it began, and when it came. */
  at: number;
  receivedAt: number;
  sweep: SweepMessage;
}

/** What one transaction holds; all of it or nothing. */
export interface Entry {
  /** It is refused where this is not kept yet: what came before it was, and would be missed for good. */
  follows?: Kept;
  plan?: { version: number; at: number; plan: PublicPlan };
  /** The reason of each path of the plan by its id, and then of each endpoint, as `codeOf` numbers them. */
  snapshot?: {
    at: number;
    plan: number;
    codes: Uint8Array;
    /** Since when, for those of which that matters: the paths that are not well. */
    since?: ReadonlyMap<number, number>;
  };
  sweeps?: readonly KeptSweep[];
  gaps?: readonly { node: string; at: number; gap: GapMessage }[];
  transitions?: readonly KeptTransition[];
  happenings?: readonly KeptHappening[];
}

/** How far the sweeps of an agent are kept. */
export interface Kept {
  node: string;
  origin: string;
  seq: number;
}

/** What was known at some moment. */
export interface PastMatrix {
  at: number;
  planVersion: number;
  plan: PublicPlan;
  codes: Uint8Array;
  /** Since when each path is as it is, for those that are not well, or changed after the snapshot it was made from. */
  since: ReadonlyMap<number, number>;
  /** Nodes whose agents owed their sweeps: what they said of their paths is stale. */
  stale: ReadonlySet<string>;
}

export interface TransitionQuery extends Partial<PathName> {
  since?: number;
  until?: number;
  /** Only those to or from one of these, as `codeOf` numbers reasons. */
  after?: number;
  codes?: readonly number[];
  /** Newest first, or oldest first. */
  order: "newest" | "oldest";
  limit: number;
}

/** Round trips of one target in a span of time; `buckets` are those of `rttBucket`. */
export interface LatencySpan {
  at: number;
  seconds: number;
  /** How often each bucket was seen. */
  counts: ReadonlyMap<number, number>;
}

export interface JournalStats {
  /** The first moment of which anything is known. */
  since: number | undefined;
  bytes: number;
  transitions: number;
  /** Those that are not folded into spans yet. */
  sweeps: number;
  /** Rows that were damaged, and are not served. */
  setAside: number;
  /** Why nothing is kept at the moment. */
  problem: string | undefined;
}

export interface Journal extends AsyncDisposable {
  /** How far the sweeps of each agent were kept when it was opened, and since. */
  readonly kept: ReadonlyMap<string, Kept>;
  /** What was known when it was opened; undefined where it was empty. */
  readonly restored: PastMatrix | undefined;
  /** The highest version of a plan that it knows of; 0 where it was empty. A new plan needs a higher one. */
  readonly lastPlan: number;
  /** What is worth telling: a file that was set aside, rows that were lost; when it was opened, and since. */
  readonly notes: readonly string[];
  /**
   * Resolves once it is on the disk, in the order of the calls; calls of a moment share one transaction.
   * @throws PortmeshError `cannot-run` where it could not be kept: a full disk, a file that others hold. Nothing of
   * it is kept then, and the same may be said again.
   */
  commit(entry: Entry): Promise<void>;
  /** Undefined where nothing is known of that time. */
  at(moment: number): Promise<PastMatrix | undefined>;
  transitions(query: TransitionQuery): Promise<{ id: number; transition: KeptTransition }[]>;
  happenings(query: {
    since?: number;
    until?: number;
    after?: number;
    order: "newest" | "oldest";
    limit: number;
  }): Promise<{ id: number; happening: KeptHappening }[]>;
  /** Of the targets of one node, by position in its pinglist, under one version of the plan. */
  latency(query: {
    node: string;
    plan: number;
    targets: readonly number[];
    since: number;
    until: number;
  }): Promise<LatencySpan[]>;
  stats(): Promise<JournalStats>;
  /** What is to be kept, from the next time that it is tidied. */
  limit(limits: HistoryLimits): void;
  /** Folds old sweeps into spans, and drops what is older or more than is to be kept. */
  tidy(now: number): Promise<void>;
  /** A whole copy, while it is written to. */
  backup(path: string): Promise<void>;
}
