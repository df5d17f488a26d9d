/**
 * What becomes of sweeps: after five minutes their latencies are counts of five minutes, after two days a summary of an
 * hour, sooner where a large cluster has more of them. What else they told is in the transitions. In steps, so that
 * commits come in between.
 */
import { zstdDecompressSync } from "node:zlib";
import { decodeCounts, LatencyCounts, targetsPerRow } from "./latency-counts.ts";
import { decodeSummary, encodeSummary } from "./latency-summary.ts";
import type { Rows } from "./rows.ts";
import { latency, sweeps, type LatencyRow } from "./tables.ts";

const fineSeconds = 300;
const coarseSeconds = 3_600;
/** For so long a sweep stays as it came. */
const rawMs = 5 * 60_000;
const fineMs = 2 * 24 * 3_600_000;
/**
 * So many rows of counts at most, of 4 kB each where they are full: two days of a hundred nodes, and the last hours of a
 * thousand.
 */
const maxFineRows = 60_000;
const foldsPerCount = 10;
/** Late sweeps may still come; a span that is taken for over is only written twice then. */
const settledMs = 15 * 60_000;

const counts = new LatencyCounts();

/** Folds something, in the transaction of the caller. @returns whether there was anything to fold. */
export function foldSome(rows: Rows, now: number, most = maxFineRows): boolean {
  return foldSweeps(rows, now - rawMs) || foldSpans(rows, now - fineMs) || foldSurplus(rows, now, most);
}

/** A row of a span, whichever it is. */
export function eachCount(
  { seconds, counts: encoded }: Pick<LatencyRow, "seconds" | "counts">,
  each: (target: number, bucket: number, count: number) => void,
): void {
  if (seconds === coarseSeconds) decodeSummary(encoded, each);
  else decodeCounts(encoded, each);
}

/** The oldest hour of counts, where there are too many. */
function foldSurplus(rows: Rows, now: number, most: number): boolean {
  const count = rows.number("SELECT count(*) FROM latency WHERE seconds = ?", fineSeconds) ?? 0;
  if (count <= most) return false;
  const oldest = rows.number("SELECT min(at) FROM latency WHERE seconds = ?", fineSeconds) ?? now;
  const end = startOf(oldest, coarseSeconds) + coarseSeconds * 1_000;
  if (end > now - settledMs) return false;
  let left = foldsPerCount;
  while (left > 0 && foldSpans(rows, end)) left--;
  return left < foldsPerCount;
}

/** All sweeps of one node under one plan in one span, once the span is over. */
function foldSweeps(rows: Rows, before: number): boolean {
  const end = startOf(before, fineSeconds);
  const oldest = rows.first(sweeps, "WHERE at < ? ORDER BY at LIMIT 100", end);
  if (oldest === undefined) return false;
  const at = startOf(oldest.at, fineSeconds);
  const node = rows.idOf(oldest.node)!;
  const ids: number[] = [];
  const swept: Uint8Array[] = [];
  const span = "WHERE node = ? AND at >= ? AND at < ?";
  for (const row of rows.select(sweeps, span, node, at, at + fineSeconds * 1_000)) {
    if (row.plan !== oldest.plan) continue;
    ids.push(row.id);
    swept.push(zstdDecompressSync(row.rtt));
  }
  const targets = swept.reduce((most, { length }) => Math.max(most, length), 0);
  for (let first = 0; first < targets; first += targetsPerRow) {
    for (const rtt of swept) {
      const last = Math.min(rtt.length, first + targetsPerRow);
      for (let target = first; target < last; target++) counts.add(target - first, rtt[target]!);
    }
    store(rows, { node: oldest.node, plan: oldest.plan, seconds: fineSeconds, at, first });
  }
  for (const id of ids) rows.run("DELETE FROM sweeps WHERE id = ?", id);
  return ids.length > 0;
}

/** The spans of one node, one plan and one row of targets that lie in one hour. */
function foldSpans(rows: Rows, before: number): boolean {
  const end = startOf(before, coarseSeconds);
  const oldest = rows.first(latency, "WHERE seconds = ? AND at < ? ORDER BY at LIMIT 100", fineSeconds, end);
  if (oldest === undefined) return false;
  const { node, plan, first } = oldest;
  const at = startOf(oldest.at, coarseSeconds);
  const ids: number[] = [];
  const hour = "WHERE node = ? AND plan = ? AND first = ? AND at >= ? AND at < ? AND seconds = ?";
  const where = [rows.idOf(node)!, plan, first, at, at + coarseSeconds * 1_000, fineSeconds];
  for (const row of rows.select(latency, hour, ...where)) {
    ids.push(row.id);
    addAll(row);
  }
  store(rows, { node, plan, seconds: coarseSeconds, at, first });
  for (const id of ids) rows.run("DELETE FROM latency WHERE id = ?", id);
  return ids.length > 0;
}

/** Together with what came earlier of the same span: a backlog tells of the past. */
function store(
  rows: Rows,
  key: { node: string; plan: number; seconds: number; at: number; first: number },
): void {
  try {
    if (counts.isEmpty) return;
    const { node, plan, seconds, at, first } = key;
    const same = "WHERE node = ? AND plan = ? AND at = ? AND first = ? AND seconds = ?";
    const known = rows.first(latency, same, rows.idOf(node)!, plan, at, first, seconds);
    if (known !== undefined) addAll(known);
    const encoded = seconds === coarseSeconds ? encodeSummary(counts.targets) : counts.encode();
    rows.insert(latency, { id: known?.id ?? rows.nextId("latency"), ...key, counts: encoded });
  } finally {
    counts.clear();
  }
}

function addAll(row: LatencyRow): void {
  eachCount(row, (target, bucket, count) => counts.add(target, bucket, count));
}

function startOf(time: number, seconds: number): number {
  return Math.floor(time / (seconds * 1_000)) * seconds * 1_000;
}
