/** Where a key leads from a crossing. */
import { lookOf } from "../model/looks.ts";
import type { SlotCells } from "../model/slot-cells.ts";

export interface Crossing {
  row: number;
  column: number;
}

/** Undefined where the key leads nowhere. `page` is the number of rows in sight. */
export function stepFrom(
  { row, column }: Crossing,
  key: string,
  isFar: boolean,
  cells: SlotCells,
  page: number,
): Crossing | undefined {
  const bounded = (to: Crossing): Crossing => ({
    row: Math.min(cells.rows - 1, Math.max(0, to.row)),
    column: Math.min(cells.columns - 1, Math.max(0, to.column)),
  });
  switch (key) {
    case "ArrowUp":
      return bounded({ row: row - 1, column });
    case "ArrowDown":
      return bounded({ row: row + 1, column });
    case "ArrowLeft":
      return bounded({ row, column: column - 1 });
    case "ArrowRight":
      return bounded({ row, column: column + 1 });
    case "PageUp":
      return bounded({ row: row - page, column });
    case "PageDown":
      return bounded({ row: row + page, column });
    case "Home":
      return { row: isFar ? 0 : row, column: 0 };
    case "End":
      return { row: isFar ? cells.rows - 1 : row, column: cells.columns - 1 };
    case "[":
      return failureFrom({ row, column }, -1, cells);
    case "]":
      return failureFrom({ row, column }, 1, cells);
    default:
      return undefined;
  }
}

/** The next failure in reading order, around the end; undefined where there is none. */
export function failureFrom({ row, column }: Crossing, by: 1 | -1, cells: SlotCells): Crossing | undefined {
  const count = cells.codes.length;
  const start = row * cells.columns + column;
  for (let step = 1; step <= count; step++) {
    const index = (((start + by * step) % count) + count) % count;
    if (lookOf(cells.codes[index]!) === "fail")
      return { row: Math.floor(index / cells.columns), column: index % cells.columns };
  }
  return undefined;
}
