/** Borderless tables: columns padded to their widest cell, two spaces apart. */
import { stripVTControlCharacters } from "node:util";

/** Width of a text on a terminal; every glyph in use is one column wide. */
function widthOf(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Lines without trailing blanks; the header is one more row. */
export function renderTable(rows: readonly (readonly string[])[], indent = ""): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return rows.map((row) =>
    (indent + row.map((cell, column) => padEnd(cell, widths[column]!)).join("  ")).trimEnd(),
  );
}
