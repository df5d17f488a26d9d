/** The version of this installation, from its package.json. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Searched upwards, because the built package lies a folder deeper than the sources. */
export function portmeshVersion(from = import.meta.dirname): string {
  try {
    const { name, version } = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as {
      name: string;
      version: string;
    };
    if (name === "portmesh") return version;
  } catch {
    // not here: look above
  }
  const parent = dirname(from);
  return parent === from ? "unknown" : portmeshVersion(parent);
}
