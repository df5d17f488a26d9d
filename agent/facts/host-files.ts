/** Reads small files of the host. Where the kernel's and the system's trees are comes in by argument. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

/** Folders of the host, as absolute paths. */
export interface HostRoots {
  proc: string;
  sys: string;
  etc: string;
  /** Of the modules of all kernels. */
  modules: string;
  run: string;
  var: string;
}

export const hostRoots: HostRoots = {
  proc: "/proc",
  sys: "/sys",
  etc: "/etc",
  modules: "/lib/modules",
  run: "/run",
  var: "/var",
};

const defaultBytes = 256 * 1024;
const everybodyReads = 0o004;

/** The beginning of a file, or undefined where it is not there or not to be read. */
export function readText(path: string, maxBytes = defaultBytes): string | undefined {
  return readHead(path, maxBytes, false);
}

/**
 * As `readText`, and undefined too where the file is not for every user of the host: what a coordinator may
 * ask for by name is what anybody here could tell it.
 */
export function readPublicText(path: string, maxBytes = defaultBytes): string | undefined {
  return readHead(path, maxBytes, true);
}

function readHead(path: string, maxBytes: number, isPublicOnly: boolean): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const stat = fstatSync(file);
    if (!stat.isFile() || (isPublicOnly && (stat.mode & everybodyReads) === 0)) return undefined;
    // A file of /proc has no size before it is read, and may come in pieces.
    const bytes = Buffer.alloc(maxBytes);
    let length = 0;
    for (;;) {
      const read = readSync(file, bytes, length, maxBytes - length, null);
      length += read;
      if (read === 0 || length === maxBytes) return bytes.toString("utf8", 0, length);
    }
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export function exists(...path: string[]): boolean {
  return existsSync(join(...path));
}

/** Names in a folder; none where it cannot be read. */
export function namesIn(...path: string[]): string[] {
  try {
    return readdirSync(join(...path));
  } catch {
    return [];
  }
}
