/** One change of a path's verdict, as a line for people and as an object for scripts. */
import type { KeptTransition } from "../../coordinator/journal/journal.ts";
import { reasonOfCode, verdictOfCode } from "../../coordinator/watch/live-matrix.ts";
import { explainEndpoint } from "../../shared/explain-endpoint.ts";
import { explainPath, failingPorts } from "../../shared/explain.ts";
import type { ReportEndpoint, ReportPath } from "../../shared/report.ts";
import { glyphsFor, printable, styleOf, type Paint } from "../terminal.ts";

/** What it is about, as the last look judged it. */
export type Found = ReportPath | ReportEndpoint;

/** `found` is undefined where the plan has changed since. */
export function transitionLine(
  transition: KeptTransition,
  found: Found | undefined,
  paint: Paint,
  ascii: boolean,
): string {
  const { at, from, to, flow, before, after, isFlapping, isLate, others } = transition;
  const { arrow } = glyphsFor(ascii);
  const shown = (code: number): string =>
    paint(styleOf[verdictOfCode(code)], `${verdictOfCode(code)} ${reasonOfCode(code)}`);
  const where = found === undefined ? "" : ` ${placeOf(found)}`;
  const why =
    found === undefined || verdictOfCode(after) === "pass" ? "" : `: ${printable(explanationOf(found))}`;
  const marks = `${isFlapping ? " (flapping)" : ""}${isLate ? " (told late)" : ""}`;
  const alike = others === undefined ? "" : ` and ${others.length} others`;
  return `${new Date(at).toISOString()} ${from} ${arrow} ${to}${alike} ${flow}${where}: ${shown(before)} ${arrow} ${shown(after)}${marks}${why}`;
}

/** One line of `-o json`. */
export function transitionObject(transition: KeptTransition, found: Found | undefined): object {
  const { at, before, after, plan: _plan, path: _id, evidence: _evidence, others, ...rest } = transition;
  const judgement = (code: number): object => ({ verdict: verdictOfCode(code), reason: reasonOfCode(code) });
  return {
    at: new Date(at).toISOString(),
    ...rest,
    ...(others === undefined ? {} : { others: others.map((other) => other.to) }),
    before: judgement(before),
    after: judgement(after),
    ...(found === undefined
      ? {}
      : { [isEndpoint(found) ? "endpoint" : "path"]: { ...found, ...judgement(after) } }),
  };
}

function isEndpoint(found: Found): found is ReportEndpoint {
  return "host" in found;
}

/** `tcp/9042`, or `icmp`, which has no ports. */
function placeOf(found: Found): string {
  const ports = isEndpoint(found) ? found.ports : failingPorts(found);
  return ports === "" ? found.transport : `${found.transport}/${ports}`;
}

function explanationOf(found: Found): string {
  return isEndpoint(found) ? explainEndpoint(found) : explainPath(found);
}
