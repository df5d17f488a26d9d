/** Endpoints and requirements of a report for people: a line a row, what is wrong under it. */
import { explainEndpoint } from "../../shared/explain-endpoint.ts";
import { explainRequirement } from "../../shared/explain-requirement.ts";
import { verdicts, type Verdict } from "../../shared/names.ts";
import type { Report, ReportEndpoint, ReportRequirement } from "../../shared/report.ts";
import { printable, styleOf } from "../terminal.ts";
import { renderTable } from "./table.ts";
import type { TextOptions } from "./text.ts";

/** Lines under one row before the rest is counted only. */
const maxLinesPerRow = 8;
const maxNamesPerLine = 6;

export function endpointLines(report: Report, options: TextOptions): string[] {
  const groups = Map.groupBy(report.endpoints, (each) => `${each.spec}/${each.section}/${each.row}`);
  return section("Endpoints", [...groups.values()], options, {
    cells: (group) => {
      const { spec, row, transport, ports, application, route } = group[0]!;
      const hosts = new Set(group.map(({ host }) => host)).size;
      const chosen = openAlternatives(group);
      return [
        report.specs.length > 1 ? `${spec}/${row}` : row,
        ports === "" ? transport : `${transport}/${ports}${chosen === "" ? "" : ` (${chosen} open)`}`,
        route === "direct" ? application : `${application} by ${route}`,
        hosts === 1 ? printable(group[0]!.host) : `${hosts} hosts`,
      ];
    },
    subject: ({ from }) => from,
    finding: (endpoint, { glyphs }) => ({
      head: ` ${glyphs.arrow} ${printable(endpoint.host)}  ${endpoint.reason}`,
      rest: explainEndpoint(endpoint),
    }),
  });
}

/** Where one port of several is enough: those that were found open. */
function openAlternatives(group: readonly ReportEndpoint[]): string {
  const open = group.flatMap(({ anyOf, verdict, evidence: { decisive } }) =>
    anyOf && (verdict === "pass" || verdict === "warn") && decisive !== undefined ? [decisive.port] : [],
  );
  return [...new Set(open)].join(", ");
}

export function requirementLines(report: Report, options: TextOptions): string[] {
  const groups = Map.groupBy(report.requirements, ({ spec, name }) => `${spec}/${name}`);
  return section("Requirements", [...groups.values()], options, {
    cells: (group) => {
      const { spec, name, kind, expected } = group[0]!;
      return [
        report.specs.length > 1 || spec === "host" ? `${spec}/${name}` : name,
        kind,
        printable(expected),
      ];
    },
    subject: ({ node, toward }, { glyphs }) =>
      toward === undefined ? (node ?? "cluster") : `${node ?? "cluster"} ${glyphs.arrow} ${toward}`,
    finding: (requirement) => ({ head: `  ${requirement.reason}`, rest: explainRequirement(requirement) }),
  });
}

type Judged = (ReportEndpoint | ReportRequirement) & { verdict: Verdict };

interface RowView<Item> {
  cells: (group: readonly Item[]) => string[];
  /** The node or pair it is about. */
  subject: (item: Item, options: TextOptions) => string;
  /** What is said of it: nodes of which the same is said share a line. */
  finding: (item: Item, options: TextOptions) => { head: string; rest: string };
}

function section<Item extends Judged>(
  title: string,
  groups: readonly (readonly Item[])[],
  options: TextOptions,
  view: RowView<Item>,
): string[] {
  if (groups.length === 0) return [];
  const { glyphs, paint } = options;
  const rows = groups.map((group) => {
    const worst = verdicts.findLast((verdict) => group.some((each) => each.verdict === verdict))!;
    const counts = verdicts
      .filter((verdict) => verdict !== "pass")
      .flatMap((verdict) => {
        const count = group.filter((each) => each.verdict === verdict).length;
        return count === 0 ? [] : [paint(styleOf[verdict], `${count} ${verdict}`)];
      });
    const passed = group.filter(({ verdict }) => verdict === "pass").length;
    return [
      paint(styleOf[worst], glyphs[worst]),
      ...view.cells(group),
      `${passed}/${group.length}`,
      counts.join(" "),
    ];
  });
  const table = renderTable(rows);
  return [
    "",
    paint("bold", title),
    ...groups.flatMap((group, index) => [table[index]!, ...itemLines(group, options, view)]),
  ];
}

function itemLines<Item extends Judged>(
  group: readonly Item[],
  options: TextOptions,
  view: RowView<Item>,
): string[] {
  const { glyphs, paint, wide } = options;
  const shown = wide ? group : group.filter(({ verdict }) => verdict !== "pass");
  const alike = [...Map.groupBy(shown, (item) => sayingOf(item, options, view)).values()];
  const lines = alike.slice(0, wide ? alike.length : maxLinesPerRow).map((items) => {
    const [first] = items as [Item, ...Item[]];
    const { head, rest } = view.finding(first, options);
    const who = listNames(
      items.map((item) => view.subject(item, options)),
      glyphs.more,
    );
    return `    ${paint(styleOf[first.verdict], `${glyphs[first.verdict]} ${who}${head}`)}  ${printable(rest).replaceAll("→", glyphs.arrow)}`;
  });
  if (alike.length > lines.length) lines.push(`    ${glyphs.more} and ${alike.length - lines.length} more`);
  return lines;
}

function sayingOf<Item extends Judged>(item: Item, options: TextOptions, view: RowView<Item>): string {
  const { head, rest } = view.finding(item, options);
  return JSON.stringify([item.verdict, head, rest]);
}

function listNames(names: readonly string[], more: string): string {
  const shown = names.slice(0, maxNamesPerLine).join(", ");
  return names.length <= maxNamesPerLine
    ? shown
    : `${shown} ${more} and ${names.length - maxNamesPerLine} more`;
}
