/** A crossing in words, for those who do not see it, and for everybody who points at it. */
import { lookOf, reasonOf, words } from "../model/looks.ts";
import { tallyOf } from "../model/slot-cells.ts";
import type { Picture } from "../store.ts";

/** `n3 to n1: fail, dropped`; `workers to controllers: fail, 3 of 100 pairs, dropped`. */
export function cellText(
  { rows, columns, cells }: Pick<Picture, "rows" | "columns" | "cells">,
  row: number,
  column: number,
): string {
  const [near, far] = [rows.slots[row], columns.slots[column]];
  if (near === undefined || far === undefined) return "";
  const ends = `${near.label} to ${near.label === far.label && !near.isGroup ? "itself" : far.label}`;
  const { pairs, worst, code } = tallyOf(cells, near, far);
  const reason = reasonOf(code);
  const look = lookOf(code);
  if (near.isGroup || far.isGroup) {
    const share = worst === pairs ? `all ${pairs} pairs` : `${worst} of ${pairs} pairs`;
    return pairs === 0
      ? `${ends}: no path`
      : `${ends}: ${words[look]}, ${share}${reason === undefined ? "" : `, ${reason}`}`;
  }
  return reason === undefined || reason === words[look]
    ? `${ends}: ${words[look]}`
    : `${ends}: ${words[look]}, ${reason}`;
}
