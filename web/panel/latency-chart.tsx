/** Round trips over the last hour: the median, and a band up to the ninetieth percentile. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Latency, Page } from "../../shared/api.ts";
import { figureFont } from "../matrix/texts.ts";
import { theme, withAlpha, type Theme } from "../matrix/theme.ts";
import { getJson } from "../net/api.ts";
import { changes, view } from "../store.ts";

const height = 150;
const hourMs = 3_600_000;

/** When it ends, in milliseconds since 1970, and what was measured. */
interface Hour {
  until: number;
  items: readonly Latency[];
}

export function LatencyChart({ from, to }: { from: string; to: string }) {
  const hour = useSignal<Hour>({ until: 0, items: [] });
  useSignalEffect(() => {
    void changes.value;
    const { at } = view.value;
    const until = at === undefined ? undefined : Date.parse(at);
    const since = until === undefined ? undefined : new Date(until - hourMs).toISOString();
    const closing = new AbortController();
    getJson<Page<Latency>>("/latency", { from, to, since, until: at }, closing.signal).then(
      (page) => {
        const items = page.items.filter(({ spans }) => spans.length > 0);
        hour.value = { until: until ?? Date.now(), items };
      },
      () => undefined,
    );
    return () => closing.abort();
  });
  return (
    <section>
      <h3>Round trip, {view.value.at === undefined ? "last hour" : "hour before"}</h3>
      {hour.value.items.length === 0 && <p class="quiet">Nothing measured in this hour.</p>}
      {hour.value.items.map((latency) => (
        <Chart key={latency.protocol} latency={latency} until={hour.value.until} colours={theme.value} />
      ))}
    </section>
  );
}

function Chart({ latency, until, colours }: { latency: Latency; until: number; colours: Theme }) {
  const place = useRef<HTMLDivElement>(null);
  const { protocol, spans } = latency;
  useEffect(() => {
    const width = place.current!.clientWidth;
    const chart = new uPlot(optionsOf(protocol, width, until, colours), dataOf(latency), place.current!);
    return () => chart.destroy();
  }, [latency, until, colours]);
  const last = spans.at(-1)!;
  return (
    <figure class="latency">
      <figcaption>
        {protocol}: median {last.p50Ms.toFixed(2)} ms, nine of ten within {last.p90Ms.toFixed(2)} ms
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function dataOf({ spans }: Latency): uPlot.AlignedData {
  return [
    spans.map(({ at }) => Date.parse(at) / 1_000),
    spans.map(({ p50Ms }) => p50Ms),
    spans.map(({ p90Ms }) => p90Ms),
  ];
}

function optionsOf(protocol: string, width: number, until: number, colours: Theme): uPlot.Options {
  const axis = {
    stroke: colours.faint,
    font: figureFont,
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    cursor: { y: false },
    legend: { show: false },
    scales: {
      // All of the hour: by itself the axis of one point spans years.
      x: { range: [(until - hourMs) / 1_000, until / 1_000] },
      y: { range: (_chart, _low, high) => [0, Math.max(high * 1.15, 0.1)] },
    },
    axes: [
      { ...axis, space: 70 },
      { ...axis, size: 48, values: (_chart, ticks) => ticks.map((tick) => `${tick} ms`) },
    ],
    series: [
      {},
      {
        label: `${protocol} median`,
        stroke: colours.series,
        width: 2,
        points: { size: 4, fill: colours.ground },
      },
      { label: `${protocol} p90`, stroke: colours.series, width: 1, dash: [3, 3], points: { show: false } },
    ],
    bands: [{ series: [2, 1], fill: withAlpha(colours.series, 0.16) }],
  };
}
