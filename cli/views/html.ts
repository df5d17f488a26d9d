/** The report as one self-contained page to mail: no script, no request to anywhere, light and dark. */
import {
  explainOmitted,
  explainPath,
  explainSampling,
  failingPorts,
  remedyFor,
} from "../../shared/explain.ts";
import { explainEndpoint, remedyForEndpoint } from "../../shared/explain-endpoint.ts";
import { verdicts, type Verdict } from "../../shared/names.ts";
import type { Report, ReportPath } from "../../shared/report.ts";
import { cellsOf } from "./matrix.ts";
import { htmlStyle } from "./html-style.ts";

const glyph: Readonly<Record<Verdict, string>> = { pass: "●", warn: "!", unknown: "?", fail: "×" };
/** A bigger matrix does not fit a page; the tables below it have every path. */
const maxMatrixNodes = 100;

export function renderHtml(report: Report): string {
  const { summary } = report;
  const title = `Portmesh report: ${escape(report.cluster)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${htmlStyle}</style>
</head>
<body>
<h1>${title}</h1>
<p class="verdict ${summary.verdict}">${glyph[summary.verdict]} ${summary.verdict}${report.interrupted ? " (interrupted)" : ""}</p>
<p>${report.specs.map(({ id, version }) => `${escape(id)} ${version}`).join(", ")} · ${report.phase} phase ·
${report.nodes.length} nodes · ${summary.probes} probes · finished ${report.finishedAt}</p>
${allCounts(report)}
${omission(report)}${[matrix, failures, endpoints, requirements, flows, nodes, statements]
    .map((part) => part(report))
    .filter((part) => part !== "")
    .join("\n")}
</body>
</html>
`;
}

function matrix(report: Report): string {
  // Without the paths that pass there would be holes in it, which look like pairs without any path.
  if (report.nodes.length > maxMatrixNodes || !hasAllPaths(report)) return "";
  const cells = cellsOf(report);
  const head = cells.nodes.map((name) => `<th scope="col"><span>${escape(name)}</span></th>`).join("");
  const rows = cells.nodes.map((from) => {
    const row = cells.nodes.map((to) => {
      const verdict = cells.verdict(from, to);
      if (verdict === undefined) return `<td class="none">${from === to ? "-" : "·"}</td>`;
      return `<td class="${verdict}" title="${escape(`${from} to ${to}: ${verdict}`)}">${glyph[verdict]}</td>`;
    });
    return `<tr><th scope="row">${escape(from)}</th>${row.join("")}</tr>`;
  });
  return `<h2>Matrix</h2>
<div class="scroll"><table class="matrix"><caption>from (rows) to (columns): the worst verdict of all flows</caption>
<thead><tr><td></td>${head}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function failures(report: Report): string {
  const bad = byVerdict(report.paths.filter(({ verdict }) => verdict !== "pass"));
  if (bad.length === 0) return `<h2>Findings</h2><p>Every path passes.</p>`;
  return `<h2>Findings</h2>${table(["", "from", "to", "ports", "flow", "reason", "what was seen", "next", "document"], bad.map(finding))}`;
}

function finding(path: ReportPath): string[] {
  const { from, to, transport, flow, reason, verdict, doc } = path;
  return [
    badge(verdict),
    ...[
      from,
      to,
      `${transport}/${failingPorts(path)}`,
      flow,
      reason,
      explainPath(path),
      remedyFor(path) ?? "",
      doc,
    ].map(escape),
  ];
}

function flows(report: Report): string {
  if (!hasAllPaths(report)) return "";
  const groups = Map.groupBy(report.paths, ({ spec, flow, expected }) => `${spec}/${flow}/${expected}`);
  const rows = Array.from(groups.values(), (paths) => {
    const { spec, flow, transport, ports, protocol, expected, doc } = paths[0]!;
    const passed = paths.filter(({ verdict }) => verdict === "pass").length;
    const coverage = [...new Set(paths.map((path) => path.coverage))].join(", ");
    return [
      `${spec}/${flow}`,
      `${transport}/${ports}`,
      expected === "closed" ? "must be closed" : protocol,
      `${passed}/${paths.length}`,
      coverage,
      doc,
    ].map(escape);
  });
  const sampling = explainSampling(report.summary);
  const note = sampling === undefined ? "" : `<p>${sampling}</p>`;
  return `<h2>Flows</h2>${note}${table(["flow", "ports", "probed as", "paths passing", "ports covered", "document"], rows)}`;
}

/** What is wrong comes first. */
function byVerdict<Item extends { verdict: Verdict }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => verdicts.indexOf(b.verdict) - verdicts.indexOf(a.verdict));
}

function badge(verdict: Verdict): string {
  return `<span class="${verdict}">${glyph[verdict]} ${verdict}</span>`;
}

function endpoints({ endpoints: all }: Report): string {
  if (all.length === 0) return "";
  const rows = byVerdict(all).map((endpoint) => {
    const { verdict, from, host, transport, ports, application, route, spec, row, reason, doc } = endpoint;
    return [
      badge(verdict),
      ...[
        from,
        host,
        ports === "" ? transport : `${transport}/${ports}`,
        route === "direct" ? application : `${application} by ${route}`,
        `${spec}/${row}`,
        reason,
        explainEndpoint(endpoint),
        remedyForEndpoint(endpoint) ?? "",
        doc,
      ].map(escape),
    ];
  });
  const head = ["", "from", "host", "ports", "spoken", "row", "reason", "what was seen", "next", "document"];
  return `<h2>Endpoints</h2>${table(head, rows)}`;
}

function requirements({ requirements: all }: Report): string {
  if (all.length === 0) return "";
  const rows = byVerdict(all).map(
    ({ verdict, node, toward, spec, name, reason, expected, actual, from, remedy, doc }) => [
      badge(verdict),
      ...[
        [node ?? "cluster", ...(toward === undefined ? [] : [`to ${toward}`])].join(" "),
        `${spec}/${name}`,
        reason,
        expected,
        actual,
        from ?? "",
        remedy ?? "",
        doc ?? "",
      ].map(escape),
    ],
  );
  const head = ["", "node", "requirement", "reason", "expected", "found", "where", "next", "document"];
  return `<h2>Requirements</h2>${table(head, rows)}`;
}

/** A line for each section that has anything; the sections are named where there are several. */
function allCounts({ summary, endpoints: outside, requirements: asked }: Report): string {
  if (outside.length === 0 && asked.length === 0) return countList("", summary);
  return [
    countList("paths", summary),
    ...(outside.length === 0 ? [] : [countList("endpoints", summary.endpoints)]),
    ...(asked.length === 0 ? [] : [countList("requirements", summary.requirements)]),
  ].join("\n");
}

function hasAllPaths({ paths, summary }: Report): boolean {
  return paths.length === summary.paths;
}

function omission({ summary }: Report): string {
  const omitted = explainOmitted(summary);
  return omitted === undefined ? "" : `<p>${omitted}</p>\n`;
}

function countList(what: string, counts: Report["summary"]["endpoints"]): string {
  const items = (["pass", "fail", "warn", "unknown"] as const)
    .map((verdict) => `<li class="${verdict}"><b>${counts[verdict]}</b> ${verdict}</li>`)
    .join("");
  return `<ul class="counts">${what === "" ? "" : `<li class="what">${what}</li>`}${items}</ul>`;
}

function nodes(report: Report): string {
  const rows = report.nodes.map(({ name, addresses, roles, zone, agent, listeners }) =>
    [
      name,
      addresses.join(", "),
      roles.join(", "),
      zone ?? "",
      agent === null ? "no agent" : `${agent.version}, ${agent.state}`,
      `${listeners.bound} bound, ${listeners.occupied} occupied, ${listeners.denied} denied, ${listeners.absent} absent`,
    ].map(escape),
  );
  return `<h2>Nodes</h2>${table(["node", "addresses", "roles", "zone", "agent", "listeners"], rows)}`;
}

function statements(report: Report): string {
  const list = (applies: boolean): string[][] =>
    report.statements
      .filter((statement) => statement.applies === applies)
      .map(({ spec, section, row, text, why, doc }) =>
        [`${spec}/${section}/${row}`, text, why, doc].map(escape),
      );
  const [applying, leftOut] = [list(true), list(false)];
  const head = ["row", "what", "why", "document"];
  return [
    applying.length === 0 ? "" : `<h2>Not probed, to be confirmed otherwise</h2>${table(head, applying)}`,
    leftOut.length === 0 ? "" : `<h2>Left out by the chosen options</h2>${table(head, leftOut)}`,
  ].join("\n");
}

/** Cells are already HTML. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const header = head.map((title) => `<th scope="col">${title}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("\n");
  return `<div class="scroll"><table><thead><tr>${header}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** Escapes for HTML, and replaces control characters, which a page has no use for. */
function escape(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]!);
}
