/** One small matrix a flow: which of them is broken is seen at once, and a click enlarges it. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { FlowState } from "../../shared/api.ts";
import { hasPort, readPorts } from "../../shared/ports.ts";
import { paintPlane } from "../matrix/plane.ts";
import { theme } from "../matrix/theme.ts";
import { axisOf } from "../model/axis.ts";
import { pooled, slotCells } from "../model/slot-cells.ts";
import { matrixAt } from "../net/load.ts";
import { changes, flows, look, view, type Moment } from "../store.ts";
import { VerdictMark } from "./verdict-mark.tsx";

const edge = 132;

export function FlowMatrices() {
  const { spec } = view.value;
  const { port, verdict } = view.value;
  const listed = flows.value
    .filter(
      (each) =>
        (spec === undefined || each.spec === spec) &&
        (port === undefined || hasPort(readPorts(each.ports) ?? [], port)) &&
        (verdict === undefined || each.paths[verdict] > 0),
    )
    .toSorted((a, b) => b.paths.fail - a.paths.fail);
  if (flows.value.length > 0 && listed.length === 0) return <p class="empty">No flow is like that.</p>;
  return (
    <ul class="thumbs">
      {listed.map((flow) => (
        <Thumb key={`${flow.spec}/${flow.flow}/${flow.expected}`} flow={flow} />
      ))}
    </ul>
  );
}

function Thumb({ flow }: { flow: FlowState }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isSeen = useSignal(false);
  const moment = useSignal<Moment | undefined>(undefined);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      isSeen.value = entries.some(({ isIntersecting }) => isIntersecting);
    });
    observer.observe(canvas.current!);
    return () => observer.disconnect();
  }, []);
  useSignalEffect(() => {
    void changes.value;
    if (!isSeen.value) return;
    const { at } = view.value;
    const closing = new AbortController();
    matrixAt({ spec: flow.spec, flow: flow.flow, port: undefined }, at, closing.signal).then(
      (found) => (moment.value = found),
      () => undefined,
    );
    return () => closing.abort();
  });
  useSignalEffect(() => {
    if (moment.value === undefined) return;
    const { nodes, cells } = moment.value;
    const axis = axisOf(nodes, { isFolded: () => false, isShown: () => true });
    paintPlane(canvas.current!, pooled(slotCells(cells, axis, axis), edge), theme.value, undefined);
  });
  const { paths } = flow;
  const worst =
    (["fail", "unknown", "warn", "pass"] as const).find((verdict) => paths[verdict] > 0) ?? "pass";
  return (
    <li class={worst === "fail" ? "is-fail" : ""}>
      <button type="button" onClick={() => look({ tab: "matrix", spec: flow.spec, flow: flow.flow })}>
        <canvas ref={canvas} class="thumb" aria-hidden="true" />
        <strong>{flow.flow}</strong>
        <span class="quiet">
          {flow.transport}/{flow.ports}
        </span>
        <span>
          <VerdictMark verdict={worst} isPlain /> {paths[worst].toLocaleString("en")} {worst}
          <span class="only-heard">, show its matrix</span>
        </span>
      </button>
    </li>
  );
}
