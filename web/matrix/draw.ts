/** Draws the part of the picture that is in sight: cells, signs and figures. */
import { lookOf, reasonOf, type Look } from "../model/looks.ts";
import { tallyOf } from "../model/slot-cells.ts";
import type { Picture } from "../store.ts";
import { slotsWithin, type Layout } from "./layout.ts";
import { drawSign, smallestHatch, smallestSign } from "./signs.ts";
import { figureFont, fitted } from "./texts.ts";
import type { Theme } from "./theme.ts";

/** What is in sight: the window, the edges that stay, and how far it is scrolled. */
export interface Sight {
  width: number;
  height: number;
  left: number;
  top: number;
  x: number;
  y: number;
}

/** A folded group's crossing says its share in figures from here on. */
const smallestFigure = 34;
/** A cell that is not well says why from here on. */
const smallestReason = 56;
const figureHeight = 18;

export function drawCells(
  context: CanvasRenderingContext2D,
  plane: HTMLCanvasElement,
  picture: Picture,
  layout: Layout,
  sight: Sight,
  theme: Theme,
): void {
  const { left, top, width, height, x, y } = sight;
  context.fillStyle = theme.ground;
  context.fillRect(0, 0, width, height);
  context.save();
  context.beginPath();
  context.rect(left, top, width - left, height - top);
  context.clip();
  context.translate(left - x, top - y);
  drawBlocks(context, plane, picture, layout);
  if (layout.size >= smallestHatch) drawSigns(context, picture, layout, sight, theme);
  context.restore();
}

function drawBlocks(
  context: CanvasRenderingContext2D,
  plane: HTMLCanvasElement,
  { rows, columns }: Picture,
  layout: Layout,
): void {
  const { size } = layout;
  context.imageSmoothingEnabled = false;
  for (const down of rows.blocks) {
    for (const across of columns.blocks) {
      const [tall, wide] = [down.end - down.start, across.end - across.start];
      context.drawImage(
        plane,
        across.start,
        down.start,
        wide,
        tall,
        layout.columns[across.start]!,
        layout.rows[down.start]!,
        wide * size,
        tall * size,
      );
    }
  }
}

function drawSigns(
  context: CanvasRenderingContext2D,
  picture: Picture,
  layout: Layout,
  { width, height, left, top, x, y }: Sight,
  theme: Theme,
): void {
  const { size } = layout;
  const [firstRow, endRow] = slotsWithin(layout.rows, size, y, y + height - top);
  const [firstColumn, endColumn] = slotsWithin(layout.columns, size, x, x + width - left);
  context.fillStyle = theme.ground;
  const line = size >= smallestReason ? 2 : 1;
  for (let row = firstRow; row < endRow; row++)
    context.fillRect(0, layout.rows[row]! + size - line, layout.width, line);
  for (let column = firstColumn; column < endColumn; column++)
    context.fillRect(layout.columns[column]! + size - line, 0, line, layout.height);
  for (let row = firstRow; row < endRow; row++) {
    for (let column = firstColumn; column < endColumn; column++) {
      const code = picture.slots.codes[row * picture.slots.columns + column]!;
      const look = lookOf(code);
      if (look !== "stale" && size < smallestSign) continue;
      const [cellX, cellY] = [layout.columns[column]!, layout.rows[row]!];
      const isGroup = picture.rows.slots[row]!.isGroup || picture.columns.slots[column]!.isGroup;
      if (size >= smallestFigure && isGroup && look !== "none")
        drawShare(context, picture, row, column, cellX, cellY, size, theme);
      else if (size >= smallestReason && isTold(look)) {
        const said = reasonOf(code) ?? "";
        drawFigure(context, look, said, cellX, cellY, size, theme);
      } else drawSign(context, look, cellX, cellY, size - line, theme.sign[look]);
    }
  }
}

function isTold(look: Look): boolean {
  return look === "fail" || look === "warn" || look === "unknown";
}

/** `3/100`: of a hundred pairs three are as bad as the colour says. */
function drawShare(
  context: CanvasRenderingContext2D,
  picture: Picture,
  row: number,
  column: number,
  x: number,
  y: number,
  size: number,
  theme: Theme,
): void {
  const { code, worst, pairs } = tallyOf(
    picture.cells,
    picture.rows.slots[row]!,
    picture.columns.slots[column]!,
  );
  drawFigure(context, lookOf(code), worst === pairs ? `${pairs}` : `${worst}/${pairs}`, x, y, size, theme);
}

/** The sign, and a word or figure below it. */
function drawFigure(
  context: CanvasRenderingContext2D,
  look: Look,
  text: string,
  x: number,
  y: number,
  size: number,
  theme: Theme,
): void {
  const room = size - figureHeight + 4;
  if (look === "stale") drawSign(context, look, x, y, size - 1, theme.sign[look]);
  else drawSign(context, look, x + (size - room) / 2, y + 1, room, theme.sign[look]);
  context.font = figureFont;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.fillStyle = look === "stale" ? theme.text : theme.sign[look];
  context.fillText(fitted(text, figureFont, size - 6), x + (size - 1) / 2, y + size - 8);
}
