/** One run of the whole pinglist, from its first probe to what is told of it. */
import { countPorts } from "../../shared/ports.ts";
import { formatRanges } from "../../shared/ranges.ts";
import type { SweepMessage } from "../../shared/watch-wire.ts";
import { fullSweepMs, refuse, type Duty } from "../duty.ts";
import { probeThoroughly } from "../looks.ts";
import type { Observer } from "../observer.ts";
import type { ProbeOrder, ProbeResult } from "../prober.ts";
import { smallestSample } from "../sweep-order.ts";
import type { TokenBucket } from "../token-bucket.ts";
import { Fold } from "./fold.ts";
import type { Pinglist } from "./pinglist.ts";
import type { PoorTargets } from "./poor.ts";

/** What is told of a sweep, but for what is known only when it is sent. */
export type SweepRecord = Omit<
  SweepMessage,
  "type" | "origin" | "seq" | "late" | "backlog" | "agoMs" | "stalledMs"
>;

export interface SweepContext {
  duty: Duty;
  allowance: TokenBucket;
  poor: PoorTargets;
  /** These nodes are about to be probed a second time. */
  doubt: (nodes: number[]) => void;
  /** For how long ranges may be swept. */
  budgetMs: number;
  observer: Observer | undefined;
}

/** Undefined where the signal ended it before it was done. */
export async function sweep(
  pinglist: Pinglist,
  { duty, allowance, poor, doubt, budgetMs, observer }: SweepContext,
  signal: AbortSignal,
): Promise<SweepRecord | undefined> {
  const beganAt = performance.now();
  const told = poor.take();
  poor.begin(beganAt);
  const absentBefore = pinglist.skipped();
  const fold = new Fold(duty.sources());
  const faulty = new Map<string, { order: ProbeOrder; ports: number[] }>();
  const report = (result: ProbeResult): void => {
    fold.add(result);
    poor.add(result);
    const { order, port, outcome } = result;
    observer?.probed(order.protocol, outcome.kind);
    if ((outcome.kind === "open") === (order.isShut === true)) faulty.get(rangeOf(order))?.ports.push(port);
  };
  const [permitted, forbidden] = duty.divide([...pinglist.tasks()].flatMap((task) => duty.orders(task)));
  for (const order of permitted)
    if (countPorts(order.ports) > smallestSample) faulty.set(rangeOf(order), { order, ports: [] });
  for (const order of forbidden) {
    refuse(order, (result) => fold.add(result));
    observer?.refused(countPorts(order.ports));
  }
  const udp = duty.udpSweep();
  let cut: Awaited<ReturnType<typeof probeThoroughly>>;
  try {
    const dependencies = { ...duty.prober(pinglist.timeoutMs, udp, budgetMs), allowance };
    cut = await probeThoroughly(permitted, dependencies, { report, doubt }, signal);
  } finally {
    udp.close();
  }
  if (signal.aborted) return undefined;
  duty.remember(cut);
  for (const { order, ports } of faulty.values()) duty.rememberFaulty(order, ports);
  // Who left meanwhile was not there to answer.
  const skipped = new Set([...absentBefore, ...pinglist.skipped()]);
  const { odd, untold } = fold.groups((target) => skipped.has(pinglist.to(target)));
  // Of what does not fit into a frame nothing is known, and that must not look well.
  for (const target of untold) skipped.add(pinglist.to(target));
  const positions = new Set(cut.map(({ order }) => order.id));
  return {
    plan: pinglist.plan,
    probes: fold.probes,
    rtt: fold.latencies(pinglist.size).toString("base64"),
    odd,
    tookMs: rounded(performance.now() - beganAt),
    skipped: [...skipped].toSorted((a, b) => a - b),
    cut: formatRanges([...positions].toSorted((a, b) => a - b)),
    fullSweepMs: rounded(fullSweepMs(cut, budgetMs)),
    ...(told === undefined ? {} : { poor: told }),
  };
}

/** Later looks have orders of their own. */
function rangeOf({ id, isShut = false }: ProbeOrder): string {
  return `${id} ${isShut}`;
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
