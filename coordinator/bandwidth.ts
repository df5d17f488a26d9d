/**
 * What each pair of nodes carries: a tournament of streams, in which no node is in two pairs at once. Links that
 * pairs share show as low figures; those pairs are measured again when nothing else runs. Nobody is waited for
 * without end.
 */
import type { Probing } from "../shared/cluster-file.ts";
import type { Plan } from "../shared/plan.ts";
import { bandwidthNeeds, type BandwidthNeed } from "../shared/requirements/bandwidth.ts";
import type { BandwidthFigure } from "../shared/requirements/requirement-check.ts";
import type { CoordinatorMessage, StreamedMessage } from "../shared/wire.ts";
import type { Membership } from "./membership.ts";
import type { Observations } from "./observations.ts";
import { StreamWays, type StreamWay } from "./stream-ways.ts";
import { turnsFor } from "./tournament.ts";

export interface BandwidthContext {
  plan: Plan;
  /** Of the round before: they say which ports answer. */
  observations: Observations;
  membership: Pick<Membership, "member">;
  bandwidth: Probing["bandwidth"];
  /** For how long pairs may be measured again. */
  budgetMs: number;
  send: (node: number, message: CoordinatorMessage) => void;
}

export interface BandwidthProgress {
  /** Pairs of nodes, those that are measured again counted again. */
  done: number;
  of: number;
}

type Measured = BandwidthFigure | string;

interface Pending {
  dialler: number;
  settle: (measured: Measured) => void;
}

/** TCP finds its speed in this part of the duration, or in the least at most links. */
const warmUpShare = 0.25;
const leastWarmUpMs = 200;
/** Beyond the stream itself: an agent gives up a connection, and then a result, well before. */
const answerMs = 12_000;
/** A shorter one is over before anything but buffers was measured. */
const leastElapsedMs = 20;
const usedUp =
  "the bytes were used up before anything but buffers was measured: raise probing.bandwidth.megabytes";

export class BandwidthMeasurement {
  readonly #context: BandwidthContext;
  readonly #needs: readonly BandwidthNeed[];
  readonly #ways: StreamWays;
  readonly #figures = new Map<string, Measured>();
  readonly #pending = new Map<number, Pending>();
  /** Agents that left an order unanswered: they are not waited for a second time. */
  readonly #mute = new Set<number>();
  #streams = 0;

  constructor(context: BandwidthContext) {
    this.#context = context;
    this.#needs = bandwidthNeeds(context.plan.requirements);
    this.#ways = new StreamWays(context.plan, context.observations);
  }

  /** The figure, why there is none, or undefined where nobody needs one or it was not come to. */
  figure(from: number, to: number): Measured | undefined {
    return this.#figures.get(keyOf(from, to));
  }

  /** Resolves when all pairs were measured; where the signal ends it, what was known by then stays. */
  async run(signal: AbortSignal, progress: (progress: BandwidthProgress) => void): Promise<void> {
    const needs = new Map(this.#needs.map((need) => [keyOf(need.from, need.to), need]));
    const turns = turnsFor(this.#needs.map(({ from, to }) => [from, to]));
    const count = { done: 0, of: turns.flat().length };
    for (const turn of turns) {
      await Promise.all(
        turn.map(async ([a, b]) => {
          for (const need of [needs.get(keyOf(a, b)), needs.get(keyOf(b, a))])
            if (need !== undefined && !signal.aborted)
              this.#figures.set(keyOf(need.from, need.to), await this.#measure(need, 0, signal));
          count.done++;
          if (!signal.aborted) progress(count);
        }),
      );
    }
    await this.#repeat(signal, count, progress);
  }

  /** What an agent says of one of its streams; of any other it is passed over. */
  streamed(node: number, message: StreamedMessage): void {
    const pending = this.#pending.get(message.stream);
    if (pending?.dialler === node) pending.settle(measuredBy(message));
  }

  /** The agent of a node is gone, and with it what it was streaming. */
  lost(node: number): void {
    for (const { dialler, settle } of this.#pending.values())
      if (dialler === node) settle(`the agent of ${this.#nameOf(node)} went away`);
  }

  /** Alone, what was too low, or not to be trusted, or did not work. */
  async #repeat(
    signal: AbortSignal,
    count: BandwidthProgress,
    progress: (progress: BandwidthProgress) => void,
  ): Promise<void> {
    const doubtful = this.#needs.filter((need) => this.#isDoubtful(need));
    count.of += doubtful.length;
    const startedAt = performance.now();
    for (const need of doubtful) {
      const key = keyOf(need.from, need.to);
      const before = this.#figures.get(key)!;
      const hasTime = performance.now() - startedAt < this.#context.budgetMs && !signal.aborted;
      const again = hasTime ? await this.#measure(need, 1, signal) : "there was no time left";
      this.#figures.set(key, better(before, again));
      count.done++;
      if (!signal.aborted) progress(count);
    }
  }

  #isDoubtful({ from, to, least }: BandwidthNeed): boolean {
    const figure = this.figure(from, to);
    if (figure === undefined) return false;
    // As many bytes again would be used up as fast.
    if (typeof figure === "string") return figure !== usedUp && this.#usableWays(from, to).length > 0;
    return figure.bitsPerSecond < least;
  }

  #usableWays(from: number, to: number): StreamWay[] {
    return this.#ways.between(from, to).filter(({ dialler }) => !this.#mute.has(dialler));
  }

  /** One direction. A second attempt after a failure takes another port, where there is one. */
  async #measure({ from, to }: BandwidthNeed, attempt: number, signal: AbortSignal): Promise<Measured> {
    const { membership } = this.#context;
    for (const node of [from, to])
      if (membership.member(node)?.connected !== true) return `there is no agent on ${this.#nameOf(node)}`;
    const ways = this.#usableWays(from, to);
    const failedBefore = typeof this.figure(from, to) === "string";
    const way = ways[failedBefore ? attempt % ways.length : 0];
    if (way !== undefined) return this.#order(way, signal);
    const pair = `between ${this.#nameOf(from)} and ${this.#nameOf(to)}`;
    const muted = [from, to].find((node) => this.#mute.has(node));
    return muted === undefined
      ? `no TCP port ${pair} answered with proof, so that there is nothing to stream over`
      : `the agent of ${this.#nameOf(muted)} does not answer`;
  }

  #order({ dialler, ...way }: StreamWay, signal: AbortSignal): Promise<Measured> {
    const { durationMs, maxBytes } = this.#context.bandwidth;
    const warmUpMs = Math.max(leastWarmUpMs, warmUpShare * durationMs);
    const stream = ++this.#streams;
    return new Promise((resolve) => {
      const settle = (measured: Measured): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#pending.delete(stream);
        resolve(measured);
      };
      const abort = (): void => settle("the check was interrupted");
      const timer = setTimeout(
        () => {
          this.#mute.add(dialler);
          settle(`the agent of ${this.#nameOf(dialler)} did not answer an order to stream`);
        },
        warmUpMs + durationMs + answerMs,
      );
      this.#pending.set(stream, { dialler, settle });
      signal.addEventListener("abort", abort, { once: true });
      this.#context.send(dialler, { type: "stream", stream, ...way, warmUpMs, durationMs, maxBytes });
    });
  }

  #nameOf(node: number): string {
    return this.#context.plan.nodes[node]!.name;
  }
}

function keyOf(from: number, to: number): string {
  return `${from} ${to}`;
}

function measuredBy({ bytes, elapsedMs, fault, impaired }: StreamedMessage): Measured {
  if (fault !== undefined) return fault;
  if (elapsedMs <= 0) return "the stream was over before its warm-up was";
  // No lower bound either: bursts on the way let so much through at once.
  if (elapsedMs < leastElapsedMs) return usedUp;
  const figure = { bitsPerSecond: (bytes * 8_000) / elapsedMs, bytes, elapsedMs };
  return impaired === undefined ? figure : { ...figure, impaired };
}

/** The higher one counts. What was only measured beside others may be too low because of them. */
function better(before: Measured, again: Measured): Measured {
  if (typeof before === "string") return typeof again === "string" ? before : again;
  if (typeof again === "string")
    return { ...before, impaired: `it could only be measured while other pairs were: ${again}` };
  return again.bitsPerSecond >= before.bitsPerSecond ? again : before;
}
