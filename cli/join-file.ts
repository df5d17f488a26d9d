/** The file that lets agents join: a secret, and as long-lived as its coordinator. */
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { PortmeshError } from "../shared/errors.ts";
import { joinStringPrefix } from "../shared/join-string.ts";

/** Readable by this user only, and removed when disposed of: nothing may be left that looks usable. */
export function writeJoinFile(path: string, joinString: string): Disposable {
  refuseForeign(path);
  try {
    writeFileSync(path, `${joinString}\n`, { mode: 0o600 });
    chmodSync(path, 0o600); // mode is ignored for a file that was there
  } catch (error) {
    throw new PortmeshError(
      "cannot-run",
      `cannot write the join file ${path}: ${(error as NodeJS.ErrnoException).code}`,
      { next: "Choose another place with --join-file PATH.", cause: error },
    );
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** A file that is there and no join file is somebody's: it would be lost. */
function refuseForeign(path: string): void {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch {
    return; // not there, or not to be read: writing will tell
  }
  if (content.trim() === "" || content.startsWith(joinStringPrefix)) return;
  throw new PortmeshError("usage", `--join-file ${path}: the file exists and is no join file`, {
    next: "Choose another place, or remove it yourself.",
  });
}
