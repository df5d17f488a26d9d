/** Looks at some ports once more, at once and beside whatever else is under way. */
import { setTimeout as sleep } from "node:timers/promises";
import { rejectedNearbyCode } from "../../shared/judge.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { hasPort, readPorts } from "../../shared/ports.ts";
import { readRanges } from "../../shared/ranges.ts";
import type { AgainAnswer, OddGroup, WatchOrder } from "../../shared/watch-wire.ts";
import { refuse, type Duty } from "../duty.ts";
import type { Observer } from "../observer.ts";
import { gentleLimits, runPinglist, type ProbeOrder, type ProbeResult } from "../prober.ts";
import { attentiveDatagrams } from "../protocols/udp.ts";
import { keyOf } from "../runs.ts";
import type { TokenBucket } from "../token-bucket.ts";
import { Fold } from "./fold.ts";
import type { Pinglist } from "./pinglist.ts";

export type AgainOrder = Extract<WatchOrder, { type: "again" }>;

/** One begins so long after the other, whether that is over or not. */
const spacingMs = 500;
const mostLooks = 10;
const timeoutLimitsMs = [50, 60_000] as const;

export interface AgainContext {
  duty: Duty;
  allowance: TokenBucket;
  /** What the kernel knew of these in the last sweep: there is no time to ask it again. */
  explained: readonly OddGroup[];
  observer: Observer | undefined;
}

/** Undefined where the signal came first. */
export async function lookAgain(
  order: AgainOrder,
  pinglist: Pinglist,
  { duty, allowance, explained, observer }: AgainContext,
  signal: AbortSignal,
): Promise<AgainAnswer | undefined> {
  const beganAt = performance.now();
  const tasks = order.targets.map(({ target, ports }) => pinglist.task(target, ports));
  const [permitted, forbidden] = duty.divide(tasks.flatMap((task) => duty.orders(task)));
  const found = new Map<string, ProbeResult>();
  const hear = (result: ProbeResult): void => {
    observer?.probed(result.order.protocol, result.outcome.kind);
    const key = keyOf(result);
    const before = found.get(key);
    found.set(key, before === undefined ? result : joined(before, result));
  };
  for (const each of forbidden) refuse(each, hear);
  const timeoutMs = Math.max(timeoutLimitsMs[0], Math.min(timeoutLimitsMs[1], order.timeoutMs));
  const looks = Math.max(1, Math.min(mostLooks, order.looks));
  await Promise.all(
    Array.from({ length: looks }, async (_, look) => {
      if (look > 0) await sleep(look * spacingMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await lookOnce(permitted, timeoutMs, { duty, allowance }, hear, signal);
    }),
  );
  if (signal.aborted) return undefined;
  const fold = new Fold(duty.sources());
  for (const result of found.values())
    fold.add({ ...result, outcome: asExplained(result, explained, pinglist.size) });
  const tookMs = Math.round((performance.now() - beganAt) * 1_000) / 1_000;
  const { odd } = fold.groups();
  return { type: "again", again: order.again, plan: order.plan, odd, agoMs: tookMs, tookMs };
}

async function lookOnce(
  orders: readonly ProbeOrder[],
  timeoutMs: number,
  { duty, allowance }: Pick<AgainContext, "duty" | "allowance">,
  onResult: (result: ProbeResult) => void,
  signal: AbortSignal,
): Promise<void> {
  const udp = duty.udpSweep();
  try {
    const { context, limits, ...rest } = duty.prober(timeoutMs, udp);
    const gently = {
      ...rest,
      allowance,
      context: { ...context, datagrams: attentiveDatagrams },
      limits: {
        ...limits,
        young: gentleLimits.young,
        ratePerSecond: Math.min(limits.ratePerSecond, gentleLimits.ratePerSecond),
        ratePerNodePerSecond: Math.min(limits.ratePerNodePerSecond, gentleLimits.ratePerNodePerSecond),
      },
    };
    await runPinglist(orders, gently, onResult, signal);
  } finally {
    udp.close();
  }
}

/** An answer is an answer, whichever look got it, and a refusal that is followed by silence was clear enough; else the later one counts. */
function joined(before: ProbeResult, after: ProbeResult): ProbeResult {
  const attempts = Math.min(255, before.outcome.attempts + after.outcome.attempts);
  const rank = ({ outcome: { kind, code } }: ProbeResult): number =>
    kind === "open" ? 3 : code === "STARVED" ? 0 : kind === "silent" ? 1 : 2;
  const counts = rank(before) > rank(after) ? before : after;
  return { ...counts, outcome: { ...counts.outcome, attempts } };
}

/** Whether only the kernel's counters told it so: see looks.ts. */
export function isExplained({ kind, code }: Pick<OddGroup, "kind" | "code">): boolean {
  return code === rejectedNearbyCode || (kind === "local-error" && code === "EPERM");
}

function asExplained(
  { order, port, outcome }: ProbeResult,
  explained: readonly OddGroup[],
  size: number,
): Outcome {
  if (outcome.kind !== "silent" && outcome.kind !== "refused" && outcome.kind !== "unreachable")
    return outcome;
  const group = explained.find(
    ({ targets, ports }) =>
      hasPort(readPorts(ports) ?? [], port) && (readRanges(targets, size)?.includes(order.id) ?? false),
  );
  if (group === undefined) return outcome;
  const { kind, phase, code, detail } = group;
  return {
    ...outcome,
    kind,
    phase,
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  };
}
