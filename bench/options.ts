/** The command line of the bench, and what of the system it needs. */
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { parseArgs } from "node:util";
import { PortmeshError } from "../shared/errors.ts";
import { subjectNames, subjects, usualSubjects, type SubjectName } from "./subjects.ts";

export interface BenchOptions {
  runs: number;
  only: readonly SubjectName[];
  output: "table" | "json";
  strict: boolean;
}

const maxRuns = 50;
const usage = `npm run bench -- [--runs 1-${maxRuns}] [--only ${subjectNames.join(",")}] [-o table|json] [--strict]`;

export function readOptions(args: readonly string[]): BenchOptions {
  const { runs, only, output, strict } = parse(args);
  const names = only.split(",");
  const isName = (name: string): name is SubjectName => Object.hasOwn(subjects, name);
  if (!names.every(isName)) throw wrong(`--only ${only}: there are ${subjectNames.join(", ")}`);
  if (!/^\d+$/.test(runs) || Number(runs) < 1 || Number(runs) > maxRuns)
    throw wrong(`--runs ${runs}: from 1 to ${maxRuns}`);
  if (output !== "table" && output !== "json") throw wrong(`-o ${output}: table or json`);
  return { runs: Number(runs), only: names, output, strict };
}

function parse(args: readonly string[]): { runs: string; only: string; output: string; strict: boolean } {
  try {
    return parseArgs({
      args: [...args],
      options: {
        runs: { type: "string", default: "5" },
        only: { type: "string", default: usualSubjects.join(",") },
        output: { type: "string", short: "o", default: "table" },
        strict: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function wrong(message: string): PortmeshError {
  return new PortmeshError("usage", message, { next: usage });
}

/** @throws an error that names what is missing and the command that brings it. */
export function requireSystem(only: readonly SubjectName[]): void {
  if (process.platform !== "linux")
    throw new PortmeshError("cannot-run", "the bench needs Linux and its network namespaces");
  if (process.getuid?.() !== 0)
    throw new PortmeshError("cannot-run", "network namespaces take root", { next: "sudo npm run bench" });
  const needs = new Set(["ip", ...only.flatMap((name) => subjects[name].needs)]);
  const missing = [...needs].filter((need) => !exists(need));
  if (missing.length === 0) return;
  throw new PortmeshError("cannot-run", `missing: ${missing.join(", ")}`, {
    next: "sudo sh bin/system-tools --bench",
  });
}

function exists(need: string): boolean {
  const places = isAbsolute(need)
    ? [need]
    : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, need));
  return places.some((path) => {
    try {
      accessSync(path, isAbsolute(need) ? constants.R_OK : constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
