/**
 * `npm run check:documents -- DIR [SPECS]`: compares the specs with the vendors' documents in DIR, which are
 * not part of this repository. Exit codes: 0 where each says what the other says, 1 with all findings on
 * stdout, 2 where there was nothing to compare.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeError, PortmeshError } from "../shared/errors.ts";
import { readSpecFolder, shippedSpecsFolder } from "../shared/spec-folder.ts";
import { compare, type DocumentFile } from "./documents/compare.ts";

const [folder, specsFolder = shippedSpecsFolder] = process.argv.slice(2);

try {
  if (folder === undefined) throw new PortmeshError("usage", "usage: npm run check:documents -- DIR [SPECS]");
  const { findings, summary } = compare(readSpecFolder(specsFolder), readDocuments(folder));
  for (const line of findings.length === 0 ? summary : findings) console.log(line);
  process.exitCode = findings.length === 0 ? 0 : 1;
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 2;
}

function readDocuments(path: string): DocumentFile[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map(({ name }) => ({ name, bytes: readFileSync(join(path, name)) }));
}
