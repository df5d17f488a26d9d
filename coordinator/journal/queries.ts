/** What is asked of the journal, one page or one span of time at a time. */
import type { SQLInputValue } from "node:sqlite";
import { zstdDecompressSync } from "node:zlib";
import type { Happening } from "../../shared/api.ts";
import type { Journal, KeptHappening, KeptTransition, LatencySpan, TransitionQuery } from "./journal.ts";
import { eachCount } from "./folding.ts";
import { targetsPerRow } from "./latency-counts.ts";
import { decodeOthers } from "./others.ts";
import type { Rows } from "./rows.ts";
import { happenings, latency, sweeps, transitions, type HappeningRow, type TransitionRow } from "./tables.ts";

/** Whatever is asked for: an answer goes through memory. */
const maxPage = 10_000;
/** Of sweeps that are not folded yet. */
const rawSeconds = 60;

interface Paged {
  since?: number;
  until?: number;
  after?: number;
  order: "newest" | "oldest";
  limit: number;
}

export function findTransitions(
  rows: Rows,
  query: TransitionQuery,
): { id: number; transition: KeptTransition }[] {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const columns = { source: query.from, spec: query.spec, flow: query.flow };
  for (const [column, text] of Object.entries(columns)) {
    if (text === undefined) continue;
    const id = rows.idOf(text);
    if (id === undefined) return [];
    where.push(`${column} = ?`);
    values.push(id);
  }
  if (query.to !== undefined) {
    const id = rows.idOf(query.to);
    // One that only ever changed together with others has no id of its own.
    where.push(id === undefined ? "others IS NOT NULL" : "(target = ? OR others IS NOT NULL)");
    if (id !== undefined) values.push(id);
  }
  if (query.expected !== undefined) {
    where.push("closed = ?");
    values.push(Number(query.expected === "closed"));
  }
  if (query.codes !== undefined) {
    const marks = query.codes.map(() => "?").join(", ");
    where.push(`(before IN (${marks}) OR after IN (${marks}))`);
    values.push(...query.codes, ...query.codes);
  }
  return page(query, where, values, (tail, all, isWithin) => {
    const found: { id: number; transition: KeptTransition }[] = [];
    for (const row of rows.select(transitions, tail, ...all)) {
      const transition = isWithin(row) ? concerning(query.to, transitionOf(row)) : undefined;
      if (transition !== undefined) found.push({ id: row.id, transition });
      if (found.length === limitOf(query)) break;
    }
    return found;
  });
}

export function findHappenings(rows: Rows, query: Paged): { id: number; happening: KeptHappening }[] {
  return page(query, [], [], (tail, all, isWithin) => {
    const found: { id: number; happening: KeptHappening }[] = [];
    for (const row of rows.select(happenings, tail, ...all)) {
      if (isWithin(row)) found.push({ id: row.id, happening: happeningOf(row) });
      if (found.length === limitOf(query)) break;
    }
    return found;
  });
}

/** Spans of an hour, of five minutes, and of a minute where sweeps are not folded yet; in order. */
export function findLatency(rows: Rows, query: Parameters<Journal["latency"]>[0]): LatencySpan[] {
  const { plan, since, until } = query;
  const node = rows.idOf(query.node);
  if (node === undefined) return [];
  const spans = new Map<string, { at: number; seconds: number; counts: Map<number, number> }>();
  const add = (at: number, seconds: number, bucket: number, count: number): void => {
    if (bucket === 0) return;
    const key = `${at} ${seconds}`;
    const span = spans.get(key) ?? { at, seconds, counts: new Map<number, number>() };
    spans.set(key, span);
    span.counts.set(bucket, (span.counts.get(bucket) ?? 0) + count);
  };
  const byRow = Map.groupBy(query.targets, (target) => target - (target % targetsPerRow));
  for (const [first, targets] of byRow) {
    const wanted = new Set(targets.map((target) => target - first));
    const where = "WHERE node = ? AND plan = ? AND first = ? AND at > ? AND at <= ?";
    const parameters = [node, plan, first, since - 3_600_000, until];
    for (const row of rows.select(latency, where, ...parameters)) {
      const { at, seconds } = row;
      if (at + seconds * 1_000 <= since) continue;
      eachCount(row, (target, bucket, count) => {
        if (wanted.has(target)) add(at, seconds, bucket, count);
      });
    }
  }
  const raw = "WHERE node = ? AND at >= ? AND at <= ?";
  for (const row of rows.select(sweeps, raw, node, since, until)) {
    if (row.plan !== plan) continue;
    const rtt = zstdDecompressSync(row.rtt);
    const at = row.at - (row.at % (rawSeconds * 1_000));
    for (const target of query.targets) add(at, rawSeconds, rtt[target] ?? 0, 1);
  }
  return [...spans.values()].toSorted((a, b) => a.at - b.at || b.seconds - a.seconds);
}

/** Where less was kept than a page holds, it is because there is no more: bad rows do not count. */
function page<T>(
  query: Paged,
  conditions: readonly string[],
  values: readonly SQLInputValue[],
  read: (
    tail: string,
    values: SQLInputValue[],
    isWithin: (row: { id: number; at: number }) => boolean,
  ) => T[],
): T[] {
  const where = [...conditions];
  const all = [...values];
  const { since = -Infinity, until = Infinity, after, order } = query;
  const bound = (condition: string, value: number): void => {
    if (!Number.isFinite(value)) return;
    where.push(condition);
    all.push(value);
  };
  bound("at >= ?", since);
  bound("at <= ?", until);
  if (after !== undefined) bound(order === "newest" ? "id < ?" : "id > ?", after);
  const filter = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
  // What the index says of a row is believed only where the row says so itself.
  const isWithin = ({ at }: { at: number }): boolean => at >= since && at <= until;
  return read(`${filter} ORDER BY id ${order === "newest" ? "DESC" : "ASC"}`, all, isWithin);
}

function limitOf({ limit }: Paged): number {
  return Math.max(1, Math.min(maxPage, Math.floor(limit)));
}

function transitionOf(row: TransitionRow): KeptTransition {
  return {
    at: row.at,
    from: row.source,
    to: row.target,
    spec: row.spec,
    flow: row.flow,
    expected: row.closed === 1 ? "closed" : "open",
    plan: row.plan,
    path: row.path,
    before: row.before,
    after: row.after,
    isOutside: row.outside === 1,
    isFlapping: row.flapping === 1,
    isLate: row.late === 1,
    ...(row.others === null ? {} : { others: decodeOthers(row.others) }),
    evidence: row.evidence === null ? undefined : (JSON.parse(row.evidence) as KeptTransition["evidence"]),
  };
}

/** What it says of one far node, whose evidence is that of another where they changed together. */
function concerning(to: string | undefined, transition: KeptTransition): KeptTransition | undefined {
  const { others, ...first } = transition;
  if (to === undefined) return transition;
  if (first.to === to) return first;
  const other = others?.find((each) => each.to === to);
  return other === undefined ? undefined : { ...first, ...other, evidence: undefined };
}

function happeningOf(row: HappeningRow): KeptHappening {
  return { at: row.at, kind: row.kind as Happening, node: row.node ?? undefined, text: row.text };
}
