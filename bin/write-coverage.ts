/** Writes docs/coverage.md: how each row of the shipped specs is checked. A test compares it with the code. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderCoverage } from "../cli/views/coverage.ts";
import { readSpecFolder } from "../shared/spec-folder.ts";

writeFileSync(join(import.meta.dirname, "..", "docs", "coverage.md"), renderCoverage(readSpecFolder()));
