/**
 * An append-only log in a folder of its own: lines of JSON with a checksum each, in files of about a mebibyte, so
 * that what is not needed any more goes a file at a time. A process that is killed loses nothing that was
 * appended; a power cut may lose the end, which shows in the boot that each file names.
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** What the first line of each file says. */
export interface SegmentHead {
  /** Which process wrote it, and since which boot the host runs. */
  run: string;
  boot: string;
  /** Those who counted, and the number before their first. */
  origins: readonly (readonly [origin: string, base: number])[];
  /** All up to here is kept by the coordinator. */
  acked: number;
  /** The first number that may follow. */
  next: number;
}

/** A line of the log. */
export interface StoredSweep {
  n: number;
  /** When the sweep began: by the monotonic clock of its run, and by the time of day, in milliseconds. */
  at: number;
  wall: number;
  sweep: unknown;
}

export interface Segment {
  path: string;
  head: SegmentHead | undefined;
  /** Of the sweeps in it; 0 where there is none. */
  first: number;
  last: number;
  bytes: number;
}

const suffix = ".log";
/** Present while the log has all that was counted: gone before anything is in memory only. */
const wholeFile = "whole";

export class Segments {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  #ordinal: number;
  #current: { fd: number; segment: Segment } | undefined;
  /** The file that was read last. */
  #page: { segment: Segment; bytes: number; lines: Map<number, StoredSweep> } | undefined;

  private constructor(folder: string, segmentBytes: number, segments: Segment[], ordinal: number) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    this.#segments = segments;
    this.#ordinal = ordinal;
  }

  /**
   * Reads what an earlier process left; lines that are broken count as missing.
   * @returns the log, and the last that was acknowledged by it.
   * @throws NodeJS.ErrnoException where the folder cannot be had.
   */
  static open(folder: string, segmentBytes: number): { log: Segments; acked: number } {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const names = readdirSync(folder).filter((name) => /^[0-9]{12}\.log$/.test(name));
    let acked = 0;
    const segments: Segment[] = [];
    for (const name of names.toSorted()) {
      const path = join(folder, name);
      const bytes = readFileSync(path);
      const segment: Segment = { path, head: undefined, first: 0, last: 0, bytes: bytes.length };
      for (const line of linesOf(bytes)) {
        if ("run" in line) segment.head ??= line;
        else if ("a" in line) acked = Math.max(acked, line.a);
        else {
          segment.first ||= line.n;
          segment.last = line.n;
        }
      }
      acked = Math.max(acked, segment.head?.acked ?? 0);
      segments.push(segment);
    }
    const ordinal = Number(names.toSorted().at(-1)?.slice(0, -suffix.length) ?? 0);
    return { log: new Segments(folder, segmentBytes, segments, ordinal), acked };
  }

  /** In the order of their sweeps. */
  get all(): readonly Segment[] {
    return this.#segments;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get isWhole(): boolean {
    return existsSync(join(this.#folder, wholeFile));
  }

  set isWhole(isWhole: boolean) {
    const path = join(this.#folder, wholeFile);
    try {
      if (isWhole) writeFileSync(path, "", { mode: 0o600 });
      else unlinkSync(path);
    } catch {
      // Without the file the next process counts anew, which is never wrong; if it cannot be removed, the
      // coordinator's acknowledgements will show that somebody counted further.
    }
  }

  /**
   * Where it throws, nothing was appended.
   * @throws NodeJS.ErrnoException of the disk.
   */
  append(stored: StoredSweep, head: () => SegmentHead): void {
    if (this.#current !== undefined && this.#current.segment.bytes >= this.#segmentBytes) this.rotate();
    const { segment } = this.#current ?? this.#begin(head());
    this.#write(lineOf(stored));
    segment.first ||= stored.n;
    segment.last = stored.n;
  }

  /** All up to this number need not be kept. The newest file stays, because it knows who counted how far. */
  release(acked: number): void {
    while (this.#segments.length > 1 && this.#segments[0]!.last <= acked) this.drop();
    try {
      if (this.#current !== undefined) this.#write(lineOf({ a: acked }));
    } catch {
      // Then some sweeps are sent twice, and are known by their numbers.
    }
  }

  /** Removes the oldest file. */
  drop(): void {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    if (this.#current?.segment === oldest) this.rotate();
    if (this.#page?.segment === oldest) this.#page = undefined;
    try {
      unlinkSync(oldest.path);
    } catch {
      // Gone already, or as good as gone.
    }
  }

  /** What comes next begins a new file. */
  rotate(): void {
    if (this.#current !== undefined) closeSync(this.#current.fd);
    this.#current = undefined;
  }

  /** The first sweep from this number on that can be read, with the run that it was written in. */
  async readFrom(number: number): Promise<{ stored: StoredSweep; run: string | undefined } | undefined> {
    for (const segment of this.#segments.slice()) {
      if (segment.last < number) continue;
      const lines = await this.#load(segment);
      const stored = lines.get(number) ?? [...lines.values()].find((each) => each.n >= number);
      if (stored !== undefined) return { stored, run: segment.head?.run };
    }
    return undefined;
  }

  async #load(segment: Segment): Promise<Map<number, StoredSweep>> {
    if (this.#page?.segment === segment && this.#page.bytes === segment.bytes) return this.#page.lines;
    const { bytes } = segment;
    const lines = new Map<number, StoredSweep>();
    const content = await readFile(segment.path).catch(() => Buffer.alloc(0));
    for (const line of linesOf(content)) if ("n" in line) lines.set(line.n, line);
    this.#page = { segment, bytes, lines };
    return lines;
  }

  #begin(head: SegmentHead): { fd: number; segment: Segment } {
    const path = join(this.#folder, `${String(this.#ordinal + 1).padStart(12, "0")}${suffix}`);
    const fd = openSync(path, "ax", 0o600);
    this.#ordinal++;
    const segment: Segment = { path, head, first: 0, last: 0, bytes: 0 };
    this.#current = { fd, segment };
    this.#segments.push(segment);
    try {
      this.#write(lineOf(head));
    } catch (error) {
      this.#segments.pop();
      this.rotate();
      unlinkSync(path);
      throw error;
    }
    return this.#current;
  }

  #write(line: Buffer): void {
    const { fd, segment } = this.#current!;
    try {
      for (let written = 0; written < line.length;) written += writeSync(fd, line, written);
      segment.bytes += line.length;
    } catch (error) {
      try {
        ftruncateSync(fd, segment.bytes);
      } catch {
        // Nothing may follow half a line.
        this.rotate();
      }
      throw error;
    }
  }

  close(): void {
    this.rotate();
  }
}

type Line = SegmentHead | StoredSweep | { a: number };

function lineOf(line: Line): Buffer {
  const json = Buffer.from(JSON.stringify(line));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from("\n")]);
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}

function* linesOf(content: Buffer): Generator<Line> {
  let start = 0;
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, start)) {
    const json = content.subarray(start + 9, end);
    if (content.toString("latin1", start, start + 8) === checksum(json)) yield JSON.parse(json.toString());
    start = end + 1;
  }
}
