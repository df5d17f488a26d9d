/** The firewall change request: one line a rule that is missing (or too many), in RFC 4180 CSV. */
import { explainOmitted, explainPath, failingPorts } from "../../shared/explain.ts";
import type { Reason } from "../../shared/names.ts";
import { explainEndpoint } from "../../shared/explain-endpoint.ts";
import type { Report, ReportEndpoint } from "../../shared/report.ts";
import { printable } from "../terminal.ts";

const header = [
  "action",
  "source",
  "source_address",
  "destination",
  "destination_address",
  "protocol",
  "ports",
  "why",
  "verdict",
  "reason",
  "evidence",
  "document",
  "time",
];

export function renderCsv(report: Report): string {
  const addressOf = new Map(report.nodes.map(({ name, address }) => [name, address]));
  const rows = report.paths
    .filter(({ verdict }) => verdict !== "pass")
    .map((path) => [
      path.verdict === "unknown" ? "clarify" : path.expected === "closed" ? "block" : "allow",
      path.from,
      addressOf.get(path.from) ?? "",
      path.to,
      path.evidence.source.address ?? addressOf.get(path.to) ?? "",
      path.transport,
      failingPorts(path),
      `${path.spec}: ${path.flow}`,
      path.verdict,
      path.reason,
      explainPath(path),
      path.doc,
      report.finishedAt,
    ]);
  const outside = report.endpoints
    .filter(({ verdict }) => verdict !== "pass")
    .map((endpoint) => [
      actions[endpoint.reason] ?? "clarify",
      endpoint.from,
      addressOf.get(endpoint.from) ?? "",
      endpoint.host,
      addressesOf(endpoint),
      endpoint.transport,
      endpoint.ports,
      `${endpoint.spec}: ${endpoint.row}`,
      endpoint.verdict,
      endpoint.reason,
      explainEndpoint(endpoint),
      endpoint.doc,
      report.finishedAt,
    ]);
  const omitted = explainOmitted(report.summary);
  const more = omitted === undefined ? [] : [header.map((column) => (column === "evidence" ? omitted : ""))];
  return [header, ...rows, ...outside, ...more].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}

/** What to ask of whoever guards the way out; the rest is for whoever runs the endpoint or its name servers. */
const actions: Readonly<Partial<Record<Reason, string>>> = {
  dropped: "allow",
  rejected: "allow",
  "egress-blocked": "allow",
  "no-route": "allow",
  "proxy-refused": "allow",
  "app-filtered": "allow",
  "upgrade-refused": "exempt",
  intercepted: "exempt",
};

/** Those that were dialled; a proxy is named as what it is. */
function addressesOf({ route, evidence }: ReportEndpoint): string {
  const addresses = [...new Set(evidence.attempts.map(({ address }) => address))].join(" ");
  return route === "direct" || addresses === "" ? addresses : `${route} proxy ${addresses}`;
}

/** A cell that begins like a formula would be run by a spreadsheet: an apostrophe makes it text. */
function quote(cell: string): string {
  const text = printable(cell);
  const inert = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
