/**
 * One writer a data directory. The lock is the kernel's, on a file of SQLite's own, and goes with the process
 * whatever ends it: there is no lock file to be removed by hand after a crash.
 */
import { readFileSync, writeFileSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PortmeshError } from "../../shared/errors.ts";
import { troubleOf } from "./disk-trouble.ts";

/** @throws PortmeshError with the process that has it. */
export function lockForWriting(folder: string): Disposable {
  const lock = join(folder, "writer.lock");
  const pid = join(folder, "writer.pid");
  closeSync(openSync(lock, "a", 0o600));
  const db = new DatabaseSync(lock, { timeout: 0 });
  try {
    // Takes the lock and writes nothing: it works on a full disk, too.
    db.exec("BEGIN IMMEDIATE");
  } catch (error) {
    db.close();
    if (troubleOf(error) !== "held") throw error;
    throw new PortmeshError("cannot-run", `${folder} is in use by another coordinator${whose(pid)}`, {
      next: "Stop that one, or choose another --data-dir.",
    });
  }
  try {
    writeFileSync(pid, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // Only for the message above: a full disk must not keep a coordinator from starting.
  }
  return {
    [Symbol.dispose]: () => {
      if (db.isOpen) db.close();
    },
  };
}

function whose(path: string): string {
  try {
    const pid = readFileSync(path, "latin1").trim();
    return /^[0-9]{1,10}$/.test(pid) ? ` (process ${pid})` : "";
  } catch {
    return "";
  }
}
