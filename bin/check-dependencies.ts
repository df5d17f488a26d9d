/**
 * Checks what package-lock.json brings in: exactly what package.json asks for, every package under a licence
 * that asks for no more than its notice, and none that wants to run a script while it is installed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  version: string;
  license?: string;
  hasInstallScript?: boolean;
  dev?: boolean;
}

const groups = ["dependencies", "devDependencies", "optionalDependencies"] as const;
type Manifest = Partial<Record<(typeof groups)[number], Record<string, string>>>;

const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC-BY-3.0", // a list of licence names, used by a development tool
  "CC0-1.0",
  "ISC",
  "MIT",
]);

/** Packages that forgot the field in package.json; the licence was read in the file they ship. */
const readByHand: Readonly<Record<string, string>> = { "jsonc-simple-parser@3.0.0": "MIT" };

/** Tools of the tests, which are run as they come and are no part of what is published. */
const onlyInTests: Readonly<Record<string, string>> = { "axe-core": "MPL-2.0" };

const root = join(import.meta.dirname, "..");
const lock = readJson("package-lock.json") as { packages: Record<string, LockedPackage> };
const { "": own, ...packages } = lock.packages;
const problems = [
  ...driftOf(readJson("package.json") as Manifest, own as Manifest),
  ...Object.entries(packages).flatMap(([path, locked]) =>
    problemsOf(path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length), locked),
  ),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}

/** bin/setup installs what the lock says and adds what it lacks, so a lock that lags behind goes unnoticed there. */
function driftOf(manifest: Manifest, locked: Manifest): string[] {
  return groups.flatMap((group) => {
    const [wanted, present] = [manifest[group] ?? {}, locked[group] ?? {}];
    const names = new Set([...Object.keys(wanted), ...Object.keys(present)]);
    return [...names]
      .filter((name) => wanted[name] !== present[name])
      .map(
        (name) =>
          `${name}: package.json says ${wanted[name] ?? "nothing"}, the lock ${present[name] ?? "nothing"}`,
      );
  });
}

function problemsOf(name: string, locked: LockedPackage): string[] {
  const id = `${name}@${locked.version}`;
  const licence = locked.license ?? readByHand[id] ?? "none stated";
  const found: string[] = [];
  const isForTests = locked.dev === true && onlyInTests[name] === licence;
  if (!isAllowed(licence) && !isForTests)
    found.push(`${id}: licence ${licence} is not on the list of bin/check-dependencies.ts`);
  if (locked.hasInstallScript === true) found.push(`${id}: wants to run a script while it is installed`);
  return found;
}

/** `(WTFPL OR MIT)`: one of them is enough. Anything more complicated is for a person to read. */
function isAllowed(licence: string): boolean {
  return licence
    .replace(/^\((.*)\)$/, "$1")
    .split(" OR ")
    .some((name) => allowed.has(name));
}
