/** Checks the direction of imports (import-rules.ts) and prints each violation as `file:line: …`. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, matchesGlob, relative, sep } from "node:path";
import { folders, moduleRules, type ModuleRule } from "./import-rules.ts";

interface Import {
  from: string;
  line: number;
  /** Erased before Node sees it. */
  isType: boolean;
  /** Imported names; empty for side effects, for `*` and for `import()`. */
  names: readonly string[];
}

const root = join(import.meta.dirname, "..");
const files = globSync(
  Object.keys(folders).map((folder) => `${folder}/**/*.{ts,tsx,js}`),
  { cwd: root, exclude: ["**/dist/**"] },
).toSorted();
const violations = files.flatMap((file) => {
  const path = file.replaceAll(sep, "/");
  return importsOf(readFileSync(join(root, file), "utf8")).flatMap((found) =>
    problemsOf(path, found).map((problem) => `${path}:${found.line}: ${problem}`),
  );
});
for (const violation of violations) console.error(violation);
if (violations.length > 0) process.exitCode = 1;

function importsOf(text: string): Import[] {
  const statement =
    /^(?:import|export)\s+(type\s+)?(?:([^"';]*?)\s+from\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return Array.from(text.matchAll(statement), (match) => ({
    from: match[3] ?? match[4]!,
    line: text.slice(0, match.index).split("\n").length,
    isType: match[1] !== undefined,
    names: namesOf(match[2] ?? ""),
  }));
}

/** `{ isIP, connect as dial, type Socket }` becomes isIP and connect. */
function namesOf(clause: string): string[] {
  const list = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  if (list === undefined) return [];
  return list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "" && !item.startsWith("type "))
    .map((item) => item.split(/\s/)[0]!);
}

function problemsOf(file: string, found: Import): string[] {
  if (found.from.startsWith(".")) return directionProblem(file, found.from);
  // A type opens no socket.
  if (found.isType) return [];
  return moduleRules
    .filter((rule) => forbids(rule, file, found))
    .map((rule) => `must not import ${found.from}: ${rule.why}`);
}

function directionProblem(file: string, from: string): string[] {
  const target = relative(root, join(root, dirname(file), from)).replaceAll(sep, "/");
  const [own, other] = [file.split("/")[0]!, target.split("/")[0]!];
  // package.json and other files at the top belong to no folder.
  if (!target.includes("/") || folders[own]!.includes(other)) return [];
  return [`${own} must not import ${other} (${target}); it may import ${folders[own]!.join(", ")}`];
}

function forbids(rule: ModuleRule, file: string, found: Import): boolean {
  const isNamed = rule.modules.some((name) => found.from === name || found.from.startsWith(`${name}/`));
  if (!isNamed) return false;
  if (rule.within !== undefined && !rule.within.some((glob) => matchesGlob(file, glob))) return false;
  if (rule.only.some((glob) => matchesGlob(file, glob))) return false;
  return found.names.length === 0 || !found.names.every((name) => rule.harmless?.includes(name));
}
