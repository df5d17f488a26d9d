/**
 * Which failures to probe a second time, alone and slowly. A burst of probes can trip a rate limit or overrun
 * a busy host, and then looks like a firewall; what fails again without any hurry is believed.
 */
import type { Outcome } from "../shared/outcome.ts";
import { portSetOf } from "../shared/ports.ts";
import {
  gentleLimits,
  runPinglist,
  type ProbeOrder,
  type ProbeResult,
  type ProberDependencies,
  type ProberLimits,
} from "./prober.ts";

/** Of a longer run of neighbouring ports with the same failure only these many are probed again. */
const samplesPerRun = 64;

/** Runs a pinglist, then looks at its failures a second time. Every port is reported exactly once. */
export async function probeTwice(
  orders: readonly ProbeOrder[],
  dependencies: ProberDependencies,
  report: (result: ProbeResult) => void,
  signal: AbortSignal,
): Promise<void> {
  const gently = { ...dependencies, limits: gentler(dependencies.limits) };
  const look = async (at: readonly ProbeOrder[], how: ProberDependencies): Promise<ProbeResult[]> => {
    const failures: ProbeResult[] = [];
    await runPinglist(
      at,
      how,
      (result) => (deservesRetest(result.outcome) ? failures.push(result) : report(result)),
      signal,
    );
    return failures;
  };
  const first = await look(orders, dependencies);
  const second: ProbeResult[] = [];
  await runPinglist(retestOrders(first), gently, (result) => second.push(result), signal);
  const { settled, again } = settle(first, second);
  settled.forEach(report);
  await runPinglist(ordersOf(again), gently, report, signal);
}

/** Never faster than this node allows itself. */
function gentler(limits: ProberLimits): ProberLimits {
  return {
    ...limits,
    young: Math.min(limits.young, gentleLimits.young),
    ratePerSecond: Math.min(limits.ratePerSecond, gentleLimits.ratePerSecond),
    ratePerNodePerSecond: Math.min(limits.ratePerNodePerSecond, gentleLimits.ratePerNodePerSecond),
  };
}

function deservesRetest(outcome: Outcome): boolean {
  return outcome.kind !== "open" && outcome.kind !== "local-error" && outcome.kind !== "unreachable";
}

/** Orders for the second look: all of a short run of failures, evenly spaced samples of a long one. */
function retestOrders(failures: readonly ProbeResult[]): ProbeOrder[] {
  return Array.from(
    Map.groupBy(failures, ({ order }) => order),
    ([order, results]) => ({
      ...order,
      ports: portSetOf(runsOf(results).flatMap(samplesOf)),
    }),
  );
}

/**
 * Joins both looks. A sample that passed the second time says that its whole run may have been our own doing:
 * then the rest of that run comes back to be probed once more.
 */
function settle(
  first: readonly ProbeResult[],
  second: readonly ProbeResult[],
): { settled: ProbeResult[]; again: ProbeResult[] } {
  const secondLook = new Map(second.map((result) => [keyOf(result), result]));
  const settled: ProbeResult[] = [];
  const again: ProbeResult[] = [];
  for (const results of Map.groupBy(first, ({ order }) => order.id).values()) {
    for (const run of runsOf(results)) {
      const passed = run.some((result) => secondLook.get(keyOf(result))?.outcome.kind === "open");
      for (const result of run) {
        const later = secondLook.get(keyOf(result));
        if (later !== undefined) settled.push(merged(result, later));
        else if (passed) again.push(result);
        else settled.push(result);
      }
    }
  }
  return { settled, again };
}

/** The second look counts; the first one remains as a lost attempt. */
function merged(first: ProbeResult, second: ProbeResult): ProbeResult {
  const attempts = Math.min(255, first.outcome.attempts + second.outcome.attempts);
  return { order: first.order, port: first.port, outcome: { ...second.outcome, attempts } };
}

function ordersOf(results: readonly ProbeResult[]): ProbeOrder[] {
  return Array.from(
    Map.groupBy(results, ({ order }) => order),
    ([order, list]) => ({ ...order, ports: portSetOf(list.map(({ port }) => port)) }),
  );
}

/** Neighbouring ports of one order with the same kind of failure, in order of port. */
function runsOf(results: readonly ProbeResult[]): ProbeResult[][] {
  const runs: ProbeResult[][] = [];
  for (const result of results.toSorted((a, b) => a.port - b.port)) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (last !== undefined && last.port === result.port - 1 && last.outcome.kind === result.outcome.kind)
      run!.push(result);
    else runs.push([result]);
  }
  return runs;
}

function samplesOf(run: readonly ProbeResult[]): number[] {
  if (run.length <= samplesPerRun) return run.map(({ port }) => port);
  return Array.from(
    { length: samplesPerRun },
    (_, index) => run[Math.round((index * (run.length - 1)) / (samplesPerRun - 1))]!.port,
  );
}

function keyOf({ order, port }: ProbeResult): string {
  return `${order.id} ${port}`;
}
