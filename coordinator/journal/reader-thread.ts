/** The thread that reads the journal. What it finds to be bad it hands over to be set aside. */
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { journalPath, openForReading } from "./database.ts";
import type { Journal, JournalStats, LatencySpan, PastMatrix, TransitionQuery } from "./journal.ts";
import { matrixAt } from "./past.ts";
import { findHappenings, findLatency, findTransitions } from "./queries.ts";
import { Rows, type BadRow } from "./rows.ts";
import { serve } from "./thread.ts";

const { folder } = workerData as { folder: string };
const path = journalPath(folder);
let db: DatabaseSync | undefined;
let rows: Rows;

export interface Found<T> {
  found: T;
  bad: BadRow[];
}

const methods = {
  open(): void {
    db = openForReading(path);
    rows = new Rows(db);
  },
  /** The file is about to be replaced. */
  release(): void {
    db?.close();
    db = undefined;
  },
  at: (moment: number): Found<PastMatrix | undefined> => reading(() => matrixAt(rows, moment)),
  transitions: (query: TransitionQuery): Found<Awaited<ReturnType<Journal["transitions"]>>> =>
    reading(() => findTransitions(rows, query)),
  happenings: (
    query: Parameters<Journal["happenings"]>[0],
  ): Found<Awaited<ReturnType<Journal["happenings"]>>> => reading(() => findHappenings(rows, query)),
  latency: (query: Parameters<Journal["latency"]>[0]): Found<LatencySpan[]> =>
    reading(() => findLatency(rows, query)),
  stats: (): Found<Omit<JournalStats, "problem">> => reading(stats),
};
export type ReaderMethods = typeof methods;

serve(methods, () => methods.release());

/** One moment of the file, however many statements it takes. */
function reading<T>(read: () => T): Found<T> {
  // A name that the writer has set aside may be another one by now.
  rows.forget();
  db!.exec("BEGIN");
  try {
    const found = read();
    return { found, bad: rows.takeBad() };
  } finally {
    db!.exec("COMMIT");
  }
}

function stats(): Omit<JournalStats, "problem"> {
  const number = (sql: string): number => rows.number(sql) ?? 0;
  const first = ["snapshots", "transitions", "happenings"].flatMap((table) => {
    const at = rows.number(`SELECT min(at) FROM ${table}`);
    return at === undefined ? [] : [at];
  });
  return {
    since: first.length === 0 ? undefined : Math.min(...first),
    bytes: ["", "-wal"].reduce((sum, suffix) => sum + sizeOf(path + suffix), 0),
    transitions: number("SELECT max(id) - min(id) + 1 FROM transitions"),
    sweeps: number("SELECT count(*) FROM sweeps"),
    setAside: number("SELECT count(*) FROM set_aside WHERE content != 'salvaged'"),
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
