/**
 * Rows with checksums. SQLite checks the structure of its file and not what stands in it: a flipped bit in a
 * row would be read as data. Here every row carries a CRC-32 over its table, its values and the names that it
 * points at, and what does not match is set aside instead of given out.
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import { crc32 } from "node:zlib";
import { names, snapshots, type Table, type Value } from "./tables.ts";

/** A row whose checksum does not match. */
export interface BadRow {
  table: string;
  id: number;
}

/** Bad rows that are remembered until somebody asks; those beyond are met again when they are read again. */
const maxBad = 1_000;

export class Rows {
  readonly db: DatabaseSync;
  readonly #bad = new Map<string, BadRow>();
  #texts = new Map<number, string>();
  #ids = new Map<string, number>();
  #nextIds = new Map<string, number>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  /** What was found since the last time. */
  takeBad(): BadRow[] {
    const bad = [...this.#bad.values()];
    this.#bad.clear();
    return bad;
  }

  /** What was learned in a transaction that is not kept. */
  forget(): void {
    this.#texts = new Map();
    this.#ids = new Map();
    this.#nextIds = new Map();
  }

  /** An id that no row of the table has or had. */
  nextId(table: string): number {
    const next = this.#nextIds.get(table) ?? this.#firstFree(table);
    this.#nextIds.set(table, next + 1);
    return next;
  }

  /** The one before that; 0 where there is none. */
  lastId(table: string): number {
    const next = this.#nextIds.get(table) ?? this.#firstFree(table);
    this.#nextIds.set(table, next);
    return next - 1;
  }

  /** Undefined where the file does not know the name, so that no row can have it. */
  idOf(text: string): number | undefined {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    for (const row of this.select(names, "WHERE text = ?", text)) {
      if (row.text !== text) continue;
      this.#remember(row.id, text);
      return row.id;
    }
    return undefined;
  }

  insert<Row extends object>(table: Table<Row>, row: Row): void {
    const values = table.columns.map((column) => row[column] as Value);
    const stored = values.map((value, index) =>
      table.named.includes(table.columns[index]!) && typeof value === "string" ? this.#intern(value) : value,
    );
    const marks = `${"?, ".repeat(values.length)}?`;
    this.#prepared(`INSERT OR REPLACE INTO ${table.name} VALUES (${marks})`).run(
      ...stored,
      checksum(table.name, values),
    );
  }

  /** One row after the other, without those that are bad. `tail` is what follows the name of the table. */
  *select<Row extends object>(
    table: Table<Row>,
    tail: string,
    ...parameters: SQLInputValue[]
  ): Generator<Row, void, void> {
    const columns = table.columns.map((column) => `"${column}"`).join(", ");
    const statement = this.db.prepare(`SELECT ${columns}, crc FROM ${table.name} ${tail}`);
    // A damaged integer may be larger than a number can be: that must not end the whole query.
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    for (const stored of statement.iterate(...parameters) as Iterable<unknown> as Iterable<
      SQLOutputValue[]
    >) {
      const row = this.#check(table, stored);
      if (row !== undefined) yield row;
    }
  }

  first<Row extends object>(
    table: Table<Row>,
    tail: string,
    ...parameters: SQLInputValue[]
  ): Row | undefined {
    for (const row of this.select(table, tail, ...parameters)) return row;
    return undefined;
  }

  /** A number from the file that no checksum covers: a count, a least, a most. */
  number(sql: string, ...parameters: SQLInputValue[]): number | undefined {
    const statement = this.db.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const [value] = (statement.get(...parameters) ?? []) as unknown as SQLOutputValue[];
    return typeof value === "bigint" || typeof value === "number" ? Number(value) : undefined;
  }

  run(sql: string, ...parameters: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...parameters).changes);
  }

  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  #prepared(sql: string): ReturnType<DatabaseSync["prepare"]> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #check<Row extends object>(table: Table<Row>, stored: readonly SQLOutputValue[]): Row | undefined {
    const row: Record<string, Value> = {};
    const values: Value[] = [];
    let isKnown = true;
    for (const [index, column] of table.columns.entries()) {
      let value = plain(stored[index]!);
      if (typeof value === "number" && table.named.includes(column)) {
        const text = this.#textOf(value);
        isKnown &&= text !== undefined;
        value = text ?? null;
      }
      row[column] = value;
      values.push(value);
    }
    if (isKnown && plain(stored.at(-1)!) === checksum(table.name, values)) return row as Row;
    const bad = { table: table.name, id: Number(values[0]) };
    if (this.#bad.size < maxBad) this.#bad.set(`${bad.table} ${bad.id}`, bad);
    return undefined;
  }

  #textOf(id: number): string | undefined {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const row = this.first(names, "WHERE id = ?", id);
    if (row?.id !== id) return undefined;
    this.#remember(id, row.text);
    return row.text;
  }

  #intern(text: string): number {
    const known = this.idOf(text);
    if (known !== undefined) return known;
    const id = this.nextId(names.name);
    this.insert(names, { id, text });
    this.#remember(id, text);
    return id;
  }

  #remember(id: number, text: string): void {
    this.#texts.set(id, text);
    this.#ids.set(text, id);
  }

  #firstFree(table: string): number {
    const last = this.number(`SELECT max(id) FROM ${table} WHERE id < ?`, Number.MAX_SAFE_INTEGER) ?? 0;
    const aside = this.number("SELECT max(row) FROM set_aside WHERE source = ?", table) ?? 0;
    // All rows up to here may have been dropped for their age.
    const known =
      table === "transitions" || table === "happenings"
        ? (this.first(snapshots, "ORDER BY id DESC LIMIT 100")?.[table] ?? 0)
        : 0;
    return Math.max(last, aside, known) + 1;
  }
}

/** Names stand in it as texts, so that a row that points at another name is a bad one. */
function checksum(table: string, values: readonly Value[]): number {
  const scalars = values.map((value) => (value instanceof Uint8Array ? [value.length] : value));
  let crc = crc32(JSON.stringify([table, ...scalars]));
  for (const value of values) if (value instanceof Uint8Array) crc = crc32(value, crc);
  return crc;
}

function plain(value: SQLOutputValue): Value {
  return typeof value === "bigint" ? Number(value) : value;
}
