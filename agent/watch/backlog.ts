/**
 * The sweeps that the coordinator has not acknowledged, in their order: in memory, and in the state folder so that
 * they outlive this process. There is an end to both; what had to go is declared in its place as a gap.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { GapMessage, SweepMessage } from "../../shared/watch-wire.ts";
import { Segments, type SegmentHead, type StoredSweep } from "./segments.ts";
import type { SweepRecord } from "./sweep.ts";

export interface BacklogLimits {
  diskBytes: number;
  segmentBytes: number;
  memoryBytes: number;
  sweeps: number;
}

export const defaultBacklogLimits: BacklogLimits = {
  diskBytes: 64 * 1024 * 1024,
  segmentBytes: 1024 * 1024,
  memoryBytes: 4 * 1024 * 1024,
  sweeps: 50_000,
};

export interface BacklogOptions {
  /** Without one nothing outlives this process. */
  folder: string | undefined;
  tell: (line: string) => void;
  limits?: BacklogLimits;
}

export type TellableSweep = SweepRecord & Pick<SweepMessage, "stalledMs">;

/** What follows a place in the order: one sweep, or the gaps before the next that there is. */
export interface Portion {
  /** The number of the last that it is about. */
  until: number;
  messages: (SweepMessage | GapMessage)[];
}

interface Kept {
  stored: StoredSweep;
  characters: number;
  isOnDisk: boolean;
}

/** Known to this process and no other. */
const run = randomBytes(9).toString("base64url");

export class Backlog implements Disposable {
  readonly #limits: BacklogLimits;
  readonly #tell: (line: string) => void;
  readonly #disk: Segments | undefined;
  readonly #boot = bootId();
  /** Sweeps are numbered over all origins: an origin's own count is the number less its base. */
  #origins: { origin: string; base: number }[];
  #next: number;
  #acked: number;
  readonly #recent = new Map<number, Kept>();
  #characters = 0;
  /** Why the disk takes nothing. */
  #fault: string | undefined;
  /** Whether the disk says that it has all. */
  #isWhole = true;
  #dropped = { until: 0, reason: "" };
  #droppedCount = 0;
  #wake: () => void = () => {};
  #onAck: () => void = () => {};
  #generation = 0;

  constructor({ folder, tell, limits = defaultBacklogLimits }: BacklogOptions) {
    this.#limits = limits;
    this.#tell = tell;
    const opened = this.#open(folder);
    this.#disk = opened?.log;
    this.#acked = opened?.acked ?? 0;
    const heads = (this.#disk?.all ?? []).flatMap(({ head }) => (head === undefined ? [] : [head]));
    const last = Math.max(0, ...(this.#disk?.all ?? []).map((segment) => segment.last));
    this.#next = Math.max(this.#acked, last, ...heads.map(({ next }) => next - 1)) + 1;
    const head = heads.at(-1);
    this.#origins = (head?.origins ?? []).map(([origin, base]) => ({ origin, base }));
    // After a power cut the end of the log may be missing.
    const isContinued = this.#disk?.isWhole === true && head?.boot === this.#boot;
    if (!isContinued) this.#origins.push({ origin: newOrigin(), base: this.#next - 1 });
    this.#forgetOrigins();
    this.#setWhole(isContinued);
  }

  /** Who counts now. */
  get origin(): string {
    return this.#origins.at(-1)!.origin;
  }

  /** The count of the next sweep. */
  get nextSeq(): number {
    return this.#next - this.#origins.at(-1)!.base;
  }

  /** How many are not acknowledged, those that were dropped among them. */
  get size(): number {
    return this.#next - 1 - this.#acked;
  }

  /** What they take: on the disk, where they are kept there, with what is acknowledged and not yet let go. */
  get bytes(): number {
    return this.#disk === undefined ? this.#characters : this.#disk.bytes;
  }

  /** How many there was no room for, in the life of this process. */
  get dropped(): number {
    return this.#droppedCount;
  }

  /** The number of the last that is acknowledged: where delivery over a new link begins. */
  get acked(): number {
    return this.#acked;
  }

  /** Another one after what was delivered has to be delivered again, under another origin. */
  get generation(): number {
    return this.#generation;
  }

  /** `at` and `wall`: when it began, by `performance.now()` and by `Date.now()`. */
  add(sweep: TellableSweep, at: number, wall: number): void {
    const stored: StoredSweep = { n: this.#next++, at, wall, sweep };
    const characters = JSON.stringify(stored).length;
    this.#recent.set(stored.n, { stored, characters, isOnDisk: false });
    this.#characters += characters;
    this.#write();
    this.#limit();
    this.#wake();
  }

  /** The coordinator has kept all up to this one. */
  ack(origin: string, seq: number): void {
    const index = this.#origins.findIndex((each) => each.origin === origin);
    if (index < 0) return;
    const end = this.#origins[index + 1]?.base;
    const number = Math.min(this.#origins[index]!.base + seq, end ?? Number.POSITIVE_INFINITY);
    if (number >= this.#next) {
      // Somebody counted further under this name: an earlier process, whose memory is lost.
      this.#renew();
      return;
    }
    if (number <= this.#acked) return;
    this.#acked = number;
    for (const key of this.#recent.keys()) {
      if (key > number) break;
      this.#forget(key);
    }
    this.#forgetOrigins();
    this.#disk?.release(number);
    this.#onAck();
  }

  /** What comes after a number; undefined where nothing does yet. */
  async after(number: number): Promise<Portion | undefined> {
    const wanted = number + 1;
    if (wanted >= this.#next) return undefined;
    const kept = this.#recent.get(wanted);
    if (kept !== undefined) return this.#portion(kept.stored, run);
    const onDisk = await this.#disk?.readFrom(wanted);
    if (onDisk?.stored.n === wanted) return this.#portion(onDisk.stored, onDisk.run);
    const inMemory = this.#recent.keys().find((key) => key > wanted) ?? this.#next;
    // While the disk was read it may have been acknowledged.
    const next = Math.min(onDisk?.stored.n ?? inMemory, inMemory);
    return { until: next - 1, messages: this.#gaps(Math.max(wanted, this.#acked + 1), next - 1) };
  }

  /** Whether what comes after a number is older than the newest. */
  isBehind(number: number): boolean {
    return number + 2 < this.#next;
  }

  /** Resolves when there is more than up to this number, or the signal says that nobody waits. */
  more(number: number, signal: AbortSignal): Promise<void> {
    if (number + 1 < this.#next) return Promise.resolve();
    return untilCalled((end) => (this.#wake = end), signal);
  }

  /** Resolves when something is acknowledged, or the signal says that nobody waits. */
  nextAck(signal: AbortSignal): Promise<void> {
    return untilCalled((end) => (this.#onAck = end), signal);
  }

  [Symbol.dispose](): void {
    this.#disk?.close();
  }

  #open(folder: string | undefined): ReturnType<typeof Segments.open> | undefined {
    if (folder === undefined) return undefined;
    try {
      return Segments.open(folder, this.#limits.segmentBytes);
    } catch (error) {
      this.#tell(
        `sweeps that are not delivered do not outlive this process: ${codeOf(error)} at ${folder}. Make it a folder that this user can write to`,
      );
      return undefined;
    }
  }

  #portion({ n, at, wall, sweep }: StoredSweep, writtenIn: string | undefined): Portion {
    const { origin, base } = this.#originOf(n);
    const agoMs = writtenIn === run ? performance.now() - at : Math.max(0, Date.now() - wall);
    const message: SweepMessage = {
      type: "sweep",
      origin,
      seq: n - base,
      late: n < this.#next - 1,
      // Beside this one.
      backlog: Math.max(0, this.size - 1),
      agoMs: Math.round(agoMs),
      ...(sweep as TellableSweep),
    };
    return { until: n, messages: [message] };
  }

  /** One for each origin. */
  #gaps(first: number, last: number): GapMessage[] {
    return this.#origins.flatMap(({ origin, base }, index): GapMessage[] => {
      const from = Math.max(first, base + 1);
      const until = Math.min(last, this.#origins[index + 1]?.base ?? last);
      if (from > until) return [];
      const reason =
        until <= this.#dropped.until ? this.#dropped.reason : "could not be read back from the state folder";
      return [{ type: "gap", origin, seq: from - base, until: until - base, reason }];
    });
  }

  #originOf(number: number): { origin: string; base: number } {
    return this.#origins.findLast(({ base }) => base < number) ?? this.#origins[0]!;
  }

  /** What is not on disk yet goes there, in order, as far as there is room. */
  #write(): void {
    if (this.#disk === undefined) return;
    try {
      for (const kept of this.#recent.values()) {
        if (kept.isOnDisk) continue;
        this.#disk.append(kept.stored, () => this.#head(kept.stored.n));
        kept.isOnDisk = true;
      }
      this.#setWhole(true);
      if (this.#fault === undefined) return;
      this.#fault = undefined;
      this.#tell("sweeps that are not delivered are kept on disk again");
    } catch (error) {
      this.#setWhole(false);
      if (this.#fault === undefined) {
        this.#tell(
          `sweeps that are not delivered are kept in memory only, ${Math.round(this.#limits.memoryBytes / 1024)} KiB of them: the state folder takes no more (${codeOf(error)}). Make room there`,
        );
      }
      this.#fault = codeOf(error);
    }
  }

  #setWhole(isWhole: boolean): void {
    if (this.#disk !== undefined && this.#isWhole !== isWhole) this.#disk.isWhole = isWhole;
    this.#isWhole = isWhole;
  }

  #limit(): void {
    const { memoryBytes, diskBytes, sweeps } = this.#limits;
    for (const [number, kept] of this.#recent) {
      if (this.#characters <= memoryBytes && this.#recent.size <= sweeps) break;
      // The newest has to be told, however large it is.
      if (number === this.#next - 1) break;
      this.#forget(number);
      if (!kept.isOnDisk) {
        const why = this.#fault === undefined ? "" : `, and the state folder takes no more (${this.#fault})`;
        this.#drop(number, `no room in memory for more than ${memoryBytes} bytes${why}`);
      }
    }
    const disk = this.#disk;
    if (disk === undefined) return;
    const isTooMuch = (): boolean =>
      disk.bytes > diskBytes || disk.all.at(-1)!.last - disk.all[0]!.last > sweeps;
    while (disk.all.length > 1 && isTooMuch()) {
      const { last } = disk.all[0]!;
      disk.drop();
      for (const number of this.#recent.keys()) {
        if (number > last) break;
        this.#forget(number);
      }
      if (last > this.#acked)
        this.#drop(last, `no room on disk for more than ${diskBytes} bytes or ${sweeps} sweeps`);
    }
  }

  /** The oldest go first: all up to this one. */
  #drop(until: number, reason: string): void {
    this.#droppedCount += Math.max(0, until - Math.max(this.#acked, this.#dropped.until));
    this.#dropped = { until, reason };
  }

  #forget(number: number): void {
    this.#characters -= this.#recent.get(number)?.characters ?? 0;
    this.#recent.delete(number);
  }

  #head(next: number): SegmentHead {
    const origins = this.#origins.map(({ origin, base }) => [origin, base] as const);
    return { run, boot: this.#boot, origins, acked: this.#acked, next };
  }

  /** All that is not acknowledged is told by a name that nobody has used. */
  #renew(): void {
    this.#origins = [{ origin: newOrigin(), base: this.#acked }];
    this.#disk?.rotate();
    this.#generation++;
    this.#wake();
  }

  /** Those of whom nothing is left to be told. */
  #forgetOrigins(): void {
    this.#origins = this.#origins.filter(
      (_, index, all) => index === all.length - 1 || all[index + 1]!.base > this.#acked,
    );
  }
}

function newOrigin(): string {
  return randomBytes(12).toString("base64url");
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** Empty where the system does not tell. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** `place` is given what ends the wait, which the signal does as well. */
function untilCalled(place: (end: () => void) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    place(end);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
