/** What becomes of a report: printed as the user wants it, and written into files. */
import { writeFileSync } from "node:fs";
import { Option } from "commander";
import { PortmeshError } from "../shared/errors.ts";
import type { Report } from "../shared/report.ts";
import { painter, type Terminal } from "./terminal.ts";
import { fileOptions, formatNames, formats, type Format } from "./views/formats.ts";

export interface ReportFlags {
  output: Format;
  report: string[];
}

export function outputOption(): Option {
  return new Option("-o, --output <format>", "what to print").choices(formatNames).default("text");
}

export function reportOption(description = "also write a report file (repeatable)"): Option {
  return new Option("--report <format=path>", description)
    .argParser((value: string, list: string[]) => [...list, value])
    .default([]);
}

export class ReportOutput {
  readonly #format: Format;
  readonly #files: readonly ReportFile[];
  readonly #terminal: Terminal;

  /** @throws PortmeshError where the flags make no sense: before any work is done. */
  constructor(flags: ReportFlags, terminal: Terminal) {
    this.#format = flags.output;
    this.#files = flags.report.map(reportFile);
    this.#terminal = terminal;
  }

  /** The result goes to stdout. Returns whether every file was written. */
  show(report: Report): boolean {
    const { out, ascii } = this.#terminal;
    out.write(formats[this.#format](report, { paint: painter(out), ascii }));
    return this.#files.map((file) => this.#write(report, file)).every((isWritten) => isWritten);
  }

  /** A missing file makes a good exit code bad, and hides no verdict. Returns the exit code. */
  finish(report: Report, exitCode: number): number {
    const isWritten = this.show(report);
    return exitCode === 0 && !isWritten ? 1 : exitCode;
  }

  #write(report: Report, { format, path }: ReportFile): boolean {
    const { err } = this.#terminal;
    try {
      writeFileSync(path, formats[format](report, fileOptions));
      err.write(`wrote ${path}\n`);
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      err.write(`${painter(err)("red", "error:")} cannot write the report ${path}: ${code}\n`);
      return false;
    }
  }
}

interface ReportFile {
  format: Format;
  path: string;
}

function reportFile(text: string): ReportFile {
  const at = text.indexOf("=");
  const format = text.slice(0, at) as Format;
  if (at < 1 || at === text.length - 1 || !formatNames.includes(format)) {
    throw new PortmeshError("usage", `--report ${text}: must be FORMAT=PATH`, {
      next: `Formats: ${formatNames.join(", ")}.`,
    });
  }
  return { format, path: text.slice(at + 1) };
}
