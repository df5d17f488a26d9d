/** The sign of each look, so that colour is never alone: paths in a square of 16 by 16, for the canvas and for marks in text. */
import type { Look } from "./looks.ts";

export const signs: Readonly<Record<Look, string>> = {
  none: "M8 8h.01",
  same: "",
  pass: "M8 8h.01",
  warn: "M8 3.8v5.4M8 12.2h.01",
  fail: "M4.6 4.6l6.8 6.8M11.4 4.6l-6.8 6.8",
  unknown: "M5.7 6a2.3 2.3 0 1 1 3.5 2c-.8.5-1.2 1-1.2 1.8M8 12.5h.01",
  stale: "M0 8L8 0M0 16L16 0M8 16L16 8",
};
