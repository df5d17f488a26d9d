/** The result of a bench as a person reads it. */
import { formatValue, type Figure, type Verdict } from "./measure.ts";

export interface Result {
  machine: { cpu: string; cores: number; kernel: string; node: string };
  runs: number;
  figures: readonly Figure[];
  verdicts: readonly Verdict[];
}

export function renderTable({ machine, runs, figures, verdicts }: Result): string {
  const { cpu, cores, kernel, node } = machine;
  return [
    `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}; medians of ${runs} interleaved rounds`,
    "",
    ...grid([
      ["measurement", "median", "CPU µs a probe", "RSS MB"],
      ...figures.map(({ title, value, unit, cpuMicros, rssMb }) => [
        title,
        formatValue(value, unit),
        cpuMicros?.toFixed(1) ?? "",
        rssMb?.toFixed(0) ?? "",
      ]),
    ]),
    "",
    ...grid([
      ["comparison", "measured", "required", ""],
      ...verdicts.map(({ title, measured, required, holds }) => [
        title,
        measured.toFixed(2),
        required ?? "",
        holds === undefined ? "" : holds ? "holds" : "MISSED",
      ]),
    ]),
  ].join("\n");
}

/** Text left, figures right. */
function grid(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ");
  return rows.map((row) => line(row).trimEnd());
}
