/** Where each row and column of the picture stands, in CSS pixels from the first cell; between zones there is a gap, and a larger one between roles. */
import { partsOf, type Axis } from "../model/axis.ts";

export interface Layout {
  /** Edge of a cell. */
  size: number;
  /** Left edge of each column and top edge of each row. */
  columns: Int32Array;
  rows: Int32Array;
  width: number;
  height: number;
}

/** A small cluster need not look lost on a large screen, nor a cell as large as a button say more than one of half the size. */
export function largestCellOf(slots: number): number {
  return Math.min(88, Math.max(44, Math.floor(720 / Math.max(1, slots))));
}

export function layoutOf(rows: Axis, columns: Axis, size: number): Layout {
  const across = startsOf(columns, size);
  const down = startsOf(rows, size);
  return { size, columns: across.starts, rows: down.starts, width: across.end, height: down.end };
}

/** The largest cell with which all fits, at least one pixel. */
export function fittingSize(rows: Axis, columns: Axis, width: number, height: number): number {
  const fits = (axis: Axis, room: number): number => {
    const gaps = gapsOf(axis, largestCellOf(axis.slots.length)).reduce((sum, gap) => sum + gap, 0);
    return Math.floor((room - gaps) / Math.max(1, axis.slots.length));
  };
  const most = largestCellOf(Math.max(rows.slots.length, columns.slots.length));
  return Math.max(1, Math.min(most, fits(columns, width), fits(rows, height)));
}

/** Which slot is at this distance; undefined in a gap or beyond the end. */
export function slotAt(starts: Int32Array, size: number, distance: number): number | undefined {
  const slot = firstAfter(starts, distance) - 1;
  return slot >= 0 && distance < starts[slot]! + size ? slot : undefined;
}

/** First and last slot, the last excluded, of which something is to be seen between two distances. */
export function slotsWithin(starts: Int32Array, size: number, from: number, to: number): [number, number] {
  return [firstAfter(starts, from - size), firstAfter(starts, to - 1)];
}

/** How many start at this distance or before. */
function firstAfter(starts: Int32Array, distance: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= distance) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Before each block. */
function gapsOf({ blocks }: Axis, size: number): number[] {
  const [ofZones, ofRoles] = size < 4 ? [1, 3] : [4, 10];
  return blocks.map(({ group }, index) => {
    const before = blocks[index - 1];
    if (before === undefined) return 0;
    return partsOf(before.group).roles === partsOf(group).roles ? ofZones : ofRoles;
  });
}

function startsOf(axis: Axis, size: number): { starts: Int32Array; end: number } {
  const starts = new Int32Array(axis.slots.length);
  const gaps = gapsOf(axis, size);
  let at = 0;
  for (const [index, { start, end }] of axis.blocks.entries()) {
    at += gaps[index]!;
    for (let slot = start; slot < end; slot++) {
      starts[slot] = at;
      at += size;
    }
  }
  return { starts, end: at };
}
