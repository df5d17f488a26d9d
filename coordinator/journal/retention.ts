/**
 * What is dropped: all that is older than is to be kept, and when the file is larger than it may be, latencies first
 * and then the oldest of everything. In steps, so that commits come in between.
 */
import { pragma } from "./database.ts";
import type { Rows } from "./rows.ts";
import { snapshots, tables } from "./tables.ts";

const hourMs = 3_600_000;
/** Below the limit by that much, so that it is not met again at once. */
const margin = 0.95;
/** Of what there is of time, with every cut. */
const share = 1 / 16;

export interface Limits {
  /** Times before this need not be kept. */
  oldest: number;
  bytes: number;
}

/**
 * Drops something, in the transaction of the caller.
 * @param step how many rows at most: what is dropped is written to the log first.
 * @returns whether there was anything to drop.
 */
export function dropSome(rows: Rows, limits: Limits, now: number, step: number): boolean {
  return (
    thinSnapshots(rows, now, step) ||
    dropBefore(rows, limits.oldest, step) ||
    // Of a node that has told nothing for so long; how far all others are kept has to be known.
    some(rows, step, "kept", "at < ?", limits.oldest) ||
    (usedBytes(rows) > limits.bytes * margin && dropLargest(rows, now, step))
  );
}

/** What the rows take, without the free pages between them. */
function usedBytes({ db }: Rows): number {
  return (pragma(db, "page_count") - pragma(db, "freelist_count")) * pragma(db, "page_size");
}

/** One an hour and plan is enough, but for the last two hours. */
function thinSnapshots(rows: Rows, now: number, step: number): boolean {
  const keep = `SELECT min(id) FROM snapshots GROUP BY plan, at / ${hourMs}`;
  const surplus = `at < ? AND id NOT IN (${keep}) AND id < (SELECT max(id) FROM snapshots)`;
  return some(rows, step, "snapshots", surplus, now - 2 * hourMs);
}

/**
 * History goes back to a snapshot: the newest that is old enough stays, so that the moments behind it can still be
 * made from it. Transitions and happenings go from the front, which leaves no hole in their numbers.
 */
function dropBefore(rows: Rows, oldest: number, step: number): boolean {
  const base = rows.first(snapshots, "WHERE at <= ? ORDER BY at DESC, id DESC LIMIT 100", oldest);
  if (base !== undefined) {
    if (some(rows, step, "snapshots", "at <= ? AND id < ?", base.at, base.id)) return true;
    if (some(rows, step, "transitions", "id <= ?", base.transitions)) return true;
    if (some(rows, step, "happenings", "id <= ?", base.happenings)) return true;
    if (some(rows, step, "runs", "until < ?", base.at)) return true;
  }
  // Above the ids that are gone nothing may be numbered from 1 again: the newest row stays.
  const old = "at < ? AND id < (SELECT max(id) FROM";
  if (base === undefined) {
    for (const table of ["transitions", "happenings"])
      if (some(rows, step, table, `${old} ${table})`, oldest)) return true;
  }
  for (const table of ["latency", "sweeps", "gaps", "set_aside"])
    if (some(rows, step, table, "at < ?", oldest)) return true;
  const used = "SELECT plan FROM snapshots UNION SELECT max(id) FROM plans";
  if (some(rows, step, "plans", `at < ? AND id NOT IN (${used})`, oldest)) return true;
  return some(rows, step, "kept", "at < ? AND id NOT IN (SELECT max(id) FROM kept GROUP BY node)", oldest);
}

function dropLargest(rows: Rows, now: number, step: number): boolean {
  const cut = (sql: string): number | undefined => {
    const first = rows.number(sql);
    return first === undefined || first >= now ? undefined : first + (now - first) * share;
  };
  const latencies = cut("SELECT min(at) FROM latency");
  if (latencies !== undefined && some(rows, step, "latency", "at <= ?", latencies)) return true;
  const times = "SELECT min(at) AS at FROM transitions UNION SELECT min(at) FROM snapshots";
  const oldest = cut(`SELECT min(at) FROM (${times})`);
  // Nothing goes before there is a later snapshot to begin with.
  const second = rows.number("SELECT at FROM snapshots ORDER BY at LIMIT 1 OFFSET 1") ?? 0;
  return oldest !== undefined && dropBefore(rows, Math.max(oldest, second), step);
}

function some(rows: Rows, step: number, table: string, condition: string, ...parameters: number[]): boolean {
  const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ${step})`;
  return rows.run(sql, ...parameters) > 0;
}

/**
 * Names that no row has any more: of nodes, specs and flows that are gone. Only a name without rows is looked for
 * everywhere, and goes then.
 */
export function dropNames(rows: Rows): number {
  const places = tables.flatMap(({ name, named }) =>
    named.map((column) => `SELECT 1 FROM ${name} WHERE ${column} = names.id`),
  );
  const unused = places.map((place) => `NOT EXISTS (${place})`).join(" AND ");
  return rows.run(`DELETE FROM names WHERE ${unused}`);
}
