/** What each crossing of a row and a column shows: the worst of all the pairs it stands for. */
import type { Axis, Slot } from "./axis.ts";
import { sameCode, severityOf } from "./looks.ts";

/** One byte a pair of nodes, row after row. */
export interface Cells {
  /** Nodes a side. */
  size: number;
  codes: Uint8Array;
}

/** One byte a crossing of slots. */
export interface SlotCells {
  rows: number;
  columns: number;
  codes: Uint8Array;
}

export function slotCells({ size, codes }: Cells, rows: Axis, columns: Axis): SlotCells {
  const shown = new Uint8Array(rows.slots.length * columns.slots.length);
  const slotOfColumn = new Int32Array(size).fill(-1);
  for (const [slot, { nodes }] of columns.slots.entries())
    for (const node of nodes) slotOfColumn[node] = slot;
  for (const [row, { nodes }] of rows.slots.entries()) {
    const start = row * columns.slots.length;
    for (const from of nodes) {
      for (let to = 0; to < size; to++) {
        const slot = slotOfColumn[to]!;
        if (slot < 0) continue;
        const code = codes[from * size + to]!;
        if (severityOf[code]! > severityOf[shown[start + slot]!]!) shown[start + slot] = code;
      }
    }
  }
  return { rows: rows.slots.length, columns: columns.slots.length, codes: shown };
}

export interface Tally {
  /** Pairs with a path. */
  pairs: number;
  /** Of these, how many are no better and no worse than the worst. */
  worst: number;
  code: number;
}

/** Of a crossing of groups, how many pairs are as bad as the worst. */
export function tallyOf({ size, codes }: Cells, row: Slot, column: Slot): Tally {
  const bySeverity = new Uint32Array(8);
  let worstCode = 0;
  for (const from of row.nodes) {
    for (const to of column.nodes) {
      const code = codes[from * size + to]!;
      bySeverity[severityOf[code]!]! += 1;
      if (severityOf[code]! > severityOf[worstCode]!) worstCode = code;
    }
  }
  const pairs = bySeverity.reduce((sum, count, severity) => (severity === 0 ? sum : sum + count), 0);
  return { pairs, worst: worstCode === 0 ? 0 : bySeverity[severityOf[worstCode]!]!, code: worstCode };
}

/**
 * Of two moments only what changed: the later code where it is another one, `sameCode` where it is not. Nodes are
 * matched by name, since the plan may have changed between the two.
 */
export function changesBetween(
  before: { cells: Cells; names: readonly string[] },
  after: { cells: Cells; names: readonly string[] },
): Cells {
  const positions = new Map(before.names.map((name, position) => [name, position]));
  const { size } = after.cells;
  const codes = new Uint8Array(size * size);
  const earlier = Int32Array.from(after.names, (name) => positions.get(name) ?? -1);
  for (let from = 0; from < size; from++) {
    for (let to = 0; to < size; to++) {
      const now = after.cells.codes[from * size + to]!;
      const [oldFrom, oldTo] = [earlier[from]!, earlier[to]!];
      const then = oldFrom < 0 || oldTo < 0 ? 0 : before.cells.codes[oldFrom * before.cells.size + oldTo]!;
      codes[from * size + to] = now === then ? (now === 0 ? 0 : sameCode) : now;
    }
  }
  return { size, codes };
}

/** At most so many rows and columns, each the worst of those it stands for: no failure is lost by making it small. */
export function pooled({ rows, columns, codes }: SlotCells, most: number): SlotCells {
  const down = Math.ceil(rows / most);
  const across = Math.ceil(columns / most);
  if (down <= 1 && across <= 1) return { rows, columns, codes };
  const small = {
    rows: Math.ceil(rows / down),
    columns: Math.ceil(columns / across),
  };
  const worst = new Uint8Array(small.rows * small.columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = Math.floor(row / down) * small.columns + Math.floor(column / across);
      const code = codes[row * columns + column]!;
      if (severityOf[code]! > severityOf[worst[at]!]!) worst[at] = code;
    }
  }
  return { ...small, codes: worst };
}
