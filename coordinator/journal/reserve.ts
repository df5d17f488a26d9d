/**
 * Room that is kept back: on a full disk not even a DELETE works, since it is written to the log first. The reserve is
 * given up for as long as retention needs it.
 */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { randomFillSync } from "node:crypto";
import { join } from "node:path";

const reserveBytes = 16 * 1024 * 1024;
/** Of a small disk only that much of it. */
const share = 1 / 16;

export class Reserve {
  readonly #folder: string;
  readonly #path: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "reserve");
  }

  /** What the whole disk has, in bytes. */
  get diskBytes(): number {
    const { blocks, bsize } = statfsSync(this.#folder);
    return blocks * bsize;
  }

  /** How much is kept back. */
  get bytes(): number {
    return Math.min(reserveBytes, Math.floor(this.diskBytes * share));
  }

  /** @returns whether there was one. */
  release(): boolean {
    try {
      statSync(this.#path);
    } catch {
      return false;
    }
    rmSync(this.#path, { force: true });
    return true;
  }

  /** Where there is plenty of room for it. */
  restore(): void {
    const { bytes } = this;
    try {
      if (statSync(this.#path).size >= bytes) return;
    } catch {
      // There is none.
    }
    const { bavail, bsize } = statfsSync(this.#folder);
    if (bavail * bsize < 2 * bytes) return;
    try {
      this.#fill(bytes);
    } catch {
      rmSync(this.#path, { force: true });
    }
  }

  /** Noise: file systems that compress would keep no room for zeroes. */
  #fill(bytes: number): void {
    const file = openSync(this.#path, "w", 0o600);
    try {
      const piece = randomFillSync(Buffer.alloc(Math.min(bytes, 1024 * 1024)));
      for (let left = bytes; left > 0; left -= piece.length)
        writeSync(file, piece, 0, Math.min(left, piece.length));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}
