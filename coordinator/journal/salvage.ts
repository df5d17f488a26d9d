/**
 * What is done about a file that is damaged: it is set aside as it is, and every row of it that can be read, and whose
 * checksum holds, goes into a new one.
 */
import { readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openForWriting } from "./database.ts";
import { detailOf } from "./disk-trouble.ts";
import { Rows, type BadRow } from "./rows.ts";
import { tables, type Table, type Value } from "./tables.ts";

/** A coordinator is to be back within ten seconds; what was not read by then is lost, the least important first. */
const budgetMs = 6_000;
/** How many damaged files are left for whoever wants to look at them. */
const maxAside = 3;
/** No table has so many rows. */
const farthest = 2 ** 33;
const maxErrors = 2_000;
const rowsPerTransaction = 5_000;

/** @returns what there is to tell. */
export function salvage(path: string, why: string, now: number): string {
  const aside = `${path}.corrupt-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
  // SQLite finds the log of a file by its name.
  for (const suffix of ["", "-wal"]) {
    try {
      renameSync(path + suffix, aside + suffix);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  rmSync(`${path}-shm`, { force: true });
  forgetOldest(path);
  const told = `${path} was damaged (${why}) and is set aside as ${basename(aside)}`;
  const fresh = openForWriting(path);
  try {
    const found = copyAll(aside, new Rows(fresh));
    const lost = found.isWhole ? "" : "; the rest is lost";
    return `${told}; ${found.rows} rows of it could be read${lost}`;
  } catch (error) {
    if (fresh.isTransaction) fresh.exec("ROLLBACK");
    return `${told}; nothing of it could be read: ${detailOf(error)}`;
  } finally {
    fresh.close();
  }
}

/** Moves rows whose checksum does not hold out of the way, in the transaction of the caller. */
export function setAside({ db }: Rows, bad: readonly BadRow[], now: number): number {
  const insert = db.prepare("INSERT INTO set_aside (at, source, row, content) VALUES (?, ?, ?, ?)");
  let moved = 0;
  for (const { table, id } of bad) {
    if (!Number.isSafeInteger(id) || !tables.some(({ name }) => name === table)) continue;
    const found = db.prepare(`SELECT * FROM ${table} WHERE id = ?`);
    found.setReadBigInts(true);
    const row = found.get(id);
    if (row === undefined) continue;
    insert.run(now, table, id, JSON.stringify(row, asText).slice(0, maxContent));
    db.prepare(`DELETE FROM ${table} WHERE id = ?`).run(id);
    moved++;
  }
  return moved;
}

const maxContent = 65_536;

function asText(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value.subarray(0, maxContent)).toString("base64") : value;
}

function copyAll(aside: string, into: Rows): { rows: number; isWhole: boolean } {
  const damaged = new DatabaseSync(aside, { timeout: 1_000 });
  try {
    const from = new Rows(damaged);
    const deadline = performance.now() + budgetMs;
    let copied = 0;
    let isWhole = true;
    for (const table of tables) {
      into.db.exec("BEGIN");
      for (const row of readable(from, table, deadline, () => (isWhole = false))) {
        into.insert(table, row);
        if (++copied % rowsPerTransaction === 0) into.db.exec("COMMIT; BEGIN");
      }
      into.db.exec("COMMIT");
    }
    isWhole &&= from.takeBad().length === 0;
    markHoles(into);
    return { rows: copied, isWhole };
  } finally {
    damaged.close();
  }
}

/** Past pages that cannot be read: on in growing steps until there is something again. */
function* readable(
  rows: Rows,
  table: Table<{ id: number }>,
  deadline: number,
  lost: () => void,
): Generator<{ id: number }, void, void> {
  let last = -farthest;
  let step = 1;
  for (let errors = 0; errors < maxErrors && step < farthest; errors++) {
    try {
      for (const row of rows.select(table, "NOT INDEXED WHERE id > ? ORDER BY id", last)) {
        yield row;
        last = row.id;
        step = 1;
        if (performance.now() > deadline) return lost();
      }
      return;
    } catch (error) {
      if (!(error instanceof Error && "errcode" in error)) throw error;
      lost();
      last = Math.max(last, 0) + step;
      step *= 2;
    }
  }
}

/** What was lost behind the last row would not be missed otherwise. */
function markHoles(rows: Rows): void {
  for (const table of ["transitions", "happenings"]) {
    const insert = "INSERT INTO set_aside (at, source, row, content) VALUES (0, ?, ?, 'salvaged')";
    rows.db.prepare(insert).run(table, rows.nextId(table) satisfies Value);
  }
}

function forgetOldest(path: string): void {
  const folder = dirname(path);
  const prefix = `${basename(path)}.corrupt-`;
  const files = readdirSync(folder).filter((file) => file.startsWith(prefix) && !file.endsWith("-wal"));
  for (const file of files.toSorted().slice(0, -maxAside))
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, file + suffix), { force: true });
}
