/** Reads specs from disk: the shipped ones by id, the user's own by path. Nothing lists the files. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InvalidInputError, PortmeshError, type Problem } from "./errors.ts";
import { parseSpec, type ProductSpec } from "./spec.ts";

/** The specs that ship with Portmesh. */
export const shippedSpecsFolder = join(import.meta.dirname, "..", "specs");

/** @throws InvalidInputError with the mistakes of all files of the folder. */
export function readSpecFolder(folder = shippedSpecsFolder): ProductSpec[] {
  const problems: Problem[] = [];
  const specs = specFiles(folder).flatMap((file) => {
    try {
      return [readSpecFile(join(folder, file))];
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
  if (problems.length > 0) throw new InvalidInputError(problems);
  return specs;
}

export function readSpecFile(path: string): ProductSpec {
  return parseSpec(readTextFile(path, "the spec"), path);
}

/** A shipped spec by its id, without reading the others; undefined where there is none of that name. */
export function readShippedSpec(id: string): ProductSpec | undefined {
  const file = `${id}.yaml`;
  return specFiles(shippedSpecsFolder).includes(file)
    ? readSpecFile(join(shippedSpecsFolder, file))
    : undefined;
}

export function shippedSpecIds(): string[] {
  return specFiles(shippedSpecsFolder).map((file) => file.slice(0, -".yaml".length));
}

/** @throws PortmeshError that names the file and what the system said. */
export function readTextFile(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new PortmeshError(
      "usage",
      `cannot read ${what} ${path}: ${(error as NodeJS.ErrnoException).code}`,
      {
        next: "Check the path and that this user may read it.",
        cause: error,
      },
    );
  }
}

function specFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .toSorted();
}
