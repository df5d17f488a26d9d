/**
 * A program of the tests and its threads, each as one file: a process that is started hundreds of times starts from them
 * in a third of the time.
 */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "../..");

/** @param files from the root of the project; the bundles have their names. */
export async function bundle(folder: string, files: readonly string[]): Promise<void> {
  await using made = await rolldown({
    input: Object.fromEntries(files.map((file) => [basename(file, ".ts"), join(root, file)])),
    platform: "node",
  });
  await made.write({ dir: folder, format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name].js" });
  writeFileSync(join(folder, "package.json"), `{"type":"module"}\n`);
}
