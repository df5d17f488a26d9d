/** Groups of results that tell one story: neighbouring ports of one order with the same kind of outcome. */
import { portSetOf } from "../shared/ports.ts";
import type { ProbeOrder, ProbeResult } from "./prober.ts";

/** In order of port. */
export function runsOf(
  results: readonly ProbeResult[],
  isSame: (a: ProbeResult, b: ProbeResult) => boolean = (a, b) => a.outcome.kind === b.outcome.kind,
): ProbeResult[][] {
  const runs: ProbeResult[][] = [];
  for (const order of Map.groupBy(results, ({ order: { id } }) => id).values()) {
    for (const result of order.toSorted((a, b) => a.port - b.port)) {
      const run = runs.at(-1);
      const last = run?.at(-1);
      if (last?.order.id === result.order.id && last.port === result.port - 1 && isSame(last, result))
        run!.push(result);
      else runs.push([result]);
    }
  }
  return runs;
}

/** At most `count` ports of a run, evenly spaced from its first to its last. */
export function samplesOf(run: readonly ProbeResult[], count: number): ProbeResult[] {
  if (run.length <= count) return [...run];
  return Array.from(
    { length: count },
    (_, index) => run[Math.round((index * (run.length - 1)) / (count - 1))]!,
  );
}

/** Orders that probe just these ports again. */
export function ordersOf(results: readonly Pick<ProbeResult, "order" | "port">[]): ProbeOrder[] {
  return Array.from(
    Map.groupBy(results, ({ order }) => order),
    ([order, list]) => ({ ...order, ports: portSetOf(list.map(({ port }) => port)) }),
  );
}

export function keyOf({ order, port }: ProbeResult): string {
  return `${order.id} ${port}`;
}
