/** What moves over the picture: the pointer's row and column, the focus and the selection. Redrawn alone. */
import type { Sight } from "./draw.ts";
import type { Layout } from "./layout.ts";
import type { Theme } from "./theme.ts";
import type { Crossing } from "./walk.ts";

interface Marks {
  focused: Crossing | undefined;
  pointed: Crossing | undefined;
  selected: Crossing | undefined;
}

export function drawOverlay(
  context: CanvasRenderingContext2D,
  layout: Layout,
  sight: Sight,
  theme: Theme,
  { focused, pointed, selected }: Marks,
): void {
  const { width, height, left, top, x, y } = sight;
  context.clearRect(0, 0, width, height);
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height);
  context.clip();
  const place = ({ row, column }: Crossing): [number, number] | undefined => {
    const [across, down] = [layout.columns[column], layout.rows[row]];
    return across === undefined || down === undefined ? undefined : [left - x + across, top - y + down];
  };
  const { size } = layout;
  const outline = (at: Crossing, lines: readonly [colour: string, wide: number, out: number][]): void => {
    const found = place(at);
    if (found === undefined || found[0] < left - 1 || found[1] < top - 1) return;
    for (const [colour, wide, out] of lines) {
      context.strokeStyle = colour;
      context.lineWidth = wide;
      context.strokeRect(found[0] - out, found[1] - out, size - 1 + 2 * out, size - 1 + 2 * out);
    }
  };
  const cross = pointed === undefined ? undefined : place(pointed);
  if (cross !== undefined) {
    context.globalAlpha = 0.14;
    context.fillStyle = theme.text;
    context.fillRect(0, cross[1], width, size);
    context.fillRect(cross[0], 0, size, height);
    context.globalAlpha = 1;
    outline(pointed!, [[theme.text, 1.5, 0]]);
  }
  if (selected !== undefined)
    outline(selected, [
      [theme.ground, 5, 1],
      [theme.text, 2.5, 1],
    ]);
  if (focused !== undefined)
    outline(focused, [
      [theme.ground, 4, 2.5],
      [theme.focus, 2, 2.5],
    ]);
  context.restore();
}
