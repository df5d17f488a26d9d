/**
 * Finds the exact edges of what fails, in a range of which only samples were probed. Between a port that
 * passes and one that fails, three probes at a time quarter the gap: at most 1.5 log2(n) + 3 probes an edge.
 */
import { runPinglist, type ProbeOrder, type ProbeResult, type ProberDependencies } from "./prober.ts";
import { ordersOf } from "./runs.ts";

const probesAtOnce = 3;
/** More edges than this are no intervals but noise. */
const maxEdges = 64;
/** One lost SYN or datagram is made good within this time; the edges are looked at again afterwards. */
const timeoutMs = 1_500;

/** A port of which it is known whether it passes. */
export interface Point {
  order: ProbeOrder;
  port: number;
  isOpen: boolean;
}

interface Gap {
  order: ProbeOrder;
  /** Two ports with different ends, and nothing probed between them. */
  low: Point;
  high: Point;
}

/** Probes until every change from passing to failing lies between neighbouring ports. `onResult` gets each probe. */
export async function findEdges(
  known: readonly Point[],
  dependencies: ProberDependencies,
  onResult: (result: ProbeResult) => void,
  signal: AbortSignal,
): Promise<void> {
  let gaps = [...Map.groupBy(known, ({ order }) => order).values()].flatMap(gapsOf).slice(0, maxEdges);
  const quickly = { ...dependencies, context: { ...dependencies.context, timeoutMs } };
  while (gaps.length > 0 && !signal.aborted) {
    const found = new Map<string, boolean>();
    const wanted = gaps.flatMap((gap) => pointsIn(gap).map((port) => ({ order: gap.order, port })));
    await runPinglist(
      ordersOf(wanted),
      quickly,
      (result) => {
        const { order, port, outcome } = result;
        found.set(`${order.id} ${port}`, outcome.kind === "open");
        onResult(result);
      },
      signal,
    );
    gaps = gaps
      .flatMap((gap) => {
        const { order } = gap;
        const inside = pointsIn(gap).flatMap((port): Point[] => {
          const isOpen = found.get(`${order.id} ${port}`);
          return isOpen === undefined ? [] : [{ order, port, isOpen }];
        });
        return inside.length === 0 ? [] : gapsOf([gap.low, ...inside, gap.high]);
      })
      .slice(0, maxEdges);
  }
}

function gapsOf(points: readonly Point[]): Gap[] {
  const inOrder = points.toSorted((a, b) => a.port - b.port);
  return inOrder.flatMap((high, index) => {
    const low = inOrder[index - 1];
    const isGap =
      low !== undefined && low.isOpen !== high.isOpen && pointsIn({ order: low.order, low, high }).length > 0;
    return isGap ? [{ order: low.order, low, high }] : [];
  });
}

/** Ports of the order within the gap, evenly spaced. */
function pointsIn({ order, low, high }: Gap): number[] {
  const inside = order.ports.flatMap(([first, last]): [number, number][] => {
    const from = Math.max(first, low.port + 1);
    const to = Math.min(last, high.port - 1);
    return from <= to ? [[from, to]] : [];
  });
  const count = inside.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const picks = new Set(
    Array.from({ length: probesAtOnce }, (_, index) =>
      Math.floor(((index + 1) * count) / (probesAtOnce + 1)),
    ),
  );
  return [...picks].filter((pick) => pick < count).map((pick) => portAt(inside, pick));
}

function portAt(intervals: readonly [number, number][], position: number): number {
  let rest = position;
  for (const [from, to] of intervals) {
    if (rest <= to - from) return from + rest;
    rest -= to - from + 1;
  }
  throw new RangeError(`no port at ${position}`);
}
