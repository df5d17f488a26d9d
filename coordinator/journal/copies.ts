/** Backup, restore and check of a journal, on a thread of their own. */
import { PortmeshError } from "../../shared/errors.ts";
import type { CopyMethods } from "./copy-thread.ts";
import type { CheckedCopy } from "./copying.ts";
import { explainTrouble } from "./disk-trouble.ts";
import { Thread, ThreadError } from "./thread.ts";

/**
 * A checked copy of the journal in a folder, while a coordinator writes to it or not.
 * @throws PortmeshError, in which case an earlier copy of that name is as it was.
 */
export function backupJournal(folder: string, file: string): Promise<CheckedCopy> {
  return working("cannot back up the history", folder, (thread) => thread.call("backup", folder, file));
}

/**
 * A backup becomes the journal of a folder that no coordinator uses; a journal that is there is set aside.
 * @throws PortmeshError where the backup is damaged, or the folder is in use.
 */
export function restoreJournal(file: string, folder: string, now: number): Promise<CheckedCopy> {
  return working(`cannot restore ${file}`, folder, (thread) => thread.call("restore", file, folder, now));
}

/** @throws PortmeshError where it is no journal, or its structure is damaged. */
export function verifyJournal(file: string): Promise<CheckedCopy> {
  return working("cannot check the history", file, (thread) => thread.call("verify", file));
}

async function working<T>(
  attempted: string,
  where: string,
  work: (thread: Thread<CopyMethods>) => Promise<T>,
): Promise<T> {
  const thread = new Thread<CopyMethods>("copy-thread", undefined);
  try {
    return await work(thread);
  } catch (error) {
    if (!(error instanceof ThreadError)) throw error;
    if (error.trouble === "corrupt")
      throw new PortmeshError("cannot-run", `${attempted}: ${where}: ${error.message}`, {
        next: "It is damaged, or no journal: use another copy.",
      });
    throw explainTrouble(attempted, where, error.trouble, error.message);
  } finally {
    await thread.close();
  }
}
