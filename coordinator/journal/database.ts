/** The journal's file: made, opened with the settings that its promises need, checked, and brought to this version. */
import { chmodSync, closeSync, mkdirSync, openSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { PortmeshError } from "../../shared/errors.ts";
import { applicationId, migrations, schemaVersion } from "./tables.ts";

/** Up to this size everything is checked when it is opened: about a second. Of larger files all but the largest tables is. */
const maxWholeCheckBytes = 512 * 1024 * 1024;
/** Queries do not wait for the writer in WAL mode; this is for a backup that meets a checkpoint. */
const busyMs = 5_000;

/** Its structure is damaged, as `PRAGMA integrity_check` says. */
class DamagedFile extends Error {
  override readonly name = "DamagedFile";
}

export function journalPath(folder: string): string {
  return join(folder, "journal.db");
}

/** Magic numbers of file systems (statfs(2)) whose locks and shared memory WAL cannot build on. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0xff53_4d42, "CIFS"],
  [0xfe53_4d42, "SMB"],
  [0x517b, "SMB"],
  [0x5346_414f, "AFS"],
]);

export function networkFileSystem(type: number): string | undefined {
  return networkFileSystems.get(type >>> 0);
}

/** SQLite before 3.51.3 can damage a file when two connections reset its WAL at once (https://sqlite.org/wal.html#walresetbug). */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  return major < 3 || (major === 3 && (minor < 51 || (minor === 51 && patch < 3)));
}

/** @throws PortmeshError where no journal can be in that folder. */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const network = networkFileSystem(statfsSync(folder).type);
  if (network !== undefined)
    throw new PortmeshError("cannot-run", `cannot keep history in ${folder}: it is on ${network}`, {
      next: "Choose a --data-dir on a disk of this host: a network's locks do not hold what history needs.",
    });
  const { sqlite } = process.versions;
  if (sqlite !== undefined && isTooOld(sqlite))
    throw new PortmeshError("cannot-run", `this Node.js has SQLite ${sqlite}, which can damage its files`, {
      next: "Use the Node.js that bin/setup brings, or one with SQLite 3.51.3 or newer.",
    });
}

/**
 * For writing. An empty file becomes a journal, an older one is brought to this version, or stays as it is.
 * @param steps by which a file comes to each version; those of this one.
 * @throws DamagedFile, an error of SQLite, or PortmeshError where the file is of a newer version.
 */
export function openForWriting(path: string, steps: readonly string[] = migrations): DatabaseSync {
  closeSync(openSync(path, "a", 0o600));
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    commonSettings(db);
    const isEmpty = pragma(db, "schema_version") === 0 && pragma(db, "page_count") <= 1;
    // Before anything is set: what is of a newer version is not to be touched.
    if (!isEmpty) checkVersion(db, path, steps.length);
    else db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA journal_size_limit = 67108864");
    db.exec("PRAGMA cache_size = -16000");
    if (!isEmpty) checkStructure(db, path);
    migrate(db, isEmpty ? 0 : versionOf(db)!, steps);
    checkSchema(db, steps);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Beside the writer. Not `readOnly`: readers write to the shared index of the WAL. */
export function openForReading(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    commonSettings(db);
    db.exec("PRAGMA query_only = ON");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** @throws PortmeshError where it is of a newer version, DamagedFile where it is no journal. */
export function checkVersion(db: DatabaseSync, path: string, known = schemaVersion): void {
  const version = versionOf(db);
  if (version === undefined || pragma(db, "application_id") !== applicationId)
    throw new DamagedFile("it is not a journal of Portmesh");
  if (version > known)
    throw new PortmeshError(
      "cannot-run",
      `${path} was written by a newer Portmesh (schema ${version}, this one knows ${known})`,
      {
        next: "Use that version again, restore a backup of before the update, or choose another --data-dir.",
      },
    );
}

export function checkStructure(db: DatabaseSync, path: string): void {
  const checks =
    statSync(path).size <= maxWholeCheckBytes
      ? ["integrity_check(1)"]
      : ["names", "plans", "snapshots", "kept", "transitions", "happenings"].map(
          (table) => `quick_check('${table}')`,
        );
  for (const check of checks) {
    const answer = Object.values(db.prepare(`PRAGMA ${check}`).get() ?? {})[0];
    if (answer !== "ok") throw new DamagedFile(String(answer).split("\n")[0]!.slice(0, 200));
  }
}

/** The texts of the tables stand in the file like everything else, and no check of SQLite reads them. */
export function checkSchema(db: DatabaseSync, steps: readonly string[] = migrations): void {
  using expected = new DatabaseSync(":memory:");
  for (const step of steps) expected.exec(step);
  const texts = (of: DatabaseSync): string =>
    JSON.stringify(of.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").all());
  if (texts(db) !== texts(expected)) throw new DamagedFile("its schema is not that of a journal");
}

export function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function commonSettings(db: DatabaseSync): void {
  db.exec("PRAGMA cell_size_check = ON");
  db.exec("PRAGMA temp_store = MEMORY");
  db.exec("PRAGMA trusted_schema = OFF");
}

/** The version with a check beside it: a flipped bit must not look like the file of a newer Portmesh. */
function markOf(version: number): number {
  return version | ((crc32(`schema ${version}`) & 0x7fff) << 16);
}

function versionOf(db: DatabaseSync): number | undefined {
  const mark = pragma(db, "user_version");
  const version = mark & 0xffff;
  return mark === markOf(version) ? version : undefined;
}

function migrate(db: DatabaseSync, from: number, steps: readonly string[]): void {
  if (from === steps.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps.slice(from)) db.exec(step);
    db.exec(`PRAGMA application_id = ${applicationId}`);
    db.exec(`PRAGMA user_version = ${markOf(steps.length)}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
