/** The report as Markdown, for tickets and pull requests. */
import {
  explainOmitted,
  explainPath,
  explainSampling,
  failingPorts,
  remedyFor,
} from "../../shared/explain.ts";
import { explainEndpoint, remedyForEndpoint } from "../../shared/explain-endpoint.ts";
import type { Report } from "../../shared/report.ts";
import { printable } from "../terminal.ts";

export function renderMarkdown(report: Report): string {
  const { summary } = report;
  const bad = report.paths.filter(({ verdict }) => verdict !== "pass");
  const lines = [
    `# Portmesh report: ${cell(report.cluster)}`,
    "",
    `${report.specs.map(({ id, version }) => `${id} ${version}`).join(", ")}, ${report.phase} phase, finished ${report.finishedAt}`,
    "",
    `**${summary.verdict}**: ${[
      `${countsOf(summary, summary.paths, "paths")} (${summary.probes} probes)`,
      ...(report.endpoints.length === 0
        ? []
        : [countsOf(summary.endpoints, report.endpoints.length, "endpoints")]),
      ...(report.requirements.length === 0
        ? []
        : [countsOf(summary.requirements, report.requirements.length, "requirements")]),
    ].join("; ")}`,
    "",
  ];
  for (const note of [explainSampling(summary), explainOmitted(summary)])
    if (note !== undefined) lines.push(note, "");
  if (bad.length > 0) {
    lines.push(
      "| from | to | ports | flow | verdict | reason | what was seen | next |",
      "|---|---|---|---|---|---|---|---|",
    );
    for (const path of bad) {
      const { from, to, transport, flow, verdict, reason } = path;
      const cells = [
        from,
        to,
        `${transport}/${failingPorts(path)}`,
        flow,
        verdict,
        reason,
        explainPath(path),
        remedyFor(path) ?? "",
      ];
      lines.push(`| ${cells.map(cell).join(" | ")} |`);
    }
    lines.push("");
  }
  const outside = report.endpoints.filter(({ verdict }) => verdict !== "pass");
  if (outside.length > 0) {
    lines.push(
      "## Endpoints",
      "",
      "| from | host | ports | row | verdict | reason | what was seen | next |",
      "|---|---|---|---|---|---|---|---|",
      ...outside.map((endpoint) => {
        const { from, host, transport, ports, row, verdict, reason } = endpoint;
        const place = ports === "" ? transport : `${transport}/${ports}`;
        const rest = [explainEndpoint(endpoint), remedyForEndpoint(endpoint) ?? ""];
        return `| ${[from, host, place, row, verdict, reason, ...rest].map(cell).join(" | ")} |`;
      }),
      "",
    );
  }
  const unmet = report.requirements.filter(({ verdict }) => verdict !== "pass");
  if (unmet.length > 0) {
    lines.push(
      "## Requirements",
      "",
      "| node | requirement | verdict | reason | expected | found | next |",
      "|---|---|---|---|---|---|---|",
      ...unmet.map(({ node, toward, spec, name, verdict, reason, expected, actual, remedy }) => {
        const subject = [node ?? "cluster", ...(toward === undefined ? [] : [`→ ${toward}`])].join(" ");
        return `| ${[subject, `${spec}/${name}`, verdict, reason, expected, actual, remedy ?? ""].map(cell).join(" | ")} |`;
      }),
      "",
    );
  }
  const applying = report.statements.filter(({ applies }) => applies);
  if (applying.length > 0) {
    lines.push(
      "## Not probed, to be confirmed otherwise",
      "",
      "| row | what | why not probed | document |",
      "|---|---|---|---|",
    );
    for (const { spec, row, text, why, doc } of applying)
      lines.push(`| ${[`${spec}/${row}`, text, why, doc].map(cell).join(" | ")} |`);
    lines.push("");
  }
  return lines.join("\n");
}

function countsOf(counts: Report["summary"]["endpoints"], of: number, what: string): string {
  return `${counts.pass} pass, ${counts.fail} fail, ${counts.warn} warn, ${counts.unknown} unknown of ${of} ${what}`;
}

function cell(text: string): string {
  return printable(text.replace(/\s+/g, " ")).replace(/[\\`*_<>|[\]]/g, "\\$&");
}
