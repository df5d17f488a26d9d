/**
 * What was known at some moment: the last snapshot before it, and the transitions since. Where a part of that chain
 * was lost, nobody's word counts any more, so that all sources are stale until the next snapshot.
 */
import { zstdDecompressSync } from "node:zlib";
import type { PublicPlan } from "../../shared/offline.ts";
import type { PastMatrix } from "./journal.ts";
import { decodeOthers } from "./others.ts";
import type { Rows } from "./rows.ts";
import {
  happenings,
  plans,
  runs,
  snapshots,
  transitions,
  type PlanRow,
  type SnapshotRow,
  type TransitionRow,
} from "./tables.ts";

/** A coordinator tells something at least that often; when it was silent for longer, it was not there. */
const maxSilenceMs = 5 * 60_000;

export function matrixAt(rows: Rows, moment: number): PastMatrix | undefined {
  for (const snapshot of rows.select(
    snapshots,
    "WHERE at <= ? ORDER BY at DESC, id DESC LIMIT 1000",
    moment,
  )) {
    const plan = rows.first(plans, "WHERE id = ?", snapshot.plan);
    if (plan !== undefined) return replay(rows, moment, snapshot, plan);
  }
  return undefined;
}

function replay(rows: Rows, moment: number, snapshot: SnapshotRow, planRow: PlanRow): PastMatrix {
  const plan = JSON.parse(zstdDecompressSync(planRow.plan).toString()) as PublicPlan;
  // Its own copy, without whatever the decompressor had reserved behind it.
  const codes = new Uint8Array(zstdDecompressSync(snapshot.codes));
  const since = new Map(JSON.parse(zstdDecompressSync(snapshot.since).toString()) as [number, number][]);
  const { changes, isWhole } = changesBetween(rows, snapshot, moment);
  let isCertain = isWhole;
  for (const { plan: version, path: first, after, at, others } of changes) {
    // Of an older plan: what came late, and says nothing of this one's paths.
    if (version < snapshot.plan) continue;
    for (const path of [first, ...decodeOthers(others).map((each) => each.path)]) {
      if (version > snapshot.plan || path >= codes.length) {
        // The snapshot of a newer plan was lost.
        isCertain = false;
        continue;
      }
      codes[path] = after;
      since.set(path, at);
    }
  }
  const newer = rows.number("SELECT count(*) FROM plans WHERE id > ? AND at <= ?", snapshot.plan, moment);
  const stale = staleAt(rows, snapshot, moment);
  const isTrusted = isCertain && newer === 0 && stale !== undefined && wasKept(rows, moment);
  return {
    at: moment,
    planVersion: snapshot.plan,
    plan,
    codes,
    since,
    stale: isTrusted ? stale : new Set(plan.cluster.nodes.map(({ name }) => name)),
  };
}

function changesBetween(
  rows: Rows,
  { at, transitions: known }: SnapshotRow,
  moment: number,
): { changes: TransitionRow[]; isWhole: boolean } {
  const last = Math.max(
    known,
    rows.number("SELECT max(id) FROM transitions WHERE at >= ? AND at <= ?", at, moment) ?? known,
  );
  const changes: TransitionRow[] = [];
  let found = 0;
  for (const row of rows.select(transitions, "WHERE id > ? AND id <= ? ORDER BY id", known, last)) {
    found++;
    if (row.at <= moment) changes.push(row);
  }
  // What came later than that, and tells of the time before; also of the time before the snapshot, which did not know.
  const late = [...rows.select(transitions, "WHERE late = 1 AND at <= ? AND id > ?", moment, last)];
  changes.push(...late);
  // Most are in order already, and the sort is stable.
  changes.sort((a, b) => a.at - b.at || a.id - b.id);
  return { changes, isWhole: found === last - known && !isHoleBehind(rows, "transitions", last) };
}

/** Rows are numbered without a hole: where there is one, something was lost, and it may be of before the moment. */
function isHoleBehind(rows: Rows, table: "transitions" | "happenings", last: number): boolean {
  const next = rows.number(`SELECT min(id) FROM ${table} WHERE id > ?`, last);
  if (next !== undefined) return next !== last + 1;
  return rows.number("SELECT count(*) FROM set_aside WHERE source = ? AND row > ?", table, last) !== 0;
}

/** Undefined where that cannot be told. */
function staleAt(rows: Rows, snapshot: SnapshotRow, moment: number): Set<string> | undefined {
  const stale = new Set(JSON.parse(zstdDecompressSync(snapshot.stale).toString()) as string[]);
  const known = snapshot.happenings;
  const last = Math.max(
    known,
    rows.number("SELECT max(id) FROM happenings WHERE at >= ? AND at <= ?", snapshot.at, moment) ?? known,
  );
  let found = 0;
  for (const { kind, node, at } of rows.select(
    happenings,
    "WHERE id > ? AND id <= ? ORDER BY id",
    known,
    last,
  )) {
    found++;
    if (at > moment || node === null) continue;
    if (kind === "stale") stale.add(node);
    else if (kind === "fresh") stale.delete(node);
  }
  return found === last - known && !isHoleBehind(rows, "happenings", last) ? stale : undefined;
}

/** Whether a coordinator was there at the time, or a moment before. The last one is there until another one is. */
function wasKept(rows: Rows, moment: number): boolean {
  const run = rows.first(runs, "WHERE since <= ? ORDER BY since DESC, id DESC LIMIT 1", moment);
  if (run === undefined) return false;
  return (
    moment <= run.until + maxSilenceMs || rows.number("SELECT count(*) FROM runs WHERE id > ?", run.id) === 0
  );
}
