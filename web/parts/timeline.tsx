/** The history as a line: what changed when, a handle for the moment that is looked at, and the other end of a comparison. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Page, TransitionState } from "../../shared/api.ts";
import { theme } from "../matrix/theme.ts";
import { changeBeside, spans, spanMsOf } from "../model/history.ts";
import { matchesPair } from "../model/node-filter.ts";
import { momentText } from "../model/times.ts";
import { getJson } from "../net/api.ts";
import { changes, look, nodeFilter, status, view } from "../store.ts";
import { drawTimeline } from "./timeline-drawing.ts";

/** More are not told apart on a screen. */
const mostTransitions = 1_000;
const settleMs = 120;
const tickingMs = 5_000;

export function Timeline() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const all = useSignal<readonly TransitionState[]>([]);
  const now = useSignal(Date.now());
  const dragged = useSignal<number | undefined>(undefined);
  const pointedAt = useSignal<number | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const spanMs = useComputed(() => spanMsOf(view.value.span));
  const start = useComputed(() => now.value - spanMs.value);
  const items = useComputed(() => {
    const filter = nodeFilter.value;
    return filter === undefined
      ? all.value
      : all.value.filter(({ from, to }) => matchesPair(filter, from, to));
  });
  const value = useComputed(() => {
    const { at } = view.value;
    return dragged.value ?? (at === undefined ? now.value : Date.parse(at));
  });

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => (width.value = element.clientWidth));
    observer.observe(element);
    const ticking = setInterval(() => (now.value = Date.now()), tickingMs);
    return () => {
      observer.disconnect();
      clearInterval(ticking);
    };
  }, []);
  useSignalEffect(() => {
    void changes.value;
    const { spec, flow } = view.value;
    const closing = new AbortController();
    const since = new Date(Date.now() - spanMs.value).toISOString();
    const query = { spec, flow, since, limit: mostTransitions };
    getJson<Page<TransitionState>>("/transitions", query, closing.signal).then(
      (page) => {
        now.value = Date.now();
        all.value = page.items;
      },
      () => undefined,
    );
    return () => closing.abort();
  });
  useSignalEffect(() => {
    const { since } = view.value;
    drawTimeline(canvas.current!, width.value, theme.value, {
      items: items.value,
      start: start.value,
      end: now.value,
      knownSince: Date.parse(status.value?.history.since ?? "") || undefined,
      moment: value.value,
      other: since === undefined ? undefined : Date.parse(since),
    });
  });

  const { at, since } = view.value;
  const isNow = at === undefined && dragged.value === undefined;
  const said = isNow ? "now" : momentText(value.value, now.value);
  const choose = (moment: number, isStep: boolean): void => {
    // At the right end time goes on.
    const isEnd = moment >= now.value - spanMs.value / 1_000;
    look({ at: isEnd ? undefined : new Date(moment).toISOString() }, isStep);
    dragged.value = undefined;
  };
  const before = changeBeside(items.value, value.value, -1);
  const after = isNow ? undefined : changeBeside(items.value, value.value, 1);
  const pointed = pointedAt.value;
  const nearPointed = pointed === undefined ? 0 : countNear(items.value, pointed, spanMs.value / 100);
  return (
    <section class="timeline" aria-label="History">
      <div class="steps">
        <select
          aria-label="Length of the time line"
          value={view.value.span ?? spans[0].name}
          onChange={({ currentTarget }) => look({ span: currentTarget.value })}
        >
          {spans.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
        <button
          type="button"
          id="change-before"
          disabled={before === undefined}
          aria-label="The change before"
          title="The change before (,)"
          onClick={() => choose(before!, true)}
        >
          ‹
        </button>
        <button
          type="button"
          id="change-after"
          disabled={isNow}
          aria-label="The next change"
          title="The next change (.)"
          onClick={() => choose(after ?? now.value, true)}
        >
          ›
        </button>
      </div>
      <div
        class="scrubber"
        onPointerMove={({ clientX, currentTarget }) => {
          const { left, width: wide } = currentTarget.getBoundingClientRect();
          pointedAt.value = start.value + ((clientX - left) / wide) * spanMs.value;
        }}
        onPointerLeave={() => (pointedAt.value = undefined)}
      >
        <canvas ref={canvas} aria-hidden="true" />
        <input
          type="range"
          aria-label="Moment that is shown"
          aria-valuetext={said}
          min={start.value}
          max={now.value}
          step={Math.max(1_000, Math.round(spanMs.value / 1_000))}
          value={value.value}
          onInput={({ currentTarget }) => {
            dragged.value = Number(currentTarget.value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => choose(dragged.value!, false), settleMs);
          }}
        />
        {pointed !== undefined && (
          <div class="tip" aria-hidden="true" style={tipPlace((pointed - start.value) / spanMs.value)}>
            {momentText(pointed, now.value)}
            {nearPointed > 0 && `: ${nearPointed} ${nearPointed === 1 ? "change" : "changes"}`}
          </div>
        )}
      </div>
      <div class="moment">
        <output>{said}</output>
        {since === undefined && (
          <button
            type="button"
            disabled={at === undefined}
            title={at === undefined ? "Choose an earlier moment first" : "Shows only what has changed since"}
            onClick={() => look({ since: at, at: undefined })}
          >
            Compare with now
          </button>
        )}
      </div>
    </section>
  );
}

function countNear(items: readonly TransitionState[], moment: number, withinMs: number): number {
  return items.filter(({ at }) => Math.abs(Date.parse(at) - moment) <= withinMs).length;
}

function tipPlace(share: number): Record<string, string> {
  return share > 0.5 ? { right: `${(1 - share) * 100}%` } : { left: `${share * 100}%` };
}
