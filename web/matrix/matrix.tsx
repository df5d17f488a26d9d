/** The matrix: a canvas to look at, and beside it a grid of one cell for those who listen. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Axis } from "../model/axis.ts";
import { verdictOfCode } from "../model/looks.ts";
import { Legend } from "../parts/legend.tsx";
import { isOld, marked, nodeFilter, picture, view, type Picture } from "../store.ts";
import { cellText } from "./describe.ts";
import { drawCells, type Sight } from "./draw.ts";
import { placed } from "./edges.ts";
import { enter, focused, pointed, selected } from "./focus.ts";
import { slotAt, type Layout } from "./layout.ts";
import { drawNames } from "./names.ts";
import { drawOverlay } from "./overlay.ts";
import { paintPlane, type Dimming, type Sides } from "./plane.ts";
import { theme } from "./theme.ts";
import { Tip } from "./tip.tsx";
import { stepFrom, type Crossing } from "./walk.ts";

/** Cells that are asked for by hand may be larger than those that fit. */
const largestZoom = 96;

export function Matrix() {
  const now = picture.value;
  if (now === undefined)
    return (
      <p class="empty quiet" role="status">
        Asking the coordinator for the matrix …
      </p>
    );
  if (now.nodes.length === 0)
    return <p class="empty">The cluster file names no nodes, so that there is nothing to watch.</p>;
  if (now.rows.slots.length === 0 || now.columns.slots.length === 0)
    return (
      <p class="empty">
        No node is called {view.value.node}. A pattern such as db-* means all that begin so; db-* &gt; web-*
        means one direction.
      </p>
    );
  return <Drawn />;
}

function Drawn() {
  const frame = useRef<HTMLDivElement>(null);
  const cells = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const plane = useRef(document.createElement("canvas"));
  const room = useSignal({ width: 0, height: 0 });
  const scroll = useSignal({ x: 0, y: 0 });
  /** Edge of a cell that was asked for; without it all fits. */
  const zoom = useSignal<number | undefined>(undefined);
  const painted = useSignal(0);
  const hasFocus = useSignal(false);

  const place = useComputed(() => placed(picture.value!, room.value, zoom.value));
  const edges = useComputed(() => place.value.edges);
  const layout = useComputed(() => place.value.layout);
  const sight = useComputed((): Sight => {
    const { left, top } = edges.value;
    return { ...room.value, left, top, ...scroll.value };
  });

  useEffect(() => {
    const element = frame.current!;
    const observer = new ResizeObserver(() => {
      room.value = { width: element.clientWidth, height: element.clientHeight };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // Once for each picture, and not for each step of scrolling.
  useSignalEffect(() => {
    paintPlane(plane.current, picture.value!.slots, theme.value, dimmingOf(picture.value!));
    painted.value = painted.peek() + 1;
  });
  useSignalEffect(() => {
    void painted.value;
    const context = contextOf(cells.current!, room.value);
    drawCells(context, plane.current, picture.value!, layout.value, sight.value, theme.value);
    drawNames(context, picture.value!, layout.value, edges.value, sight.value, theme.value);
  });
  useSignalEffect(() => {
    const context = contextOf(overlay.current!, room.value);
    drawOverlay(context, layout.value, sight.value, theme.value, {
      focused: hasFocus.value ? focused.value : undefined,
      pointed: pointed.value,
      selected: selected.value,
    });
  });
  // What has the focus is in sight.
  useSignalEffect(() => reveal(frame.current!, focused.value, layout.peek(), edges.peek()));

  const crossingAt = (event: MouseEvent): Crossing | undefined => {
    const box = frame.current!.getBoundingClientRect();
    const { left, top } = edges.value;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < left || y < top) return undefined;
    const column = slotAt(layout.value.columns, layout.value.size, x - left + scroll.value.x);
    const row = slotAt(layout.value.rows, layout.value.size, y - top + scroll.value.y);
    return row === undefined || column === undefined ? undefined : { row, column };
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.altKey || event.metaKey) return;
    const { slots } = picture.value!;
    if (event.key === "Enter") enter(picture.value!, focused.value);
    else if (event.key === "+" || event.key === "-") zoomBy(event.key === "+" ? 1.25 : 0.8);
    else if (event.key === "0") zoom.value = undefined;
    else {
      const page = Math.max(1, Math.floor(room.value.height / layout.value.size) - 1);
      const next = stepFrom(focused.value, event.key, event.ctrlKey, slots, page);
      if (next === undefined) return;
      focused.value = next;
    }
    event.preventDefault();
  };
  const zoomBy = (factor: number): void => {
    const { size } = layout.value;
    const next = factor > 1 ? Math.ceil(size * factor) : Math.floor(size * factor);
    zoom.value = Math.min(largestZoom, Math.max(1, next));
  };

  const { rows, columns } = picture.value!;
  const { row, column } = focused.value;
  return (
    <>
      <div class={`matrix ${isOld.value ? "is-old" : ""}`}>
        <div
          ref={frame}
          class="matrix-frame"
          role="grid"
          tabIndex={0}
          aria-label="Matrix of nodes: rows are where paths begin, columns where they end"
          aria-rowcount={rows.slots.length}
          aria-colcount={columns.slots.length}
          aria-activedescendant="focused-cell"

          onKeyDown={onKey}
          onFocus={() => (hasFocus.value = true)}
          onBlur={() => (hasFocus.value = false)}
          onScroll={() => (scroll.value = { x: frame.current!.scrollLeft, y: frame.current!.scrollTop })}
          onPointerMove={(event) => (pointed.value = crossingAt(event))}
          onPointerLeave={() => (pointed.value = undefined)}
          onClick={(event) => {
            const found = crossingAt(event);
            if (found === undefined) return;
            focused.value = found;
            enter(picture.value!, found);
          }}
          onWheel={(event) => {
            if (!event.ctrlKey) return;
            event.preventDefault();
            zoomBy(event.deltaY < 0 ? 1.15 : 0.87);
          }}
        >
          <div class="matrix-canvases" role="presentation">
            <canvas ref={cells} class="matrix-cells" aria-hidden="true" />
            <canvas ref={overlay} class="matrix-overlay" aria-hidden="true" />
          </div>
          <div
            class="matrix-extent"
            role="presentation"
            style={{
              width: `${layout.value.width + edges.value.left + 4}px`,
              height: `${layout.value.height + edges.value.top + 4}px`,
            }}
          />
          <div class="only-heard" role="row" aria-rowindex={row + 1}>
            <span role="rowheader">{rows.slots[row]?.label}</span>
            <span
              role="gridcell"
              id="focused-cell"
              aria-colindex={column + 1}
              aria-selected={selected.value?.row === row && selected.value.column === column}
            >
              {cellText(picture.value!, row, column)}
            </span>
          </div>
        </div>
        <p class="only-heard" aria-live="polite">
          {cellText(picture.value!, row, column)}
        </p>
        <Tip layout={layout} sight={sight} />
      </div>
      <div class="matrix-foot">
        <Legend />
        <div class="matrix-zoom" role="group" aria-label="Size of the cells">
          <button type="button" aria-label="Smaller" onClick={() => zoomBy(0.7)}>
            −
          </button>
          <button
            type="button"
            aria-pressed={zoom.value === undefined}
            onClick={() => (zoom.value = undefined)}
          >
            Fit
          </button>
          <button type="button" aria-label="Larger" onClick={() => zoomBy(1.4)}>
            +
          </button>
        </div>
      </div>
    </>
  );
}

/** Crossings that the filters leave out, and those that no finding means, stand back. */
function dimmingOf({ nodes, rows, columns }: Picture): Dimming | undefined {
  const { verdict } = view.value;
  const filter = nodeFilter.value;
  const finding = marked.value;
  const byNode = filter !== undefined && !filter.isDirected;
  if (verdict === undefined && !byNode && finding === undefined) return undefined;
  const sidesOf = (isFrom: (name: string) => boolean, isTo: (name: string) => boolean): Sides => {
    const flags = (axis: Axis, isMeant: (name: string) => boolean): Uint8Array =>
      Uint8Array.from(axis.slots, (slot) =>
        slot.nodes.some((position) => isMeant(nodes[position]!.name)) ? 1 : 0,
      );
    return { rows: flags(rows, isFrom), columns: flags(columns, isTo) };
  };
  return {
    codes:
      verdict === undefined
        ? undefined
        : Uint8Array.from({ length: 256 }, (_, code) => (verdictOfCode(code) === verdict ? 0 : 1)),
    either: byNode ? sidesOf(filter.isFrom, filter.isTo) : undefined,
    both:
      finding === undefined
        ? undefined
        : sidesOf(
            (name) => finding.from.has(name),
            (name) => finding.to.has(name),
          ),
  };
}

/** Sized for the screen's own pixels. */
function contextOf(
  canvas: HTMLCanvasElement,
  { width, height }: { width: number; height: number },
): CanvasRenderingContext2D {
  const scale = devicePixelRatio;
  const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== tall) {
    canvas.width = wide;
    canvas.height = tall;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

function reveal(
  frame: HTMLElement,
  { row, column }: Crossing,
  { rows, columns, size }: Layout,
  { left, top }: { left: number; top: number },
): void {
  const [x, y] = [columns[column] ?? 0, rows[row] ?? 0];
  const [wide, tall] = [frame.clientWidth - left, frame.clientHeight - top];
  if (x < frame.scrollLeft) frame.scrollLeft = x;
  else if (x + size > frame.scrollLeft + wide) frame.scrollLeft = x + size - wide;
  if (y < frame.scrollTop) frame.scrollTop = y;
  else if (y + size > frame.scrollTop + tall) frame.scrollTop = y + size - tall;
}
