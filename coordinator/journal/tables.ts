/**
 * What the journal's file holds: its tables, and how a file of an earlier version becomes one of this. A change
 * of the schema is one more step in `migrations`, and never another text of an old one.
 */

export type Value = string | number | Uint8Array | null;

/** Columns as code sees them: of those in `named` the text stands here, and the id of an interned name in the file. */
export interface Table<Row extends object> {
  name: string;
  /** Without the checksum, which every table has last. `id` is first. */
  columns: readonly (keyof Row & string)[];
  named: readonly (keyof Row & string)[];
}

export interface NameRow {
  id: number;
  text: string;
}
export interface PlanRow {
  id: number;
  at: number;
  /** JSON, zstd. */
  plan: Uint8Array;
}
export interface SnapshotRow {
  id: number;
  at: number;
  plan: number;
  /** The last transition and the last happening that it knows of. */
  transitions: number;
  happenings: number;
  /** Names of the stale nodes, JSON, zstd. */
  stale: Uint8Array;
  /** zstd. */
  codes: Uint8Array;
  /** Pairs of path and time, JSON, zstd. */
  since: Uint8Array;
}
export interface TransitionRow {
  id: number;
  at: number;
  source: string;
  target: string;
  spec: string;
  flow: string;
  closed: number;
  /** 1 where `target` is a host outside of the cluster, and `flow` the row that asks for it. */
  outside: number;
  plan: number;
  path: number;
  before: number;
  after: number;
  flapping: number;
  late: number;
  /** JSON. */
  evidence: string | null;
  /** As `encodeOthers` writes them. */
  others: Uint8Array | null;
}
export interface HappeningRow {
  id: number;
  at: number;
  kind: string;
  node: string | null;
  text: string;
}
export interface SweepRow {
  id: number;
  node: string;
  at: number;
  received: number;
  origin: string;
  seq: number;
  plan: number;
  /** A byte a target, zstd. */
  rtt: Uint8Array;
  /** The message without `rtt`: JSON, zstd. */
  rest: Uint8Array;
}
export interface GapRow {
  id: number;
  node: string;
  at: number;
  origin: string;
  seq: number;
  until: number;
  reason: string;
}
export interface KeptRow {
  id: number;
  node: string;
  origin: string;
  seq: number;
  /** When it last rose. */
  at: number;
}
export interface LatencyRow {
  id: number;
  node: string;
  plan: number;
  seconds: number;
  at: number;
  /** The first target of which it tells. */
  first: number;
  /** Of five minutes as `LatencyCounts` writes them, of an hour as `encodeSummary` does. */
  counts: Uint8Array;
}
/** From when until when a coordinator kept this journal, by what it told. */
export interface RunRow {
  id: number;
  since: number;
  until: number;
}

export const names: Table<NameRow> = { name: "names", columns: ["id", "text"], named: [] };
export const plans: Table<PlanRow> = { name: "plans", columns: ["id", "at", "plan"], named: [] };
export const snapshots: Table<SnapshotRow> = {
  name: "snapshots",
  columns: ["id", "at", "plan", "transitions", "happenings", "stale", "codes", "since"],
  named: [],
};
export const transitions: Table<TransitionRow> = {
  name: "transitions",
  columns: [
    "id",
    "at",
    "source",
    "target",
    "spec",
    "flow",
    "closed",
    "outside",
    "plan",
    "path",
    "before",
    "after",
    "flapping",
    "late",
    "evidence",
    "others",
  ],
  named: ["source", "target", "spec", "flow"],
};
export const happenings: Table<HappeningRow> = {
  name: "happenings",
  columns: ["id", "at", "kind", "node", "text"],
  named: ["node"],
};
export const sweeps: Table<SweepRow> = {
  name: "sweeps",
  columns: ["id", "node", "at", "received", "origin", "seq", "plan", "rtt", "rest"],
  named: ["node"],
};
export const gaps: Table<GapRow> = {
  name: "gaps",
  columns: ["id", "node", "at", "origin", "seq", "until", "reason"],
  named: ["node"],
};
export const kept: Table<KeptRow> = {
  name: "kept",
  columns: ["id", "node", "origin", "seq", "at"],
  named: ["node"],
};
export const latency: Table<LatencyRow> = {
  name: "latency",
  columns: ["id", "node", "plan", "seconds", "at", "first", "counts"],
  named: ["node"],
};
export const runs: Table<RunRow> = { name: "runs", columns: ["id", "since", "until"], named: [] };

/** What others need stands first: that order is the one in which a damaged file is read. */
export const tables = [
  names,
  plans,
  snapshots,
  kept,
  runs,
  transitions,
  happenings,
  gaps,
  latency,
  sweeps,
] as readonly unknown[] as readonly Table<{ id: number }>[];

/** "PMJL", by which file(1) and we know the file. */
export const applicationId = 0x504d4a4c;

export const migrations: readonly string[] = [
  `CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL, crc INTEGER NOT NULL);
   CREATE UNIQUE INDEX names_text ON names (text);
   CREATE TABLE plans (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, plan BLOB NOT NULL, crc INTEGER NOT NULL);
   CREATE TABLE snapshots (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, plan INTEGER NOT NULL,
     transitions INTEGER NOT NULL, happenings INTEGER NOT NULL, stale BLOB NOT NULL, codes BLOB NOT NULL,
     since BLOB NOT NULL, crc INTEGER NOT NULL);
   CREATE INDEX snapshots_at ON snapshots (at);
   CREATE TABLE transitions (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, source INTEGER NOT NULL,
     target INTEGER NOT NULL, spec INTEGER NOT NULL, flow INTEGER NOT NULL, closed INTEGER NOT NULL,
     outside INTEGER NOT NULL, plan INTEGER NOT NULL, path INTEGER NOT NULL, before INTEGER NOT NULL, after INTEGER NOT NULL,
     flapping INTEGER NOT NULL, late INTEGER NOT NULL, evidence TEXT, others BLOB, crc INTEGER NOT NULL);
   CREATE INDEX transitions_at ON transitions (at);
   CREATE INDEX transitions_source ON transitions (source);
   CREATE INDEX transitions_target ON transitions (target);
   CREATE INDEX transitions_flow ON transitions (flow);
   CREATE INDEX transitions_others ON transitions (at) WHERE others IS NOT NULL;
   CREATE INDEX transitions_late ON transitions (at) WHERE late = 1;
   CREATE TABLE happenings (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, node INTEGER,
     text TEXT NOT NULL, crc INTEGER NOT NULL);
   CREATE INDEX happenings_at ON happenings (at);
   CREATE TABLE sweeps (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, at INTEGER NOT NULL,
     received INTEGER NOT NULL, origin TEXT NOT NULL, seq INTEGER NOT NULL, plan INTEGER NOT NULL,
     rtt BLOB NOT NULL, rest BLOB NOT NULL, crc INTEGER NOT NULL);
   CREATE INDEX sweeps_node ON sweeps (node, at);
   CREATE INDEX sweeps_at ON sweeps (at);
   CREATE TABLE gaps (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, at INTEGER NOT NULL, origin TEXT NOT NULL,
     seq INTEGER NOT NULL, until INTEGER NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL);
   CREATE INDEX gaps_at ON gaps (at);
   CREATE TABLE kept (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, origin TEXT NOT NULL, seq INTEGER NOT NULL,
     at INTEGER NOT NULL, crc INTEGER NOT NULL);
   CREATE TABLE latency (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, plan INTEGER NOT NULL,
     seconds INTEGER NOT NULL, at INTEGER NOT NULL, first INTEGER NOT NULL, counts BLOB NOT NULL,
     crc INTEGER NOT NULL);
   CREATE INDEX latency_node ON latency (node, plan, at, first);
   CREATE INDEX latency_at ON latency (seconds, at);
   CREATE TABLE runs (id INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, crc INTEGER NOT NULL);
   CREATE TABLE set_aside (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, row INTEGER NOT NULL,
     content TEXT NOT NULL);`,
];

export const schemaVersion = migrations.length;
