/**
 * How a pinglist is probed so that its failures can be believed. First all of it, quickly. Then the failures a
 * second time, alone and slowly: a burst of probes can trip a rate limit or overrun a busy host, and then
 * looks like a firewall. What still fails is put to the kernel's own counters (see kernel-look.ts).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { countPorts, hasPort } from "../shared/ports.ts";
import type { Outcome } from "../shared/outcome.ts";
import { findEdges, type Point } from "./bisect.ts";
import { askKernel } from "./kernel-look.ts";
import { grown } from "./kernel-counters.ts";
import {
  gentleLimits,
  runPinglist,
  type CutOrder,
  type ProbeOrder,
  type ProbeResult,
  type ProberDependencies,
  type ProberLimits,
} from "./prober.ts";
import { attentiveDatagrams } from "./protocols/udp.ts";
import { smallestSample } from "./sweep-order.ts";
import { keyOf, ordersOf, runsOf, samplesOf } from "./runs.ts";

/** Of a longer run of neighbouring ports with the same failure only these many are probed again. */
const samplesPerRun = 64;
const moreLooksAtLossy = 2;
/** The code of a probe that its own host kept from the processor. */
const starved = "STARVED";
/** A host that is busy for a moment probes again after so long each time, if it is not about too much. */
const restsOfStarvedMs = [500, 1_000, 2_000];
const mostStarvedPorts = 256;
/** Lost round trips of all: below, six or eight attempts do not all fail by chance. */
const heavyLoss = 0.15;
/** Chance does not silence more neighbouring ports than this. */
const longestUnluckyRun = 4;

export interface LookEvents {
  /** Every port exactly once, unless the signal cancels the rest. */
  report: (result: ProbeResult) => void;
  /** These nodes are about to be probed a second time. */
  doubt: (nodes: number[]) => void;
}

/** @returns the ranges of which the time for sweeps allowed only a part. */
export async function probeThoroughly(
  orders: readonly ProbeOrder[],
  dependencies: ProberDependencies,
  { report, doubt }: LookEvents,
  signal: AbortSignal,
): Promise<CutOrder[]> {
  const countersBefore = dependencies.health.counters();
  const gently: ProberDependencies = {
    ...dependencies,
    limits: gentler(dependencies.limits),
    context: { ...dependencies.context, datagrams: attentiveDatagrams },
  };
  const failures: ProbeResult[] = [];
  const losses = new Losses();
  const sort = (result: ProbeResult): void => {
    losses.count(result);
    if (isOver(result.outcome) || result.order.isShut === true) report(result);
    else failures.push(result);
  };
  /** These are no failures any more until they fail again. */
  const probeOnceMore = async (results: ReadonlyMap<string, ProbeResult>): Promise<void> => {
    const others = failures.splice(0).filter((result) => !results.has(keyOf(result)));
    failures.push(...others);
    const look = (result: ProbeResult): void => sort(merged(results.get(keyOf(result))!, result));
    await runPinglist(ordersOf([...results.values()]), gently, look, signal);
  };
  /** Where packets are lost, a few ports lose all of them: they get more chances than a firewall would need. */
  const probeLossy = async (): Promise<void> => {
    for (let look = 0; look < moreLooksAtLossy; look++) {
      const isUnlucky = ({ order, outcome }: ProbeResult): boolean =>
        losses.areHeavyTo(order.to) && outcome.kind === "silent";
      const unlucky = new Map(
        runsOf(failures.filter(isUnlucky))
          .filter(({ length }) => length <= longestUnluckyRun)
          .flat()
          .map((result) => [keyOf(result), result]),
      );
      if (unlucky.size === 0 || signal.aborted) return;
      await probeOnceMore(unlucky);
    }
  };
  /** What this host was too busy to find out is no finding yet. */
  const probeStarved = async (): Promise<void> => {
    for (const restMs of restsOfStarvedMs) {
      const waiting = new Map(
        failures.filter(({ outcome }) => isStarved(outcome)).map((result) => [keyOf(result), result]),
      );
      if (waiting.size === 0 || waiting.size > mostStarvedPorts) return;
      await sleep(restMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await probeOnceMore(waiting);
    }
  };
  const passed = new Map<number, number[]>();
  const shut = new Map<number, number[]>();
  const cut = await runPinglist(
    orders,
    dependencies,
    (result) => {
      if (result.outcome.kind === "open") remember(passed, result);
      else if (result.order.isShut === true) remember(shut, result);
      sort(result);
    },
    signal,
  );
  if (cut.length > 0) await findEdges(pointsOf(cut, passed, shut, failures), gently, sort, signal);
  const clear = failures.filter(({ outcome }) => outcome.kind === "unreachable");
  const first = failures.splice(0).filter(({ outcome }) => outcome.kind !== "unreachable");
  if (first.length > 0) doubt([...new Set(first.map(({ order }) => order.to))]);
  const second: ProbeResult[] = [];
  const samples = runsOf(first).flatMap((run) => samplesOf(run, samplesPerRun));
  await runPinglist(ordersOf(samples), gently, (result) => second.push(result), signal);
  const { settled, again } = settle(first, second);
  settled.forEach(sort);
  await runPinglist(ordersOf(again), gently, sort, signal);
  await probeLossy();
  await probeStarved();
  if (signal.aborted) return cut;
  const explained = await askKernel(
    [...clear, ...failures],
    grown(countersBefore, dependencies.health.counters()),
    gently,
    signal,
  );
  explained.forEach(report);
  return cut;
}

/** Only a large range can be cut short. */
function remember(passed: Map<number, number[]>, { order, port }: ProbeResult): void {
  if (countPorts(order.ports) <= smallestSample) return;
  const ports = passed.get(order.id);
  if (ports === undefined) passed.set(order.id, [port]);
  else ports.push(port);
}

function pointsOf(
  cut: readonly CutOrder[],
  passed: ReadonlyMap<number, readonly number[]>,
  shut: ReadonlyMap<number, readonly number[]>,
  failures: readonly ProbeResult[],
): Point[] {
  return cut.flatMap(({ order }) => {
    const failed = failures.flatMap((each) => (each.order.id === order.id ? [each.port] : []));
    const all = [
      ...(passed.get(order.id) ?? []).map((port) => ({ order, port, isOpen: true })),
      ...[...(shut.get(order.id) ?? []), ...failed].map((port) => ({ order, port, isOpen: false })),
    ];
    // Parts of one target share its id.
    return all.filter(({ port }) => hasPort(order.ports, port));
  });
}

/** Of the ports of each node that answered, how many needed more than one attempt. */
class Losses {
  readonly #byNode = new Map<number, { open: number; retried: number }>();

  count({ order: { to }, outcome }: ProbeResult): void {
    if (outcome.kind !== "open") return;
    let node = this.#byNode.get(to);
    if (node === undefined) this.#byNode.set(to, (node = { open: 0, retried: 0 }));
    node.open++;
    if (outcome.attempts > 1) node.retried++;
  }

  /** So many are lost that chance alone can silence a port in two looks; a busy moment is no loss. */
  areHeavyTo(to: number): boolean {
    const { open, retried } = this.#byNode.get(to) ?? { open: 0, retried: 0 };
    return retried >= 2 && retried >= heavyLoss * open;
  }
}

/** Never faster than this node allows itself, and to the end. */
function gentler(limits: ProberLimits): ProberLimits {
  return {
    ...limits,
    sweepMs: Number.POSITIVE_INFINITY,
    young: Math.min(limits.young, gentleLimits.young),
    ratePerSecond: Math.min(limits.ratePerSecond, gentleLimits.ratePerSecond),
    ratePerNodePerSecond: Math.min(limits.ratePerNodePerSecond, gentleLimits.ratePerNodePerSecond),
  };
}

/** A starved prober tries again; other faults of its own would only come again. */
function isOver({ kind, code }: Outcome): boolean {
  return kind === "open" || (kind === "local-error" && code !== starved);
}

function isStarved({ kind, code }: Outcome): boolean {
  return kind === "local-error" && code === starved;
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
  for (const run of runsOf(first)) {
    const passed = run.some((result) => secondLook.get(keyOf(result))?.outcome.kind === "open");
    for (const result of run) {
      const later = secondLook.get(keyOf(result));
      if (later !== undefined) settled.push(merged(result, later));
      else if (passed) again.push(result);
      else settled.push(result);
    }
  }
  return { settled, again };
}

/**
 * The second look counts; the first one remains as a lost attempt. But a refusal that is followed by silence
 * was clear enough: hosts limit how many ICMP errors they send.
 */
function merged(first: ProbeResult, second: ProbeResult): ProbeResult {
  if (first.outcome.kind === "refused" && second.outcome.kind === "silent") return first;
  const attempts = Math.min(255, first.outcome.attempts + second.outcome.attempts);
  return { order: first.order, port: first.port, outcome: { ...second.outcome, attempts } };
}
