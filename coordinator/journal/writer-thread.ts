/** The thread that writes the journal: commits, folding, retention, and mending a file that is damaged. */
import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { journalPath, openForWriting, pragma, prepareFolder } from "./database.ts";
import { detailOf, troubleOf } from "./disk-trouble.ts";
import { foldSome } from "./folding.ts";
import type { Entry, Kept } from "./journal.ts";
import { Keeper, type KeptBatch } from "./keeper.ts";
import { matrixAt } from "./past.ts";
import { Reserve } from "./reserve.ts";
import { dropNames, dropSome, type Limits } from "./retention.ts";
import { Rows, type BadRow } from "./rows.ts";
import { salvage, setAside } from "./salvage.ts";
import { serve } from "./thread.ts";
import { lockForWriting } from "./writer-lock.ts";

/** For so long one step of tidying may hold up commits. */
const stepMs = 50;
const rowsPerStep = 2_000;
/** Pages that are given back to the disk in one step. */
const pagesPerStep = 2_000;
/** For so many the log waits before they go to the file: as SQLite has it, and fewer on a small disk. */
const mostLogPages = 1_000;
const leastLogPages = 50;
/** So many of them may stay, for what comes next. */
const spareShare = 1 / 32;
/** A disk that is nearly filled by the journal alone is full for everything else on it. */
const shareOfDisk = 0.8;

const { folder } = workerData as { folder: string };
const path = journalPath(folder);
const reserve = new Reserve(folder);
let lock: Disposable | undefined;
let db: DatabaseSync;
let rows: Rows;
let keeper: Keeper;

const methods = {
  open(now: number): { kept: Kept[]; notes: string[]; lastPlan: number } {
    prepareFolder(folder);
    lock = lockForWriting(folder);
    const notes = openFile(now);
    reserve.restore();
    return { kept: keeper.kept, notes, lastPlan: keeper.lastPlan };
  },

  commit(batch: readonly Entry[]): KeptBatch {
    try {
      return keeper.keep(batch);
    } catch (error) {
      // The log can be written from its start again, where what it has can go to the file.
      if (troubleOf(error) === "full") checkpoint();
      throw error;
    }
  },

  /** @returns whether there is more to do. */
  tidy(now: number, limits: Limits): boolean {
    const bytes = Math.min(limits.bytes, reserve.diskBytes * shareOfDisk);
    try {
      return tidyStep(now, { ...limits, bytes });
    } catch (error) {
      if (troubleOf(error) !== "full") throw error;
      return makeRoom(now, { ...limits, bytes }, error);
    }
  },

  /** After the last step. */
  tidied(): void {
    checkpoint();
    forgetNames();
    reserve.restore();
  },

  setAside(bad: readonly BadRow[], now: number): number {
    return transaction(() => setAside(rows, bad, now));
  },

  /** The file as it stands is damaged. @returns what there is to tell. */
  repair(why: string, now: number): { kept: Kept[]; notes: string[] } {
    db.close();
    const notes = [salvage(path, why, now), ...openFile(now)];
    return { kept: keeper.kept, notes };
  },
};
export type WriterMethods = typeof methods;

serve(methods, () => {
  if (db?.isOpen) db.close();
  lock?.[Symbol.dispose]();
});

function openFile(now: number): string[] {
  const notes: string[] = [];
  try {
    db = openOnce();
  } catch (error) {
    if (troubleOf(error) !== "corrupt") throw error;
    notes.push(salvage(path, detailOf(error), now));
    db = openForWriting(path);
  }
  // What is in the log must fit into the file once the reserve is given up, or neither can be written again.
  const pages = Math.floor(reserve.bytes / 2 / pragma(db, "page_size"));
  db.exec(`PRAGMA wal_autocheckpoint = ${Math.max(leastLogPages, Math.min(mostLogPages, pages))}`);
  rows = new Rows(db);
  keeper = new Keeper(rows, matrixAt(rows, Number.MAX_SAFE_INTEGER)?.stale ?? new Set());
  const bad = rows.takeBad();
  if (bad.length > 0) {
    transaction(() => setAside(rows, bad, now));
    notes.push(`${bad.length} damaged rows of ${path} are set aside`);
  }
  return notes;
}

/** On a full disk there may be no room for the index of the log. */
function openOnce(): DatabaseSync {
  try {
    return openForWriting(path);
  } catch (error) {
    if (troubleOf(error) !== "full" || !reserve.release()) throw error;
    return openForWriting(path);
  }
}

function tidyStep(now: number, limits: Limits): boolean {
  const end = performance.now() + stepMs;
  let isMore = true;
  transaction(() => {
    while (isMore && performance.now() < end)
      isMore = foldSome(rows, now) || dropSome(rows, limits, now, rowsPerStep);
  });
  if (isMore) return true;
  const free = pragma(db, "freelist_count");
  if (free <= pragma(db, "page_count") * spareShare) return false;
  // It frees pages as its rows are stepped through.
  db.prepare(`PRAGMA incremental_vacuum(${pagesPerStep})`).all();
  return pragma(db, "freelist_count") < free;
}

/** On a full disk: with what was kept back, and a little at a time, since the log has to hold it first. */
function makeRoom(now: number, limits: Limits, full: unknown): boolean {
  reserve.release();
  for (let step = rowsPerStep; step > 0; step = Math.floor(step / 10)) {
    checkpoint();
    try {
      return transaction(() => dropSome(rows, limits, now, step));
    } catch (error) {
      if (troubleOf(error) !== "full") throw error;
    }
  }
  throw full;
}

/** They take no room to speak of: on a full disk they may stay. */
function forgetNames(): void {
  try {
    if (transaction(() => dropNames(rows)) > 0) rows.forget();
  } catch (error) {
    if (troubleOf(error) !== "full") throw error;
  }
}

function transaction<T>(work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    rows.forget();
    throw error;
  }
}

function checkpoint(): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // A reader is in the middle of it, or there is no room: the next one will do.
  }
}
