/**
 * Opens a journal: a thread that writes, one that reads, and here what keeps them in order. Commits of a moment go to
 * the disk together, since one wait for it costs the same for many.
 */
import { defaultHistory, type HistoryLimits } from "../../shared/calendar-settings.ts";
import type { PortmeshError } from "../../shared/errors.ts";
import { backupJournal } from "./copies.ts";
import { explainTrouble, type Trouble } from "./disk-trouble.ts";
import type {
  Entry,
  Journal,
  JournalStats,
  Kept,
  KeptHappening,
  KeptTransition,
  LatencySpan,
  PastMatrix,
  TransitionQuery,
} from "./journal.ts";
import type { Found, ReaderMethods } from "./reader-thread.ts";
import type { BadRow } from "./rows.ts";
import { Thread, ThreadError } from "./thread.ts";
import type { WriterMethods } from "./writer-thread.ts";

export interface JournalOptions {
  /** Made where it is not there. */
  folder: string;
  /** Milliseconds since 1970. */
  now: () => number;
  /** How far back history goes; 30 days. */
  keepMs?: number;
  /** What it may take on the disk; 2 GB, and never more than four fifths of the disk. */
  maxBytes?: number;
}

/** Calls within that time share a transaction; those that come while one is written share the next. */
const groupMs = 3;
const maxGroup = 500;
/** Calls that wait for the disk; more are refused. */
const maxWaiting = 10_000;
const maxNotes = 100;

/** @throws PortmeshError where another coordinator has it, a newer Portmesh wrote it, or the disk does not let it. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const journal = new OpenJournal(options);
  try {
    await journal.open();
    return journal;
  } catch (error) {
    await journal[Symbol.asyncDispose]();
    throw error instanceof ThreadError
      ? explainTrouble("cannot keep history", options.folder, error.trouble, error.message)
      : error;
  }
}

interface Waiting {
  entry: Entry;
  resolve: () => void;
  reject: (error: Error) => void;
}

class OpenJournal implements Journal {
  readonly kept = new Map<string, Kept>();
  readonly notes: string[] = [];
  restored: PastMatrix | undefined;
  lastPlan = 0;
  readonly #options: JournalOptions;
  #limits: HistoryLimits;
  readonly #writer: Thread<WriterMethods>;
  readonly #reader: Thread<ReaderMethods>;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #repairing: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #problem: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    const { keepMs, bytes } = defaultHistory;
    this.#limits = { keepMs: options.keepMs ?? keepMs, bytes: options.maxBytes ?? bytes };
    this.#writer = new Thread<WriterMethods>("writer-thread", { folder: options.folder });
    this.#reader = new Thread<ReaderMethods>("reader-thread", { folder: options.folder });
  }

  async open(): Promise<void> {
    const opened = await this.#writer.call("open", this.#options.now());
    this.#learn(opened);
    this.lastPlan = opened.lastPlan;
    await this.#reader.call("open");
    this.restored = await this.at(this.#options.now());
  }

  commit(entry: Entry): Promise<void> {
    if (this.#closed !== undefined || this.#waiting.length >= maxWaiting) {
      const why = this.#closed === undefined ? `${maxWaiting} others wait for the disk` : "it is closed";
      return Promise.reject(this.#refusal("defect", why));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      this.#schedule();
    });
  }

  at(moment: number): Promise<PastMatrix | undefined> {
    return this.#read(() => this.#reader.call("at", moment));
  }

  transitions(query: TransitionQuery): Promise<{ id: number; transition: KeptTransition }[]> {
    return this.#read(() => this.#reader.call("transitions", query));
  }

  happenings(
    query: Parameters<Journal["happenings"]>[0],
  ): Promise<{ id: number; happening: KeptHappening }[]> {
    return this.#read(() => this.#reader.call("happenings", query));
  }

  latency(query: Parameters<Journal["latency"]>[0]): Promise<LatencySpan[]> {
    return this.#read(() => this.#reader.call("latency", query));
  }

  async stats(): Promise<JournalStats> {
    const stats = await this.#read(() => this.#reader.call("stats"));
    return { ...stats, problem: this.#problem };
  }

  tidy(now: number): Promise<void> {
    this.#tidying ??= this.#tidy(now).finally(() => (this.#tidying = undefined));
    return this.#tidying;
  }

  limit(limits: HistoryLimits): void {
    this.#limits = limits;
  }

  async backup(path: string): Promise<void> {
    await backupJournal(this.#options.folder, path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** What was said before is still kept. */
  async #close(): Promise<void> {
    await this.#tidying?.catch(() => {});
    clearTimeout(this.#timer);
    while (this.#writing !== undefined || this.#waiting.length > 0) await (this.#writing ?? this.#write());
    await this.#reader.close();
    await this.#writer.close();
  }

  #schedule(): void {
    if (this.#writing !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#write();
    }, groupMs);
  }

  #write(): Promise<void> {
    this.#writing = this.#writeGroup(this.#waiting.splice(0, maxGroup)).finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0 && this.#closed === undefined) void this.#write();
    });
    return this.#writing;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const entries = group.map(({ entry }) => entry);
    try {
      const { refusals, kept } = await this.#mended(() => this.#writer.call("commit", entries));
      for (const one of kept) this.kept.set(one.node, one);
      for (const { plan } of entries) this.lastPlan = Math.max(this.lastPlan, plan?.version ?? 0);
      this.#problem = undefined;
      for (const [index, { resolve, reject }] of group.entries()) {
        const refusal = refusals[index];
        if (refusal === undefined) resolve();
        else reject(this.#refusal("defect", refusal));
      }
    } catch (error) {
      const refusal =
        error instanceof ThreadError
          ? this.#refusal(error.trouble, error.message)
          : this.#refusal("defect", error instanceof Error ? error.message : String(error));
      this.#problem = refusal.message;
      for (const { reject } of group) reject(refusal);
    }
  }

  async #tidy(now: number): Promise<void> {
    const { keepMs, bytes } = this.#limits;
    const limits = { oldest: now - keepMs, bytes };
    try {
      while (await this.#mended(() => this.#writer.call("tidy", now, limits)));
      await this.#writer.call("tidied");
    } catch (error) {
      if (error instanceof ThreadError) throw this.#refusal(error.trouble, error.message);
      throw error;
    }
  }

  async #read<T>(ask: () => Promise<Found<T>>): Promise<T> {
    try {
      const { found, bad } = await this.#mended(ask);
      if (bad.length > 0) this.#setAside(bad);
      return found;
    } catch (error) {
      if (!(error instanceof ThreadError)) throw error;
      throw explainTrouble("cannot read history", this.#options.folder, error.trouble, error.message);
    }
  }

  /** The answer does not wait for it: bad rows are not in it already. */
  #setAside(bad: readonly BadRow[]): void {
    const { now, folder } = this.#options;
    this.#writer.call("setAside", bad, now()).then(
      (moved) => {
        if (moved > 0) this.#note(`${moved} damaged rows of the history in ${folder} are set aside`);
      },
      () => {
        // A full disk: they are found again when they are read again.
      },
    );
  }

  /** Does it again, once, where the file had to be mended first. */
  async #mended<T>(work: () => Promise<T>): Promise<T> {
    await this.#repairing;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ThreadError && error.trouble === "corrupt")) throw error;
      this.#repairing ??= this.#repair(error.message).finally(() => (this.#repairing = undefined));
      await this.#repairing;
      return work();
    }
  }

  async #repair(why: string): Promise<void> {
    await this.#reader.call("release");
    this.#learn(await this.#writer.call("repair", why, this.#options.now()));
    await this.#reader.call("open");
  }

  #learn({ kept, notes }: { kept: readonly Kept[]; notes: readonly string[] }): void {
    this.kept.clear();
    for (const one of kept) this.kept.set(one.node, one);
    for (const note of notes) this.#note(note);
  }

  #note(text: string): void {
    if (this.notes.length < maxNotes) this.notes.push(text);
  }

  #refusal(trouble: Trouble, detail: string): PortmeshError {
    return explainTrouble("cannot keep history", this.#options.folder, trouble, detail);
  }
}
