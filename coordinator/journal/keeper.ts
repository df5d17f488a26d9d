/**
 * Puts entries into the file. Many share one transaction; one that makes no sense does not take the others with it.
 */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { PublicPlan } from "../../shared/offline.ts";
import type { GapMessage } from "../../shared/watch-wire.ts";
import type { Entry, Kept, KeptSweep } from "./journal.ts";
import { encodeOthers } from "./others.ts";
import type { Rows } from "./rows.ts";
import {
  gaps,
  happenings,
  kept,
  plans,
  runs,
  snapshots,
  sweeps,
  transitions,
  type KeptRow,
  type RunRow,
} from "./tables.ts";

/** How far `until` of a run may lag behind: a row for every transaction would be one more page to write. */
const runStepMs = 10_000;

/** Versions count the changes of a cluster file: what is higher is damage. */
const highestPlan = 2 ** 31;

type Numbered = { seq: number } & (
  | { sweep: KeptSweep; gap?: undefined }
  | { gap: { node: string; at: number; gap: GapMessage }; sweep?: undefined }
);

export interface KeptBatch {
  /** Of each entry: undefined where it was kept, else why not. */
  refusals: (string | undefined)[];
  kept: Kept[];
}

export class Keeper {
  readonly #rows: Rows;
  /** By node and origin; the last of a node is the one that counts. */
  #kept = new Map<string, Map<string, KeptRow>>();
  #stale = new Set<string>();
  #run: RunRow | undefined;
  /** Nodes whose sweeps rose in the transaction under way. */
  #risen = new Set<string>();

  constructor(rows: Rows, stale: ReadonlySet<string>) {
    this.#rows = rows;
    this.#stale = new Set(stale);
    this.#readKept();
  }

  get kept(): Kept[] {
    return [...this.#kept.keys()].map((node) => this.#latest(node));
  }

  /** Also of plans of which only a snapshot is left. */
  get lastPlan(): number {
    const known = "SELECT id FROM plans UNION SELECT plan FROM snapshots";
    return this.#rows.number(`SELECT max(id) FROM (${known}) WHERE id < ${highestPlan}`) ?? 0;
  }

  /** @throws an error of SQLite, in which case nothing of any entry is kept. */
  keep(batch: readonly Entry[]): KeptBatch {
    const { db } = this.#rows;
    const before = { stale: new Set(this.#stale), run: this.#run };
    this.#risen.clear();
    try {
      db.exec("BEGIN IMMEDIATE");
      const refusals = batch.map((entry) => this.#keepOne(entry));
      this.#stretchRun(batch);
      db.exec("COMMIT");
      return { refusals, kept: [...this.#risen].map((node) => this.#latest(node)) };
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      this.#stale = before.stale;
      this.#run = before.run;
      this.#rows.forget();
      // Reading may fail as well; what was known before the transaction is asked of the file again then.
      this.#kept = new Map();
      this.#readKept();
      throw error;
    }
  }

  #keepOne(entry: Entry): string | undefined {
    const { db } = this.#rows;
    const stale = new Set(this.#stale);
    db.exec("SAVEPOINT entry");
    try {
      this.#write(entry);
      db.exec("RELEASE entry");
      return undefined;
    } catch (error) {
      // An error of SQLite is one of the file, and ends the whole transaction.
      if (error instanceof Error && "errcode" in error) throw error;
      db.exec("ROLLBACK TO entry");
      db.exec("RELEASE entry");
      this.#stale = stale;
      this.#rows.forget();
      this.#kept = new Map();
      this.#readKept();
      return error instanceof Error ? error.message : String(error);
    }
  }

  #write(entry: Entry): void {
    const { follows } = entry;
    if (follows !== undefined && this.#seqOf(follows.node, follows.origin) < follows.seq)
      throw new Error(`what ${follows.node} told before it is not kept`);
    if (entry.plan !== undefined) this.#writePlan(entry.plan);
    this.#writeSweeps(entry);
    for (const {
      evidence,
      others,
      from,
      to,
      expected,
      isOutside,
      isFlapping,
      isLate,
      ...rest
    } of entry.transitions ?? []) {
      this.#rows.insert(transitions, {
        id: this.#rows.nextId("transitions"),
        at: rest.at,
        source: from,
        target: to,
        spec: rest.spec,
        flow: rest.flow,
        closed: Number(expected === "closed"),
        plan: rest.plan,
        path: rest.path,
        before: rest.before,
        after: rest.after,
        outside: Number(isOutside),
        flapping: Number(isFlapping),
        late: Number(isLate),
        evidence: evidence === undefined ? null : JSON.stringify(evidence),
        others: others === undefined ? null : encodeOthers(others),
      });
    }
    for (const happening of entry.happenings ?? []) this.#writeHappening(happening);
    // Last, since it knows of all that came with it.
    if (entry.snapshot !== undefined) this.#writeSnapshot(entry.snapshot);
  }

  #writePlan({ version, at, plan }: NonNullable<Entry["plan"]>): void {
    const known = this.#rows.first(plans, "WHERE id = ?", version);
    if (known !== undefined) {
      const { digest } = JSON.parse(zstdDecompressSync(known.plan).toString()) as PublicPlan;
      if (digest === plan.digest) return;
      throw new Error(`version ${version} of the plan is that of another plan in this history`);
    }
    this.#rows.insert(plans, {
      id: version,
      at,
      plan: zstdCompressSync(Buffer.from(JSON.stringify(plan))),
    });
  }

  #writeSnapshot({ at, plan, codes, since = new Map() }: NonNullable<Entry["snapshot"]>): void {
    this.#rows.insert(snapshots, {
      id: this.#rows.nextId("snapshots"),
      at,
      plan,
      transitions: this.#rows.lastId("transitions"),
      happenings: this.#rows.lastId("happenings"),
      stale: zstdCompressSync(Buffer.from(JSON.stringify([...this.#stale]))),
      codes: zstdCompressSync(codes),
      since: zstdCompressSync(Buffer.from(JSON.stringify([...since]))),
    });
  }

  #writeHappening({ at, kind, node, text }: NonNullable<Entry["happenings"]>[number]): void {
    this.#rows.insert(happenings, {
      id: this.#rows.nextId("happenings"),
      at,
      kind,
      node: node ?? null,
      text: text.toWellFormed(),
    });
    if (node === undefined) return;
    if (kind === "stale") this.#stale.add(node);
    else if (kind === "fresh") this.#stale.delete(node);
  }

  /** In the order in which they were counted, whatever the order in which they came. */
  #writeSweeps(entry: Entry): void {
    const numbered: Numbered[] = [
      ...(entry.gaps ?? []).map((gap) => ({ seq: gap.gap.seq, gap })),
      ...(entry.sweeps ?? []).map((sweep) => ({ seq: sweep.sweep.seq, sweep })),
    ];
    numbered.sort((a, b) => a.seq - b.seq);
    for (const { sweep, gap } of numbered) {
      if (sweep !== undefined) this.#writeSweep(sweep);
      else this.#writeDeclared(gap);
    }
  }

  #writeDeclared({
    node,
    at,
    gap: { origin, seq, until, reason },
  }: NonNullable<Entry["gaps"]>[number]): void {
    const last = this.#seqOf(node, origin);
    if (until <= last) return;
    this.#writeMissing(node, origin, seq, at);
    const from = Math.max(seq, last + 1);
    this.#writeGap(node, at, { origin, seq: from, until, reason });
    this.#writeHappening({
      at,
      kind: "gap",
      node,
      text: `${until - from + 1} sweeps of ${node} were lost: ${reason}`,
    });
  }

  /** Between what is kept and what is to be kept next there may be some that nobody declared. */
  #writeMissing(node: string, origin: string, next: number, at: number): void {
    const last = this.#seqOf(node, origin);
    if (next <= last + 1) return;
    this.#writeGap(node, at, { origin, seq: last + 1, until: next - 1, reason: "never came" });
    const text = `sweeps ${last + 1} to ${next - 1} of ${node} never came`;
    this.#writeHappening({ at, kind: "gap", node, text });
  }

  #writeSweep({ node, at, receivedAt, sweep: { rtt, ...rest } }: KeptSweep): void {
    const { origin, seq, plan } = rest;
    if (seq <= this.#seqOf(node, origin)) return;
    this.#writeMissing(node, origin, seq, receivedAt);
    this.#rows.insert(sweeps, {
      id: this.#rows.nextId("sweeps"),
      node,
      at,
      received: receivedAt,
      origin,
      seq,
      plan,
      rtt: zstdCompressSync(Buffer.from(rtt, "base64")),
      rest: zstdCompressSync(Buffer.from(JSON.stringify(rest))),
    });
    this.#raise(node, origin, seq, receivedAt);
    // Who sweeps is there, whether anybody said so or not.
    if (!rest.late) this.#stale.delete(node);
  }

  #writeGap(
    node: string,
    at: number,
    { origin, seq, until, reason }: Pick<GapMessage, "origin" | "seq" | "until" | "reason">,
  ): void {
    this.#rows.insert(gaps, {
      id: this.#rows.nextId("gaps"),
      node,
      at,
      origin,
      seq: Math.max(seq, 1),
      until,
      reason: reason.toWellFormed(),
    });
    this.#raise(node, origin, until, at);
  }

  #seqOf(node: string, origin: string): number {
    return this.#kept.get(node)?.get(origin)?.seq ?? 0;
  }

  #raise(node: string, origin: string, seq: number, at: number): void {
    const origins = this.#kept.get(node) ?? new Map<string, KeptRow>();
    const row = { id: origins.get(origin)?.id ?? this.#rows.nextId("kept"), node, origin, seq, at };
    this.#rows.insert(kept, row);
    // Behind the others: the last one is the one that counts.
    origins.delete(origin);
    origins.set(origin, row);
    this.#kept.set(node, origins);
    this.#risen.add(node);
  }

  #latest(node: string): Kept {
    const { origin, seq } = [...this.#kept.get(node)!.values()].at(-1)!;
    return { node, origin, seq };
  }

  /** Sweeps say how far they are kept themselves, should the row that says so have been lost. */
  #readKept(): void {
    const raise = (row: KeptRow): void => {
      const origins = this.#kept.get(row.node) ?? new Map<string, KeptRow>();
      origins.set(row.origin, row);
      this.#kept.set(row.node, origins);
    };
    for (const row of this.#rows.select(kept, "ORDER BY at, id")) raise(row);
    const newest = "WHERE id IN (SELECT max(id) FROM sweeps GROUP BY node, origin) ORDER BY id";
    for (const { node, origin, seq, received } of this.#rows.select(sweeps, newest)) {
      if (seq > this.#seqOf(node, origin))
        raise({ id: this.#rows.nextId("kept"), node, origin, seq, at: received });
    }
  }

  #stretchRun(batch: readonly Entry[]): void {
    const times = batch.flatMap(timesOf);
    if (times.length === 0) return;
    const until = times.reduce((a, b) => Math.max(a, b));
    const since = times.reduce((a, b) => Math.min(a, b));
    if (this.#run !== undefined && until < this.#run.until + runStepMs) return;
    this.#run = {
      id: this.#run?.id ?? this.#rows.nextId("runs"),
      since: this.#run?.since ?? since,
      until,
    };
    this.#rows.insert(runs, this.#run);
  }
}

/** When the coordinator was there, by its own word. */
function timesOf({ plan, snapshot, sweeps: swept, transitions: changed, happenings: told }: Entry): number[] {
  return [
    plan?.at,
    snapshot?.at,
    ...(swept ?? []).map(({ receivedAt }) => receivedAt),
    ...(changed ?? []).filter(({ isLate }) => !isLate).map(({ at }) => at),
    ...(told ?? []).map(({ at }) => at),
  ].filter((time) => time !== undefined);
}
