/**
 * Which paths are poor, of those that answer: measured now and then, a part of the pinglist at a time, in what a
 * sweep leaves of its interval. What was not measured again keeps its word.
 */
import { formatPorts, portSetOf } from "../../shared/ports.ts";
import type { PoorTarget } from "../../shared/watch-wire.ts";
import type { Duty } from "../duty.ts";
import type { ProbeResult } from "../prober.ts";
import { AnsweredPorts, measureQuality, type Quality } from "../quality.ts";
import type { Pinglist } from "./pinglist.ts";

/** From the beginning of one round of measurements to the next. */
const everyMs = 5 * 60_000;
/** A shorter rest is not worth the beginning. */
const shortestMs = 200;
/** Targets that are measured after one sweep. */
const targetsAtOnce = 1_000;
const mostSamples = 300;
/** What one frame carries beside all else; the worst first. */
const mostPoor = 8_192;
/** Fewer round trips than this say nothing new. */
const fewestSent = 10;

export class PoorTargets {
  readonly #pinglist: Pinglist;
  #poor = new Map<number, PoorTarget>();
  /** The next target whose turn it is, and when the round began that is under way. */
  #next = 0;
  #beganAt = Number.NEGATIVE_INFINITY;
  #end = 0;
  #answered: AnsweredPorts | undefined;
  #isMeasured = false;

  constructor(pinglist: Pinglist) {
    this.#pinglist = pinglist;
  }

  /** A sweep begins: whose results are wanted? */
  begin(now: number): void {
    const isDue = this.#next > 0 || now - this.#beganAt >= everyMs;
    this.#answered = isDue ? new AnsweredPorts() : undefined;
    this.#end = Math.min(this.#pinglist.size, this.#next + targetsAtOnce);
  }

  add(result: ProbeResult): void {
    const { id, isShut } = result.order;
    if (id >= this.#next && id < this.#end && isShut !== true) this.#answered?.add(result);
  }

  /** What there is to be told with the next sweep: undefined where nothing was measured since. */
  take(): PoorTarget[] | undefined {
    if (!this.#isMeasured) return undefined;
    this.#isMeasured = false;
    return [...this.#poor.values()].toSorted((a, b) => badness(b) - badness(a)).slice(0, mostPoor);
  }

  /** Measures until it is done, or until `untilMs` of the monotonic clock. */
  async measure(duty: Duty, untilMs: number, signal: AbortSignal): Promise<void> {
    const answered = this.#answered;
    const leftMs = untilMs - performance.now();
    if (answered === undefined || leftMs < shortestMs || signal.aborted) return;
    this.#answered = undefined;
    if (this.#next === 0) this.#beganAt = performance.now();
    const { timeoutMs, samples, rttThresholdMs } = this.#pinglist;
    const udp = duty.udpSweep();
    const until = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))]);
    try {
      const plan = { samples: Math.min(mostSamples, samples), rttThresholdMs };
      const measured = await measureQuality(answered.ports, plan, duty.prober(timeoutMs, udp), until);
      if (signal.aborted) return;
      this.#hear(measured, until.aborted);
    } finally {
      udp.close();
    }
    this.#next = this.#end >= this.#pinglist.size ? 0 : this.#end;
    this.#isMeasured = true;
  }

  #hear(measured: readonly Quality[], isCut: boolean): void {
    for (const [target, parts] of Map.groupBy(measured, ({ order }) => order.id)) {
      // A target that time did not suffice for keeps its word.
      if (isCut && parts.some(({ sent }) => sent < fewestSent)) continue;
      const worst = parts.map(poorTargetOf).toSorted((a, b) => badness(b) - badness(a))[0]!;
      if (this.#isPoor(worst)) this.#poor.set(target, worst);
      else this.#poor.delete(target);
    }
  }

  #isPoor({ lost, rttMs, blackHole }: PoorTarget): boolean {
    const { rttThresholdMs = Number.POSITIVE_INFINITY } = this.#pinglist;
    return lost > 0 || blackHole !== undefined || (rttMs ?? 0) > rttThresholdMs;
  }
}

function poorTargetOf({ order, ports, sent, lost, rttMs, blackHole }: Quality): PoorTarget {
  return {
    target: order.id,
    ports: formatPorts(portSetOf(ports)),
    sent,
    lost,
    ...(rttMs === undefined ? {} : { rttMs: Math.round(rttMs * 1_000) / 1_000 }),
    ...(blackHole === undefined ? {} : { blackHole }),
  };
}

/** Black holes before loss, loss before latency. */
function badness({ sent, lost, rttMs = 0, blackHole }: PoorTarget): number {
  return (blackHole === undefined ? 0 : 1e12) + (sent === 0 ? 0 : (lost / sent) * 1e9) + rttMs;
}
