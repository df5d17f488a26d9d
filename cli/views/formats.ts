/** Every way a report can be written. A new one is one file and one line here. */
import type { Report } from "../../shared/report.ts";
import { glyphsFor, plain, type Paint } from "../terminal.ts";
import { renderCsv } from "./csv.ts";
import { renderHtml } from "./html.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderText } from "./text.ts";

export interface FormatOptions {
  paint: Paint;
  ascii: boolean;
}

export const formats = {
  text: (report: Report, { paint, ascii }: FormatOptions) =>
    renderText(report, { glyphs: glyphsFor(ascii), paint, wide: false }),
  wide: (report: Report, { paint, ascii }: FormatOptions) =>
    renderText(report, { glyphs: glyphsFor(ascii), paint, wide: true }),
  json: (report: Report) => `${JSON.stringify(report, undefined, 2)}\n`,
  junit: renderJunit,
  html: renderHtml,
  csv: renderCsv,
  md: renderMarkdown,
} as const satisfies Record<string, (report: Report, options: FormatOptions) => string>;
export type Format = keyof typeof formats;
export const formatNames = Object.keys(formats) as Format[];

/** For files: no colour, whatever the terminal is. */
export const fileOptions: FormatOptions = { paint: plain, ascii: false };

/** Of a coordinator, which writes JSON itself. */
export const reportRenderers = {
  junit: renderJunit,
  html: renderHtml,
  csv: renderCsv,
  md: renderMarkdown,
} as const;
