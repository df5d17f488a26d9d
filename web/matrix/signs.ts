/** Draws the signs of looks on the canvas. */
import type { Look } from "../model/looks.ts";
import { signs } from "../model/signs.ts";

/** Smaller cells show colours alone, and the panel beside them the words. */
export const smallestSign = 12;
/** A hatch is still to be seen in a smaller one. */
export const smallestHatch = 6;
/** A sign needs no more room than that, however large the cell is. */
const largestSign = 30;
/** A dot is a square in smaller cells: there are many of them, and nobody sees it. */
const smallestRound = 28;
const box = 16;

const lineWidths: Readonly<Record<Look, number>> = {
  none: 2,
  same: 0,
  pass: 2.6,
  warn: 2,
  unknown: 1.8,
  stale: 1,
  fail: 2,
};
const paths = Object.fromEntries(
  Object.entries(signs).map(([look, path]) => [look, new Path2D(path)]),
) as Record<Look, Path2D>;

/** In the middle of a square. */
export function drawSign(
  context: CanvasRenderingContext2D,
  look: Look,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  if (look === "none" || look === "pass") {
    // Most cells: a dot costs a tenth of a path.
    const dot = Math.max(1.5, (Math.min(size, largestSign) / box) * lineWidths[look]);
    context.fillStyle = colour;
    if (size < smallestRound) context.fillRect(x + (size - dot) / 2, y + (size - dot) / 2, dot, dot);
    else {
      context.beginPath();
      context.arc(x + size / 2, y + size / 2, dot * 0.6, 0, 2 * Math.PI);
      context.fill();
    }
    return;
  }
  const edge = look === "stale" ? size : Math.min(size, largestSign);
  const scale = edge / box;
  context.save();
  context.translate(x + (size - edge) / 2, y + (size - edge) / 2);
  context.scale(scale, scale);
  context.strokeStyle = colour;
  context.lineWidth = Math.max(lineWidths[look], 1 / scale);
  context.lineCap = look === "stale" ? "butt" : "round";
  context.stroke(paths[look]);
  context.restore();
}
