/** A report for people: one line a flow, what is wrong under it, the matrix, the summary, the next step. */
import { formatDuration } from "../../shared/duration.ts";
import {
  explainPath,
  explainQuality,
  explainSampling,
  failingPorts,
  remedyFor,
} from "../../shared/explain.ts";
import { remedyForEndpoint } from "../../shared/explain-endpoint.ts";
import { verdicts, type Verdict } from "../../shared/names.ts";
import type { Report, ReportPath } from "../../shared/report.ts";
import { printable, styleOf, type Glyphs, type Paint } from "../terminal.ts";
import { endpointLines, requirementLines } from "./outside-text.ts";
import { cellsOf, legend, renderMatrix } from "./matrix.ts";
import { renderTable } from "./table.ts";

export interface TextOptions {
  glyphs: Glyphs;
  paint: Paint;
  /** Every path, not only what is wrong. */
  wide: boolean;
}

/** Lines under one flow before the rest is counted only. */
const maxLinesPerFlow = 8;

export function renderText(report: Report, options: TextOptions): string {
  return [
    ...headLines(report, options),
    ...flowLines(report, options),
    ...endpointLines(report, options),
    ...requirementLines(report, options),
    "",
    ...renderMatrix(cellsOf(report), options.glyphs, options.paint).map((line) => `  ${line}`),
    `  ${options.paint("dim", legend(options.glyphs))}`,
    "",
    ...nodeLines(report, options),
    ...statementLines(report, options),
    ...summaryLines(report, options),
    "",
  ].join("\n");
}

function headLines(report: Report, { paint }: TextOptions): string[] {
  const specs = report.specs.map(({ id, version }) => `${id} ${version}`).join(", ");
  return [
    paint(
      "bold",
      `${printable(report.cluster)}: ${specs}, ${report.phase} phase, ${report.nodes.length} nodes`,
    ),
    "",
  ];
}

function flowLines(report: Report, options: TextOptions): string[] {
  const { glyphs, paint } = options;
  const groups = Map.groupBy(report.paths, (path) => `${path.spec}/${path.flow}/${path.expected}`);
  const rows = Array.from(groups.values(), (paths) => {
    const counts = verdicts
      .filter((verdict) => verdict !== "pass")
      .flatMap((verdict) => {
        const count = paths.filter((path) => path.verdict === verdict).length;
        return count === 0 ? [] : [paint(styleOf[verdict], `${count} ${verdict}`)];
      });
    const worst = worstOf(paths);
    const { flow, transport, ports, protocol, expected, spec } = paths[0]!;
    const name = report.specs.length > 1 ? `${spec}/${flow}` : flow;
    const passed = paths.filter(({ verdict }) => verdict === "pass").length;
    return {
      paths,
      cells: [
        paint(styleOf[worst], glyphs[worst]),
        name,
        `${transport}/${shorten(ports, glyphs)}`,
        expected === "closed" ? "must be closed" : protocol,
        `${passed}/${paths.length} paths`,
        [...counts, coverageOf(paths)].filter((text) => text !== "").join(" "),
      ],
    };
  });
  const table = renderTable(rows.map(({ cells }) => cells));
  return rows.flatMap(({ paths }, index) => [table[index]!, ...pathLines(paths, options)]);
}

function pathLines(paths: readonly ReportPath[], { glyphs, paint, wide }: TextOptions): string[] {
  const shown = wide ? paths : paths.filter(({ verdict }) => verdict !== "pass");
  const lines = shown.slice(0, wide ? shown.length : maxLinesPerFlow).map((path) => {
    const ports = path.intervals === undefined ? "" : ` ${path.transport}/${failingPorts(path)}`;
    const head = `${glyphs[path.verdict]} ${path.from} ${glyphs.arrow} ${path.to}${ports}`;
    const quality = wide ? explainQuality(path) : undefined;
    const why = printable(explainPath(path)) + (quality === undefined ? "" : ` (${quality})`);
    return `    ${paint(styleOf[path.verdict], `${head}  ${path.reason}`)}  ${why}`;
  });
  if (shown.length > lines.length) lines.push(`    ${glyphs.more} and ${shown.length - lines.length} more`);
  return lines;
}

/** Only where not every port of a range was probed. */
function coverageOf(paths: readonly ReportPath[]): string {
  const partial = paths.find(({ coverage }) => coverage.split("/")[0] !== coverage.split("/")[1]);
  return partial === undefined || partial.coverage.startsWith("0/") ? "" : `coverage ${partial.coverage}`;
}

/** Nodes that could not do all of their part. */
function nodeLines(report: Report, { paint }: TextOptions): string[] {
  const lines = report.nodes.flatMap(({ name, agent, listeners }) => {
    if (agent === null) return [paint("magenta", `node ${name}: no agent has joined`)];
    const parts = [
      listeners.occupied > 0 ? `${listeners.occupied} ports taken by other processes` : "",
      listeners.denied > 0
        ? `${listeners.denied} ports not permitted: run the agent as root, or give it CAP_NET_BIND_SERVICE`
        : "",
      listeners.absent > 0 ? `${listeners.absent} ports could not be bound` : "",
      agent.state === "gone" ? "the agent left before the end" : "",
      agent.via === undefined
        ? ""
        : `joined through ${printable(viaName(agent.via, report))}: it does not reach the coordinator itself`,
    ].filter((part) => part !== "");
    return parts.length === 0 ? [] : [`node ${name}: ${parts.join("; ")}`];
  });
  return lines.length === 0 ? [] : [...lines, ""];
}

/** `n1 (10.0.0.1:443)`: the peer that passes the link on. */
function viaName(via: string, report: Report): string {
  const host = via.slice(0, via.lastIndexOf(":")).replaceAll(/[[\]]/g, "");
  const peer = report.nodes.find(({ addresses }) => addresses.includes(host));
  return peer === undefined ? via : `${peer.name} (${via})`;
}

function statementLines(report: Report, { paint }: TextOptions): string[] {
  const applying = report.statements.filter(({ applies }) => applies);
  if (applying.length === 0) return [];
  const bySection = Array.from(
    Map.groupBy(applying, ({ section }) => section),
    ([section, list]) => `${list.length} ${section}`,
  );
  return [
    paint(
      "dim",
      `Not probed here and to be confirmed otherwise: ${bySection.join(", ")} (listed in -o json and the html report)`,
    ),
  ];
}

function summaryLines(report: Report, options: TextOptions): string[] {
  const { glyphs, paint } = options;
  const { summary } = report;
  const parts = (["pass", "fail", "warn", "unknown"] as const).map((verdict) => {
    const text = `${summary[verdict]} ${verdict}`;
    return summary[verdict] === 0 ? text : paint(styleOf[verdict], text);
  });
  const elapsed = formatDuration(Date.parse(report.finishedAt) - Date.parse(report.startedAt));
  const lines = [
    `${paint("bold", "Summary")}  ${parts.join(glyphs.separator)}   (${summary.paths} paths, ${summary.probes} probes, ${elapsed})`,
    ...(["endpoints", "requirements"] as const).flatMap((section) => countLine(section, report, options)),
  ];
  const sampling = explainSampling(summary);
  if (sampling !== undefined) lines.push(sampling);
  if (report.paths.length === 0) {
    const what = report.endpoints.length === 0 ? "Nothing" : "Nothing between nodes";
    const why = "no two nodes have the roles of any flow. See portmesh spec render.";
    lines.push(paint("yellow", `${what} was checked: ${why}`));
  }
  if (report.interrupted) lines.push(paint("yellow", "Interrupted: what was not probed is unknown."));
  const remedy = firstRemedy(report);
  if (remedy !== undefined) lines.push(`Next     ${printable(remedy).replaceAll("→", glyphs.arrow)}`);
  if (summary.fail > 0 || summary.endpoints.fail > 0)
    lines.push("         for the firewall team: add --report csv=firewall-request.csv");
  return lines;
}

/** `         8 pass, 1 fail endpoints`, below the paths' counts; nothing where there are none. */
function countLine(
  section: "endpoints" | "requirements",
  { summary, [section]: all }: Report,
  { glyphs, paint }: TextOptions,
): string[] {
  if (all.length === 0) return [];
  const counts = summary[section];
  const parts = (["pass", "fail", "warn", "unknown"] as const).map((verdict) => {
    const text = `${counts[verdict]} ${verdict}`;
    return counts[verdict] === 0 ? text : paint(styleOf[verdict], text);
  });
  return [`         ${parts.join(glyphs.separator)}   (${all.length} ${section})`];
}

/** What to do about the first thing that is as bad as the whole. */
function firstRemedy(report: Report): string | undefined {
  const { verdict: worst } = report.summary;
  if (worst === "pass") return undefined;
  const isWorst = ({ verdict }: { verdict: Verdict }): boolean => verdict === worst;
  const path = report.paths.find(isWorst);
  if (path !== undefined) return startAgents(path, report) ?? remedyFor(path);
  const endpoint = report.endpoints.find(isWorst);
  return endpoint === undefined ? report.requirements.find(isWorst)?.remedy : remedyForEndpoint(endpoint);
}

/** All missing agents at once, not the one of the first path. */
function startAgents(first: ReportPath, report: Report): string | undefined {
  if (first.reason !== "agent-missing") return undefined;
  const missing = report.nodes.filter(({ agent }) => agent === null).map(({ name }) => name);
  return missing.length < 2 ? undefined : `start the agents on ${missing.join(", ")}`;
}

function worstOf(paths: readonly ReportPath[]): Verdict {
  return verdicts.findLast((verdict) => paths.some((path) => path.verdict === verdict))!;
}

function shorten(ports: string, { more }: Glyphs): string {
  return ports.length <= 32 ? ports : `${ports.slice(0, 31)}${more}`;
}
