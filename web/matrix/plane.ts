/** The picture at one pixel a crossing, to be scaled without smoothing: a million of them cost two milliseconds. */
import { lookOf, type Look } from "../model/looks.ts";
import type { SlotCells } from "../model/slot-cells.ts";
import type { Theme } from "./theme.ts";

/** Which crossings stand back, told by rows and columns: a million of them are not asked one by one. */
export interface Dimming {
  /** By code, 1 where it stands back. */
  codes: Uint8Array | undefined;
  /** One of both ends has to be 1 for a crossing to stay. */
  either: Sides | undefined;
  /** Both ends have to be. */
  both: Sides | undefined;
}

/** 0 or 1 a row, and a column. */
export interface Sides {
  rows: Uint8Array;
  columns: Uint8Array;
}

/** What is left of the colour of a crossing that stands back. */
const dimmedShare = 0.16;

/** RGBA by code, then by code dimmed. */
function coloursOf({ rgb, groundRgb }: Theme): Uint32Array {
  const table = new Uint32Array(512);
  const bytes = new Uint8ClampedArray(table.buffer);
  for (let code = 0; code < 256; code++) {
    const look: Look = lookOf(code);
    for (let channel = 0; channel < 3; channel++) {
      const [full, ground] = [rgb[look][channel]!, groundRgb[channel]!];
      bytes[code * 4 + channel] = full;
      bytes[(256 + code) * 4 + channel] = ground + (full - ground) * dimmedShare;
    }
    bytes[code * 4 + 3] = 255;
    bytes[(256 + code) * 4 + 3] = 255;
  }
  return table;
}

export function paintPlane(
  canvas: HTMLCanvasElement,
  { rows, columns, codes }: SlotCells,
  theme: Theme,
  dimming: Dimming | undefined,
): void {
  const [width, height] = [Math.max(1, columns), Math.max(1, rows)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  if (rows === 0 || columns === 0) return;
  const image = imageOf(canvas);
  const pixels = new Uint32Array(image.data.buffer);
  const all = coloursOf(theme);
  const [full, faint] = [all.subarray(0, 256), all.subarray(256)];
  const kept = full.map((colour, code) => (dimming?.codes?.[code] === 1 ? faint[code]! : colour));
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const stays = staysIn(row, dimming);
    if (stays === undefined || stays === "none") {
      const colours = stays === undefined ? kept : faint;
      for (let index = start; index < start + columns; index++) pixels[index] = colours[codes[index]!]!;
    } else
      for (let column = 0; column < columns; column++)
        pixels[start + column] = (stays[column] === 1 ? kept : faint)[codes[start + column]!]!;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}

/** Columns in which a row keeps its colours: undefined means all of them. */
function staysIn(row: number, dimming: Dimming | undefined): Uint8Array | "none" | undefined {
  const { either, both } = dimming ?? {};
  if (both !== undefined && both.rows[row] !== 1) return "none";
  const byEither = either === undefined || either.rows[row] === 1 ? undefined : either.columns;
  if (byEither === undefined || both === undefined) return byEither ?? both?.columns;
  return byEither.map((flag, column) => flag & both.columns[column]!);
}

const images = new WeakMap<HTMLCanvasElement, ImageData>();

/** Four megabytes a picture of a thousand nodes are made once. */
function imageOf(canvas: HTMLCanvasElement): ImageData {
  const known = images.get(canvas);
  if (known?.width === canvas.width && known.height === canvas.height) return known;
  const image = new ImageData(canvas.width, canvas.height);
  images.set(canvas, image);
  return image;
}
