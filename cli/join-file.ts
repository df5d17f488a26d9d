/** The file that lets agents join: a secret, and as long-lived as its coordinator. */
import { closeSync, fchmodSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { PortmeshError } from "../shared/errors.ts";
import { joinStringPrefix } from "../shared/join-string.ts";
import type { Terminal } from "./terminal.ts";

/** Writes the file, and says how agents join by it. */
export function offerJoinFile(
  path: string,
  { address, joinString }: { address: string; joinString: string },
  { err }: Terminal,
): Disposable {
  const file = writeJoinFile(path, joinString);
  err.write(`coordinator listens on ${address}; on each node run:\n`);
  err.write(`  portmesh agent run --join-file ${path} --name NODE\n`);
  return file;
}

/** Readable by this user only, and removed when disposed of: nothing may be left that looks usable. */
export function writeJoinFile(path: string, joinString: string): Disposable {
  const content = `${joinString}\n`;
  refuseForeign(path);
  try {
    write(path, content);
  } catch (error) {
    throw new PortmeshError(
      "cannot-run",
      `cannot write the join file ${path}: ${(error as NodeJS.ErrnoException).code}`,
      { next: "Choose another place with --join-file PATH.", cause: error },
    );
  }
  return {
    [Symbol.dispose]() {
      // Another coordinator may have written its own in the meantime.
      if (read(path) === content) rmSync(path, { force: true });
    },
  };
}

function write(path: string, content: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    fchmodSync(file, 0o600); // before there is a secret in it: the mode is ignored for a file that was there
    writeSync(file, content);
  } finally {
    closeSync(file);
  }
}

/** Undefined where it is not there, or not to be read. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** A file that is there and no join file is somebody's: it would be lost. */
function refuseForeign(path: string): void {
  const content = read(path) ?? ""; // writing will tell what is wrong
  if (content.trim() === "" || content.startsWith(joinStringPrefix)) return;
  throw new PortmeshError("usage", `--join-file ${path}: the file exists and is no join file`, {
    next: "Choose another place, or remove it yourself.",
  });
}
