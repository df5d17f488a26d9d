/** One change of a path's verdict as a line for people. */
import { explainPath, failingPorts } from "../../shared/explain.ts";
import type { Verdict } from "../../shared/names.ts";
import type { ReportPath } from "../../shared/report.ts";
import { glyphsFor, printable, styleOf, type Paint } from "../terminal.ts";

interface Shown {
  verdict: Verdict;
  reason: string;
}

export function transitionLine(
  { from, to, at, isFlapping }: { from: Shown; to: Shown; at: number; isFlapping: boolean },
  path: ReportPath,
  paint: Paint,
  ascii: boolean,
): string {
  const { arrow } = glyphsFor(ascii);
  const shown = ({ verdict, reason }: Shown): string => paint(styleOf[verdict], `${verdict} ${reason}`);
  const flow = `${path.from} ${arrow} ${path.to} ${path.flow} ${path.transport} ${failingPorts(path)}`;
  const why = to.verdict === "pass" ? "" : `: ${printable(explainPath(path))}`;
  const flapping = isFlapping ? " (flapping)" : "";
  return `${new Date(at).toISOString()} ${flow}: ${shown(from)} ${arrow} ${shown(to)}${flapping}${why}`;
}
