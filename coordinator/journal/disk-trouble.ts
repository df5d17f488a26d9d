/** What an error of SQLite or of the file system means to whoever keeps history. */
import { PortmeshError } from "../../shared/errors.ts";

/**
 * `full`: there is no room. `failing`: the disk does not do what it is told, or may not be written to. `corrupt`: what
 * stands in the file makes no sense. `held`: another process has it. `defect`: none of these, so ours.
 */
export type Trouble = "full" | "failing" | "corrupt" | "held" | "defect";

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const byCode: Readonly<Record<number, Trouble>> = {
  3: "failing", // PERM
  5: "held", // BUSY
  6: "held", // LOCKED
  8: "failing", // READONLY
  10: "failing", // IOERR
  11: "corrupt", // CORRUPT
  13: "full", // FULL
  14: "failing", // CANTOPEN
  15: "held", // PROTOCOL
  26: "corrupt", // NOTADB
};
/** Extended ones that mean something else: IOERR_SHORT_READ, IOERR_SHMSIZE, IOERR_CORRUPTFS. */
const byExtendedCode: Readonly<Record<number, Trouble>> = { 522: "corrupt", 4874: "full", 8458: "corrupt" };
const byErrno: Readonly<Record<string, Trouble>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EROFS: "failing",
  EACCES: "failing",
  EPERM: "failing",
  EIO: "failing",
  EMFILE: "failing",
  ENOENT: "failing",
  ENOTDIR: "failing",
};

export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof Error)) return "defect";
  // What the check of its structure throws.
  if (error.name === "DamagedFile") return "corrupt";
  const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number };
  if (errcode !== undefined) return byExtendedCode[errcode] ?? byCode[errcode & 0xff] ?? "defect";
  return byErrno[code ?? ""] ?? "defect";
}

const next: Readonly<Record<Trouble, string | undefined>> = {
  full: "Make room on that disk, or have less kept. Nothing is lost that agents still hold: they are answered when there is room again.",
  failing: "Look at the disk (dmesg, mount) and at who may write there.",
  corrupt: "Nothing is to be done: the file is set aside, and what can be read of it is kept.",
  held: "Only one coordinator may use a data directory at a time.",
  defect: undefined,
};

/** @param attempted as in `cannot keep history`. */
export function explainTrouble(
  attempted: string,
  where: string,
  trouble: Trouble,
  detail: string,
): PortmeshError {
  const advice = next[trouble];
  return new PortmeshError(
    "cannot-run",
    `${attempted} in ${where}: ${detail}`,
    advice === undefined ? {} : { next: advice },
  );
}

/** With the code, as errors of SQLite have it in a field of its own. */
export function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number };
  if (errcode !== undefined) return `${error.message} (SQLite ${errcode})`;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}
