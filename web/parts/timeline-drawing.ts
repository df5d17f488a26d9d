/** Draws the time line: bars for what changed, hours below, where the history begins, and the moments that are looked at. */
import type { TransitionState } from "../../shared/api.ts";
import { figureFont } from "../matrix/texts.ts";
import type { Theme } from "../matrix/theme.ts";
import { bucketsOf, ticksOf } from "../model/history.ts";

const height = 52;
const barsHeight = 34;
const barStep = 5;
const tickRoom = 90;

export interface TimelineParts {
  items: readonly TransitionState[];
  /** Milliseconds since 1970, as are all here. */
  start: number;
  end: number;
  /** When the history begins. */
  knownSince: number | undefined;
  moment: number;
  /** The other end of a comparison. */
  other: number | undefined;
}

const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const longSpanMs = 2 * 86_400_000;

export function drawTimeline(
  canvas: HTMLCanvasElement,
  width: number,
  theme: Theme,
  { items, start, end, knownSince, moment, other }: TimelineParts,
): void {
  const scale = devicePixelRatio;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d")!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  const placeOf = (at: number): number => ((at - start) / (end - start)) * width;
  if (knownSince !== undefined && knownSince > start)
    drawUnknown(context, theme, Math.min(width, placeOf(knownSince)));
  context.fillStyle = theme.edge;
  context.fillRect(0, barsHeight, width, 1);
  drawTicks(context, theme, ticksOf(start, end, width / tickRoom), placeOf, end - start > longSpanMs, width);
  const buckets = bucketsOf(items, start, end, Math.max(1, Math.floor(width / barStep)));
  const most = Math.max(1, ...buckets.map(({ count }) => count));
  for (const [index, { count, verdict }] of buckets.entries()) {
    if (count === 0 || verdict === undefined) continue;
    const tall = 8 + ((barsHeight - 12) * Math.log1p(count)) / Math.log1p(most);
    context.fillStyle = verdict === "pass" ? theme.series : theme.of[verdict];
    context.fillRect(index * barStep, barsHeight - tall, barStep - 1, tall);
  }
  if (other !== undefined) {
    const [from, to] = [placeOf(Math.min(other, moment)), placeOf(Math.max(other, moment))];
    context.globalAlpha = 0.15;
    context.fillStyle = theme.focus;
    context.fillRect(from, 0, to - from, barsHeight);
    context.globalAlpha = 1;
    drawHandle(context, theme, placeOf(other), width, false);
  }
  drawHandle(context, theme, placeOf(moment), width, true);
}

/** Before the history begins there is nothing to look at. */
function drawUnknown(context: CanvasRenderingContext2D, theme: Theme, to: number): void {
  context.fillStyle = theme.raised;
  context.fillRect(0, 0, to, barsHeight);
  context.font = figureFont;
  context.fillStyle = theme.faint;
  context.textAlign = "right";
  context.textBaseline = "middle";
  if (to > 110) context.fillText("no history", to - 8, barsHeight / 2);
  context.fillRect(to - 1, 0, 1, barsHeight);
}

function drawTicks(
  context: CanvasRenderingContext2D,
  theme: Theme,
  ticks: readonly number[],
  placeOf: (at: number) => number,
  isLong: boolean,
  width: number,
): void {
  context.font = figureFont;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const at of ticks) {
    const x = placeOf(at);
    context.fillStyle = theme.edge;
    context.fillRect(x, barsHeight, 1, 4);
    context.fillStyle = theme.faint;
    if (x > 30 && x < width - 30) context.fillText((isLong ? days : hours).format(at), x, height - 3);
  }
}

function drawHandle(
  context: CanvasRenderingContext2D,
  theme: Theme,
  at: number,
  width: number,
  isMain: boolean,
): void {
  const x = Math.min(width - 6, Math.max(6, at));
  context.fillStyle = isMain ? theme.text : theme.focus;
  context.fillRect(x - 1, 0, 2, barsHeight + 3);
  context.beginPath();
  context.arc(x, 6, 6, 0, 2 * Math.PI);
  context.fill();
}
