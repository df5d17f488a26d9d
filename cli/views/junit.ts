/** JUnit XML: a suite a flow, a case a path, so that a pipeline shows each blocked path by name. */
import { explainPath, remedyFor } from "../../shared/explain.ts";
import type { Report, ReportPath } from "../../shared/report.ts";

export function renderJunit(report: Report): string {
  const suites = Map.groupBy(report.paths, ({ spec, flow }) => `${spec}/${flow}`);
  const seconds = (Date.parse(report.finishedAt) - Date.parse(report.startedAt)) / 1_000;
  const lines = [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="${xml(report.cluster)}" ${counts(report.paths)} time="${seconds.toFixed(3)}">`,
    ...Array.from(suites, ([name, paths]) => suite(name, paths, report)).flat(),
    `</testsuites>`,
  ];
  return `${lines.join("\n")}\n`;
}

function suite(name: string, paths: readonly ReportPath[], report: Report): string[] {
  return [
    `  <testsuite name="${xml(name)}" ${counts(paths)} timestamp="${report.startedAt.slice(0, 19)}">`,
    ...paths.flatMap((path) => testCase(name, path)),
    `  </testsuite>`,
  ];
}

function testCase(suiteName: string, path: ReportPath): string[] {
  const title = `${path.from} -> ${path.to} ${path.transport}/${path.ports}${path.expected === "closed" ? " closed" : ""}`;
  const open = `    <testcase classname="${xml(suiteName)}" name="${xml(title)}" time="${((path.rttMs ?? 0) / 1_000).toFixed(6)}"`;
  if (path.verdict === "pass" || path.verdict === "warn") return [`${open}/>`];
  // An unknown path is an error of the check, not a failure of the network.
  const element = path.verdict === "fail" ? "failure" : "error";
  const body = [explainPath(path), remedyFor(path), `document: ${path.doc}`, ...intervals(path)].filter(
    (line) => line !== undefined,
  );
  return [
    `${open}>`,
    `      <${element} type="${path.reason}" message="${xml(`${path.reason}: ${explainPath(path)}`)}">${xml(body.join("\n"))}</${element}>`,
    `    </testcase>`,
  ];
}

function intervals(path: ReportPath): string[] {
  return (path.intervals ?? []).map(({ ports, verdict, reason }) => `${ports}: ${verdict} ${reason}`);
}

function counts(paths: readonly ReportPath[]): string {
  const count = (verdict: string): number => paths.filter((path) => path.verdict === verdict).length;
  return `tests="${paths.length}" failures="${count("fail")}" errors="${count("unknown")}"`;
}

/** Escapes, and replaces what XML 1.0 cannot carry at all. */
function xml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]!);
}
