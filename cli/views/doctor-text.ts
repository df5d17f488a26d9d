/** What the doctor found, for people: a table, and under what is not met how to mend it. */
import { verdicts } from "../../shared/names.ts";
import { hostSpec } from "../../shared/requirements/host-checks.ts";
import type { DoctorCheck, DoctorReport } from "../doctor/examine.ts";
import { printable, styleOf, type Glyphs, type Paint } from "../terminal.ts";
import { renderTable } from "./table.ts";

/** Widths at which cells are cut; what is not met is told in full below. */
const widths = { expected: 44, actual: 40, from: 44 };

export function renderDoctor(report: DoctorReport, glyphs: Glyphs, paint: Paint): string {
  const about =
    report.specs.length === 0
      ? "no product: see --spec and --cluster"
      : `${report.specs.map(({ id }) => id).join(", ")}, ${report.phase} phase`;
  const as = report.node === null ? "" : ` as ${report.node} of ${report.cluster}`;
  const cut = (text: string, width: number): string => {
    const safe = printable(text);
    return safe.length <= width ? safe : `${safe.slice(0, width - glyphs.more.length)}${glyphs.more}`;
  };
  const rows = report.checks.map((check) => [
    paint(styleOf[check.verdict], glyphs[check.verdict]),
    check.spec === hostSpec ? check.name : `${check.spec}/${check.name}`,
    cut(check.expected, widths.expected),
    cut(check.actual, widths.actual),
    cut(check.from ?? "", widths.from),
  ]);
  const [head, ...lines] = renderTable([["", "CHECK", "EXPECTED", "ACTUAL", "READ FROM"], ...rows]);
  const isCut = ({ expected, actual }: DoctorCheck): boolean =>
    expected.length > widths.expected || actual.length > widths.actual;
  return [
    paint("bold", `${printable(report.host)}${printable(as)}: ${about}`),
    "",
    paint("dim", head!),
    ...report.checks.flatMap((check, index) => {
      if (check.verdict === "pass") return [lines[index]!];
      const whole = isCut(check)
        ? [`     ${printable(`expected ${check.expected}; found ${check.actual}`)}`]
        : [];
      const remedy =
        check.remedy === undefined ? [] : [`     ${paint("bold", "remedy")}  ${printable(check.remedy)}`];
      return [lines[index]!, ...whole, ...remedy];
    }),
    "",
    ...report.notes.map((note) => paint("yellow", `note: ${printable(note)}`)),
    summaryOf(report, glyphs, paint),
    "",
  ].join("\n");
}

function summaryOf({ summary }: DoctorReport, { separator }: Glyphs, paint: Paint): string {
  const words = { pass: "met", warn: "warnings", unknown: "unknown", fail: "unmet" } as const;
  const parts = verdicts
    .filter((verdict) => verdict !== "warn" || summary.warn > 0)
    .map((verdict) => {
      const text = `${summary[verdict]} ${words[verdict]}`;
      return summary[verdict] === 0 ? text : paint(styleOf[verdict], text);
    });
  return `${paint("bold", "Summary")}  ${parts.join(separator)}`;
}
