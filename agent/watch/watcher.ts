/**
 * What an agent does while its cluster is watched: it sweeps its pinglist every interval, with a coordinator and
 * without, keeps what it found until that is acknowledged, and looks again at what the coordinator asks for.
 * Loaded with the first pinglist.
 */
import { formatDuration } from "../../shared/duration.ts";
import { describeError, PortmeshError } from "../../shared/errors.ts";
import type { AgentMessage } from "../../shared/wire.ts";
import type { OddGroup, WatchOrder } from "../../shared/watch-wire.ts";
import type { Duty } from "../duty.ts";
import { bucketOf } from "../lanes.ts";
import type { Link } from "../link.ts";
import type { AgentState, Observer } from "../observer.ts";
import type { SelfWatch } from "../self-watch.ts";
import type { TokenBucket } from "../token-bucket.ts";
import { isExplained, lookAgain, type AgainOrder } from "./again.ts";
import { Backlog } from "./backlog.ts";
import { deliver } from "./delivery.ts";
import { Pinglist } from "./pinglist.ts";
import { PoorTargets } from "./poor.ts";
import { firstDelayMs, pauseMs } from "./schedule.ts";
import { sweep } from "./sweep.ts";

export interface WatcherConfig {
  node: string;
  /** Whatever is under way, no more than this is sent. */
  probesPerSecond: number;
  /** Where what is not delivered is kept; without one in memory only. */
  folder: string | undefined;
}

export interface WatcherDependencies {
  tell: (line: string) => void;
  random: () => number;
  self: SelfWatch;
  observer: Observer | undefined;
  /** Services may have come to the ports of this node, or left them. */
  beforeSweep: () => Promise<void>;
}

/** What this agent is asked to look at again at once; more wait, and of those only so many. */
const againsAtOnce = 4;
const mostAgainsWaiting = 64;
const mostRefusalsTold = 10;
/** For how long one sweep may probe ranges, whatever the coordinator says. */
const mostFullBudgetMs = 2 * 60 * 60_000;

/** What is swept, until `over`. */
interface CurrentList {
  pinglist: Pinglist;
  poor: PoorTargets;
  over: AbortController;
}

export type SweepOrder = Exclude<WatchOrder, { type: "assign" }>;

export class Watcher implements AsyncDisposable {
  readonly #config: WatcherConfig;
  readonly #deps: WatcherDependencies;
  readonly #backlog: Backlog;
  readonly #allowance: TokenBucket;
  #duty: Duty;
  #introduction: string;
  #link: { link: Pick<Link, "send">; over: AbortController } | undefined;
  #list: CurrentList | undefined;
  /** By the monotonic clock. */
  #nextAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #explained: readonly OddGroup[] = [];
  #isBehind = false;
  /** Of the next sweep, where it is to have all ports of ranges. */
  #fullBudgetMs: number | undefined;
  readonly #agains: (() => Promise<void>)[] = [];
  #againsUnderWay = 0;
  #refusals = 0;
  #isOver = false;

  constructor(duty: Duty, config: WatcherConfig, deps: WatcherDependencies) {
    this.#duty = duty;
    this.#introduction = duty.introduction;
    this.#config = config;
    this.#deps = deps;
    this.#allowance = bucketOf(config.probesPerSecond, performance.now());
    this.#backlog = new Backlog({ folder: config.folder, tell: deps.tell });
  }

  /** A new link has a duty of its own, or the plan has changed that of this one. Where nodes are others now, sweeps rest until their pinglist comes. */
  introduce(duty: Duty): void {
    this.#duty = duty;
    if (duty.introduction === this.#introduction) return;
    this.#introduction = duty.introduction;
    this.#list?.over.abort();
    this.#list = undefined;
  }

  /** What is not acknowledged goes over this link from now on. */
  attach(link: Pick<Link, "send">): void {
    this.detach();
    const over = new AbortController();
    this.#link = { link, over };
    void deliver(this.#backlog, link, over.signal);
  }

  detach(): void {
    this.#link?.over.abort();
    this.#link = undefined;
  }

  get backlog(): AgentState["backlog"] {
    const { size, bytes, dropped } = this.#backlog;
    return { sweeps: size, bytes, dropped };
  }

  /** What makes no sense is not done, and told a few times. */
  order(order: SweepOrder): void {
    try {
      this.#obey(order);
    } catch (error) {
      if (!(error instanceof PortmeshError)) throw error;
      if (this.#refusals++ < mostRefusalsTold) this.#deps.tell(describeError(error));
    }
  }

  #obey(order: SweepOrder): void {
    switch (order.type) {
      case "pinglist":
        // A coordinator says it again to an agent that comes back; a sweep under way goes on.
        if (this.#list?.pinglist.renew(order) !== true) this.#take(new Pinglist(order));
        break;
      case "serving":
        this.#listOf(order.plan)?.serve(order.targets);
        break;
      case "absent": {
        const pinglist = this.#listOf(order.plan);
        if (pinglist !== undefined) pinglist.absent = new Set(order.nodes);
        break;
      }
      case "ack":
        this.#backlog.ack(order.origin, order.seq);
        break;
      case "full":
        if (this.#listOf(order.plan) !== undefined)
          this.#fullBudgetMs = Math.min(mostFullBudgetMs, Math.max(0, order.budgetMs));
        break;
      case "again":
        this.#lookAgain(order);
        break;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.detach();
    this.#list?.over.abort();
    await this.#sweeping;
    this.#backlog[Symbol.dispose]();
  }

  #listOf(plan: number): Pinglist | undefined {
    return this.#list?.pinglist.plan === plan ? this.#list.pinglist : undefined;
  }

  /** Where a sweep is under way, it is of a plan that is no more. The next one keeps its time. */
  #take(pinglist: Pinglist): void {
    this.#list?.over.abort();
    this.#fullBudgetMs = undefined;
    this.#list = { pinglist, poor: new PoorTargets(pinglist), over: new AbortController() };
    this.#explained = [];
    const now = performance.now();
    this.#nextAt ??= now + firstDelayMs(this.#config.node, pinglist.intervalMs);
    this.#nextAt = Math.min(this.#nextAt, now + pinglist.intervalMs);
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#isOver || this.#nextAt === undefined || this.#sweeping !== undefined) return;
    this.#timer = setTimeout(() => this.#begin(), Math.max(0, this.#nextAt - performance.now()));
  }

  #begin(): void {
    if (this.#list === undefined || this.#sweeping !== undefined) return;
    this.#sweeping = this.#sweep(this.#list)
      .catch((error: unknown) => {
        this.#deps.tell(`a sweep failed: ${describeError(error)}`);
      })
      .finally(() => {
        this.#sweeping = undefined;
        this.#arm();
      });
  }

  async #sweep({ pinglist, poor, over }: CurrentList): Promise<void> {
    const beganAt = performance.now();
    const wall = Date.now();
    const dueAt = beganAt + pauseMs(pinglist.intervalMs, this.#deps.random());
    this.#nextAt = dueAt;
    await this.#deps.beforeSweep();
    const round = this.#backlog.nextSeq;
    const duty = this.#duty;
    const doubt = (nodes: number[]): void => this.#send({ type: "doubt", round, nodes });
    const budgetMs = Math.max(pinglist.budgetMs, this.#fullBudgetMs ?? 0);
    this.#fullBudgetMs = undefined;
    const { observer } = this.#deps;
    const context = { duty, allowance: this.#allowance, poor, doubt, budgetMs, observer };
    const found = await sweep(pinglist, context, over.signal);
    if (found === undefined) return;
    this.#explained = found.odd.filter(isExplained);
    const endedAt = performance.now();
    const stalledMs = Math.round(this.#deps.self.stalled(beganAt, endedAt).totalMs);
    this.#backlog.add({ ...found, stalledMs }, beganAt, wall);
    observer?.swept(endedAt - beganAt, stalledMs);
    this.#tellPace(endedAt - beganAt, pinglist.intervalMs);
    await poor.measure(duty, dueAt, over.signal);
  }

  /** Once when it falls behind, and once when it has caught up. */
  #tellPace(tookMs: number, intervalMs: number): void {
    const isBehind = tookMs > intervalMs;
    if (isBehind !== this.#isBehind)
      this.#deps.tell(
        isBehind
          ? `a sweep took ${formatDuration(tookMs)}, longer than the interval of ${formatDuration(intervalMs)}: sweeps follow each other at once`
          : `sweeps are within the interval of ${formatDuration(intervalMs)} again`,
      );
    this.#isBehind = isBehind;
  }

  #send(message: AgentMessage): void {
    void this.#link?.link.send(message);
  }

  /** @throws PortmeshError where it names what is not in the pinglist. */
  #lookAgain(order: AgainOrder): void {
    const list = this.#list;
    const attached = this.#link;
    if (list?.pinglist.plan !== order.plan || attached === undefined) return;
    for (const { target, ports } of order.targets) list.pinglist.task(target, ports);
    if (this.#agains.length >= mostAgainsWaiting) return;
    const signal = AbortSignal.any([list.over.signal, attached.over.signal]);
    this.#agains.push(async () => {
      const { observer } = this.#deps;
      const context = { duty: this.#duty, allowance: this.#allowance, explained: this.#explained, observer };
      const answer = await lookAgain(order, list.pinglist, context, signal);
      if (answer !== undefined) await attached.link.send(answer);
    });
    this.#nextAgain();
  }

  #nextAgain(): void {
    const next = this.#againsUnderWay < againsAtOnce ? this.#agains.shift() : undefined;
    if (next === undefined) return;
    this.#againsUnderWay++;
    void next()
      .catch((error: unknown) => this.#deps.tell(`looking again failed: ${describeError(error)}`))
      .finally(() => {
        this.#againsUnderWay--;
        this.#nextAgain();
      });
  }
}
