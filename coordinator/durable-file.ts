/** Files that are there whole or not at all, whatever happens to the process that writes them. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { PortmeshError } from "../shared/errors.ts";

/**
 * For this user alone. A coordinator that dies in the middle leaves the old file or none.
 * @throws PortmeshError that names the file and what the system said.
 */
export function writeDurably(path: string, text: string): void {
  const part = `${path}.part`;
  try {
    const file = openSync(part, "w", 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (error) {
    throw new PortmeshError("cannot-run", `cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      next: "Choose another folder with --data-dir DIR.",
      cause: error,
    });
  }
}

/** What was kept of that kind; undefined where there is none, or it is damaged: both can be done without. */
export function readKept<Kept extends { kind: string }>(path: string, kind: Kept["kind"]): Kept | undefined {
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as Kept;
    return kept.kind === kind ? kept : undefined;
  } catch {
    return undefined;
  }
}
