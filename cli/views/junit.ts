/** JUnit XML: a suite a row of a spec, a case a path, endpoint or requirement, so that a pipeline shows each by name. */
import { explainOmitted, explainPath, remedyFor } from "../../shared/explain.ts";
import { explainEndpoint, remedyForEndpoint } from "../../shared/explain-endpoint.ts";
import { explainRequirement } from "../../shared/explain-requirement.ts";
import type { Verdict } from "../../shared/names.ts";
import type { Report, ReportEndpoint, ReportPath, ReportRequirement } from "../../shared/report.ts";

/** What JUnit has to say of one path, endpoint or requirement. */
interface Case {
  suite: string;
  title: string;
  seconds: number;
  verdict: Verdict;
  reason: string;
  message: string;
  body: readonly (string | undefined)[];
}

export function renderJunit(report: Report): string {
  const cases = [
    ...report.paths.map(caseOfPath),
    ...report.endpoints.map(caseOfEndpoint),
    ...report.requirements.map(caseOfRequirement),
  ];
  const suites = Map.groupBy(cases, (each) => each.suite);
  const omitted = explainOmitted(report.summary);
  const seconds = (Date.parse(report.finishedAt) - Date.parse(report.startedAt)) / 1_000;
  const lines = [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="${xml(report.cluster)}" ${counts(cases)} time="${seconds.toFixed(3)}">`,
    ...(omitted === undefined ? [] : [`  <!-- ${omitted} -->`]),
    ...Array.from(suites, ([name, list]) => suite(name, list, report)).flat(),
    `</testsuites>`,
  ];
  return `${lines.join("\n")}\n`;
}

function suite(name: string, cases: readonly Case[], report: Report): string[] {
  return [
    `  <testsuite name="${xml(name)}" ${counts(cases)} timestamp="${report.startedAt.slice(0, 19)}">`,
    ...cases.flatMap(testCase),
    `  </testsuite>`,
  ];
}

function caseOfPath(path: ReportPath): Case {
  const closed = path.expected === "closed" ? " closed" : "";
  return {
    suite: `${path.spec}/${path.flow}`,
    title: `${path.from} -> ${path.to} ${path.transport}/${path.ports}${closed}`,
    seconds: (path.rttMs ?? 0) / 1_000,
    verdict: path.verdict,
    reason: path.reason,
    message: explainPath(path),
    body: [remedyFor(path), `document: ${path.doc}`, ...intervals(path)],
  };
}

function caseOfEndpoint(endpoint: ReportEndpoint): Case {
  const { spec, section, row, from, host, transport, ports, rttMs, verdict, reason, doc } = endpoint;
  return {
    suite: `${spec}/${section}/${row}`,
    title: `${from} -> ${host} ${transport}${ports === "" ? "" : `/${ports}`}`,
    seconds: (rttMs ?? 0) / 1_000,
    verdict,
    reason,
    message: explainEndpoint(endpoint),
    body: [remedyForEndpoint(endpoint), `document: ${doc}`],
  };
}

function caseOfRequirement(requirement: ReportRequirement): Case {
  const { spec, name, node, toward, verdict, reason, doc } = requirement;
  return {
    suite: `${spec}/requirements/${name}`,
    title: [node ?? "cluster", ...(toward === undefined ? [] : [`-> ${toward}`])].join(" "),
    seconds: 0,
    verdict,
    reason,
    message: explainRequirement(requirement),
    body: doc === undefined ? [] : [`document: ${doc}`],
  };
}

function testCase({ suite: name, title, seconds, verdict, reason, message, body }: Case): string[] {
  const open = `    <testcase classname="${xml(name)}" name="${xml(title)}" time="${seconds.toFixed(6)}"`;
  if (verdict === "pass" || verdict === "warn") return [`${open}/>`];
  // What is unknown is an error of the check, not a failure of the network.
  const element = verdict === "fail" ? "failure" : "error";
  const text = [message, ...body].filter((line) => line !== undefined).join("\n");
  return [
    `${open}>`,
    `      <${element} type="${reason}" message="${xml(`${reason}: ${message}`)}">${xml(text)}</${element}>`,
    `    </testcase>`,
  ];
}

function intervals(path: ReportPath): string[] {
  return (path.intervals ?? []).map(({ ports, verdict, reason }) => `${ports}: ${verdict} ${reason}`);
}

function counts(cases: readonly Case[]): string {
  const count = (verdict: string): number => cases.filter((each) => each.verdict === verdict).length;
  return `tests="${cases.length}" failures="${count("fail")}" errors="${count("unknown")}"`;
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
