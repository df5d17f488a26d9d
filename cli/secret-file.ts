/** Secrets come by file, and only by one that nobody else may read. */
import { statSync } from "node:fs";
import { PortmeshError } from "../shared/errors.ts";
import { readTextFile } from "../shared/spec-folder.ts";

const othersMay = 0o077;

/** The text without the end of its line. @throws PortmeshError where it cannot be read, is empty, or is open to others. */
export function readSecretFile(path: string, what: string): string {
  const text = readTextFile(path, what).trim();
  if (text === "")
    throw new PortmeshError("usage", `${what} ${path}: the file is empty`, {
      next: "Write the secret into it, on one line.",
    });
  if ((statSync(path).mode & othersMay) !== 0)
    throw new PortmeshError("usage", `${what} ${path}: other users may read it`, {
      next: `chmod 600 ${path}`,
    });
  return text;
}
