/** Copies of a journal, made and checked on the thread that they are asked of. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PortmeshError } from "../../shared/errors.ts";
import {
  checkSchema,
  checkStructure,
  checkVersion,
  journalPath,
  openForReading,
  prepareFolder,
} from "./database.ts";
import { Rows } from "./rows.ts";
import { tables } from "./tables.ts";
import { lockForWriting } from "./writer-lock.ts";

export interface CheckedCopy {
  /** All rows, and those whose checksum does not hold. */
  rows: number;
  bad: number;
  /** The first and the last moment of which it tells. */
  since: number | undefined;
  until: number | undefined;
}

/** In one moment of it, whoever writes meanwhile. The file is there whole or not at all. */
export function backup(folder: string, file: string): CheckedCopy {
  const source = journalPath(folder);
  if (!existsSync(source))
    throw new PortmeshError("cannot-run", `there is no history in ${folder}`, {
      next: "Name the --data-dir of a coordinator.",
    });
  refuseOwn(folder, file);
  const partial = `${resolve(file)}.partial`;
  rmSync(partial, { force: true });
  closeSync(openSync(partial, "wx", 0o600));
  try {
    const db = openForReading(source);
    try {
      checkVersion(db, source);
      // It writes nothing to this file; but SQLite does not tell it from what does.
      db.exec("PRAGMA query_only = OFF");
      db.prepare("VACUUM INTO ?").run(partial);
    } finally {
      db.close();
    }
    const checked = verify(partial);
    syncFile(partial);
    renameSync(partial, file);
    syncFile(dirname(resolve(file)));
    return checked;
  } finally {
    rmSync(partial, { force: true });
  }
}

const ownFiles = /^(?:journal\.db.*|writer\..*|reserve|.*\.json)$/;

/** Whoever writes to the journal would go on in a file without a name. */
function refuseOwn(folder: string, file: string): void {
  const place = dirname(resolve(file));
  if (!existsSync(place))
    throw new PortmeshError("cannot-run", `cannot back up to ${file}: there is no folder ${place}`, {
      next: "Make it, or choose another place.",
    });
  if (realpathSync(place) === realpathSync(folder) && ownFiles.test(basename(file)))
    throw new PortmeshError("cannot-run", `cannot back up to ${file}: the coordinator has that file itself`, {
      next: "Choose another name, best on another disk.",
    });
}

/** What was in the folder before is set aside. */
export function restore(file: string, folder: string, now: number): CheckedCopy {
  const checked = verify(file);
  if (checked.bad > 0)
    throw new PortmeshError("cannot-run", `${file} is damaged: ${checked.bad} of ${checked.rows} rows`, {
      next: "Restore another backup.",
    });
  prepareFolder(folder);
  using _lock = lockForWriting(folder);
  const path = journalPath(folder);
  const partial = `${path}.partial`;
  try {
    copyFileSync(file, partial);
    syncFile(partial);
    const before = `${path}.replaced-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
    // The log of the old file must not be taken for one of the new: it goes first.
    for (const suffix of ["-wal", ""])
      if (existsSync(path + suffix)) renameSync(path + suffix, before + suffix);
    rmSync(`${path}-shm`, { force: true });
    renameSync(partial, path);
    syncFile(folder);
  } finally {
    rmSync(partial, { force: true });
  }
  return checked;
}

/**
 * Every page and every row of a journal or a copy.
 * @throws PortmeshError where it is none, of a newer version, or cannot be read.
 */
export function verify(file: string): CheckedCopy {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new PortmeshError("cannot-run", `there is no file ${file}`, {
      next: "Name a file that coordinator backup wrote.",
    });
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    checkVersion(db, file);
    checkStructure(db, file);
    checkSchema(db);
    const rows = new Rows(db);
    let good = 0;
    let bad = 0;
    for (const table of tables) {
      for (const _row of rows.select(table, "")) good++;
      bad += rows.takeBad().length;
    }
    const times =
      "SELECT at FROM transitions UNION ALL SELECT at FROM snapshots UNION ALL SELECT at FROM happenings";
    return {
      rows: good + bad,
      bad,
      since: rows.number(`SELECT min(at) FROM (${times})`),
      until: rows.number(`SELECT max(at) FROM (${times})`),
    };
  } finally {
    db.close();
  }
}

function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
