/** Writes the published JSON Schemas into docs/schema. A test compares them with the code. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schemas } from "../cli/schemas.ts";

const folder = join(import.meta.dirname, "..", "docs", "schema");
mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, undefined, 2)}\n`);
}
