/** The paths that changed together with the one that stands in a row: names, and what each path's id is above the one before. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { KeptTransition } from "./journal.ts";

type Others = NonNullable<KeptTransition["others"]>;

export function encodeOthers(others: Others): Uint8Array {
  const steps = others.map(({ path }, index) => path - (others[index - 1]?.path ?? 0));
  return zstdCompressSync(Buffer.from(JSON.stringify([others.map(({ to }) => to), steps])));
}

/** What was written is trusted here: its row has a checksum. */
export function decodeOthers(encoded: Uint8Array | null): Others {
  if (encoded === null) return [];
  const [names, steps] = JSON.parse(zstdDecompressSync(encoded).toString()) as [string[], number[]];
  let path = 0;
  return names.map((to, index) => ({ to, path: (path += steps[index]!) }));
}
