/** The matrix of a report as text: from-nodes down, to-nodes across, each cell the worst verdict of its paths. */
import { worse, type Verdict } from "../../shared/names.ts";
import type { Report } from "../../shared/report.ts";
import { weighed } from "../../shared/verdict-counts.ts";
import { styleOf, type Glyphs, type Paint } from "../terminal.ts";
import { padEnd } from "./table.ts";

/** More columns than this do not fit a terminal: then only nodes with something to show are listed. */
const maxColumns = 32;

export interface Cells {
  nodes: readonly string[];
  /** Undefined where no path is required. */
  verdict(from: string, to: string): Verdict | undefined;
}

export function cellsOf(report: Pick<Report, "nodes" | "paths">): Cells {
  const cells = new Map<string, Verdict>();
  for (const path of report.paths) {
    const key = `${path.from}>${path.to}`;
    cells.set(key, worse(cells.get(key) ?? "pass", weighed(path)));
  }
  return { nodes: report.nodes.map(({ name }) => name), verdict: (from, to) => cells.get(`${from}>${to}`) };
}

export function renderMatrix(cells: Cells, glyphs: Glyphs, paint: Paint): string[] {
  const nodes = cells.nodes.length <= maxColumns ? cells.nodes : troubled(cells).slice(0, maxColumns);
  if (nodes.length === 0) return [`all ${cells.nodes.length} nodes pass in both directions`];
  const width = Math.max(...nodes.map((name) => name.length), 2);
  const label = Math.max(...nodes.map((name) => name.length), "from".length);
  const cell = (from: string, to: string): string => {
    const verdict = cells.verdict(from, to);
    if (verdict !== undefined) return paint(styleOf[verdict], glyphs[verdict]);
    return paint("dim", from === to ? glyphs.self : glyphs.none);
  };
  const lines = [
    `${padEnd("", label)}  ${paint("dim", "to")}`,
    `${padEnd(paint("dim", "from"), label)}  ${nodes
      .map((name) => padEnd(name, width))
      .join(" ")
      .trimEnd()}`,
    ...nodes.map(
      (from) =>
        `${padEnd(from, label)}  ${nodes
          .map((to) => padEnd(cell(from, to), width))
          .join(" ")
          .trimEnd()}`,
    ),
  ];
  if (nodes.length < cells.nodes.length)
    lines.push(paint("dim", `${cells.nodes.length - nodes.length} nodes without trouble are not shown`));
  return lines;
}

export function legend(glyphs: Glyphs): string {
  return `${glyphs.pass} pass  ${glyphs.fail} fail  ${glyphs.warn} warn  ${glyphs.unknown} unknown  ${glyphs.none} not required`;
}

function troubled(cells: Cells): string[] {
  return cells.nodes.filter((node) =>
    cells.nodes.some((peer) =>
      [cells.verdict(node, peer), cells.verdict(peer, node)].some(
        (verdict) => verdict !== undefined && verdict !== "pass",
      ),
    ),
  );
}
