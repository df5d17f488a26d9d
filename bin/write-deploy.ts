/** Writes what in deploy/ is made of something else. A test compares. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deployFiles } from "./deploy-files.ts";

for (const [path, text] of Object.entries(deployFiles())) {
  const file = join(import.meta.dirname, "..", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
