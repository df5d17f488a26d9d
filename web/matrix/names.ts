/** Draws what stands along the edges: bands of roles and zones outside, names of nodes beside the cells. */
import type { Picture } from "../store.ts";
import type { Sight } from "./draw.ts";
import { bandEdge, smallestName, type Edges } from "./edges.ts";
import { slotsWithin, type Layout } from "./layout.ts";
import { figureFont, fitted, groupFont, nameFont, type Run } from "./texts.ts";
import type { Theme } from "./theme.ts";

export function drawNames(
  context: CanvasRenderingContext2D,
  picture: Picture,
  layout: Layout,
  edges: Edges,
  sight: Sight,
  theme: Theme,
): void {
  const { left, top, width, height } = sight;
  context.fillStyle = theme.ground;
  context.fillRect(0, top, left, height - top);
  context.fillRect(0, 0, width, top);
  drawRows(context, picture, layout, edges, sight, theme);
  drawColumns(context, picture, layout, edges, sight, theme);
  context.font = figureFont;
  context.fillStyle = theme.faint;
  context.textBaseline = "alphabetic";
  context.textAlign = "right";
  context.fillText("from ↓  to →", left - 8, top - 8, left - 8);
}

function drawRows(
  context: CanvasRenderingContext2D,
  { rows }: Picture,
  layout: Layout,
  { rowBands }: Edges,
  { width, height, left, top, y }: Sight,
  theme: Theme,
): void {
  context.save();
  context.beginPath();
  context.rect(0, top, Math.min(left, width), height - top);
  context.clip();
  context.translate(0, top - y);
  const inSight: [number, number] = [y, y + height - top];
  for (const [band, runs] of rowBands.entries()) {
    for (const run of runs) {
      const [from, to] = stretchOf(run, layout.rows, layout.size, inSight);
      if (to <= from) continue;
      drawBracket(context, theme, band * bandEdge + bandEdge - 4, from, 2, to - from);
      const text = fitted(run.name, groupFont, to - from - 4);
      if (text === "") continue;
      context.save();
      context.translate(band * bandEdge + 7, (from + to) / 2);
      // Upright is read with less turning of the head where the name is as short as a letter or two.
      if (text.length > 2) context.rotate(-Math.PI / 2);
      drawText(context, text, 0, 0, "center", groupFont, theme.faint);
      context.restore();
    }
  }
  if (layout.size >= smallestName) {
    const bands = rowBands.length * bandEdge;
    const [first, end] = slotsWithin(layout.rows, layout.size, ...inSight);
    for (let row = first; row < end; row++) {
      const { label, isGroup } = rows.slots[row]!;
      const font = isGroup ? groupFont : nameFont;
      const middle = layout.rows[row]! + layout.size / 2;
      drawText(context, fitted(label, font, left - bands - 12), left - 8, middle, "right", font, theme.text);
    }
  }
  context.restore();
}

function drawColumns(
  context: CanvasRenderingContext2D,
  { columns }: Picture,
  layout: Layout,
  { columnBands, isUpright }: Edges,
  { width, left, top, x }: Sight,
  theme: Theme,
): void {
  context.save();
  context.beginPath();
  context.rect(left, 0, width - left, top);
  context.clip();
  context.translate(left - x, 0);
  const inSight: [number, number] = [x, x + width - left];
  for (const [band, runs] of columnBands.entries()) {
    for (const run of runs) {
      const [from, to] = stretchOf(run, layout.columns, layout.size, inSight);
      if (to <= from) continue;
      drawBracket(context, theme, from, band * bandEdge + bandEdge - 4, to - from, 2);
      const text = fitted(run.name, groupFont, to - from - 4);
      drawText(context, text, (from + to) / 2, band * bandEdge + 7, "center", groupFont, theme.faint);
    }
  }
  if (layout.size >= smallestName) {
    const bands = columnBands.length * bandEdge;
    const [first, end] = slotsWithin(layout.columns, layout.size, ...inSight);
    for (let column = first; column < end; column++) {
      const { label, isGroup } = columns.slots[column]!;
      const font = isGroup ? groupFont : nameFont;
      const middle = layout.columns[column]! + layout.size / 2;
      if (isUpright) {
        context.save();
        context.translate(middle, top - 8);
        context.rotate(-Math.PI / 2);
        drawText(context, fitted(label, font, top - bands - 12), 0, 0, "left", font, theme.text);
        context.restore();
      } else drawText(context, label, middle, top - 11, "center", font, theme.text);
    }
  }
  context.restore();
}

/** From where to where a run is in sight, so that its name stands where it is seen. */
function stretchOf(
  { start, end }: Run,
  starts: Int32Array,
  size: number,
  [from, to]: [number, number],
): [number, number] {
  return [Math.max(starts[start]!, from), Math.min(starts[end - 1]! + size - 1, to)];
}

function drawBracket(
  context: CanvasRenderingContext2D,
  theme: Theme,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  context.fillStyle = theme.edge;
  context.fillRect(x, y, width, height);
}

function drawText(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  align: CanvasTextAlign,
  font: string,
  colour: string,
): void {
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillText(text, x, y);
}
