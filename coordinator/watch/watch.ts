/**
 * Watches a cluster: agents sweep their pinglists by themselves, and what they tell is kept, judged, and put to
 * the far ends where it failed. A path that begins to fail is looked at again at once. Nobody waits for anybody: each
 * node's sweeps are their own business.
 */
import { EventEmitter } from "node:events";
import type { Happening } from "../../shared/api.ts";
import type { PortSet } from "../../shared/ports.ts";
import type { AgainAnswer, GapMessage, SweepMessage } from "../../shared/watch-wire.ts";
import type { CoordinatorMessage, DoubtMessage, SightingsMessage } from "../../shared/wire.ts";
import type { Journal, KeptTransition } from "../journal/journal.ts";
import type { Membership } from "../membership.ts";
import { AgainOrders } from "./again-orders.ts";
import { Briefing, type BriefingConfig } from "./briefing.ts";
import { Freshness } from "./freshness.ts";
import { Keeping, type KeepingEvents } from "./keeping.ts";
import { keptTransitions } from "./kept-transitions.ts";
import { Questions, type Telling } from "./questions.ts";
import { portsOfSuspects } from "./suspects.ts";
import type { WatchedPlan } from "./watched-plan.ts";

export interface WatchDependencies {
  membership: Membership;
  journal: Pick<Journal, "commit" | "kept">;
  send: (node: number, message: CoordinatorMessage) => void;
  /** To everybody who listens. */
  broadcast: (message: CoordinatorMessage) => void;
  /** Lets an agent go that is to come back and say again what was not kept. */
  dismiss: (node: number) => void;
  /** Milliseconds since 1970, and of a clock that never jumps. */
  now: () => number;
  monotonic: () => number;
  /** Nodes whose agents had left in good order when this began. */
  left: ReadonlySet<string>;
}

export interface WatchEvents extends KeepingEvents {
  /** A node told of all its paths; it is judged, or being asked about. */
  swept: [node: number];
  /** Counts or nodes may have changed. */
  changed: [];
}

/** A sweep that began so many intervals ago tells of the past. */
const lateIntervals = 2;
/** A sweep looks twice at what fails. */
const sweepLooks = 2;

export class Watch extends EventEmitter<WatchEvents> implements Disposable {
  #config: BriefingConfig;
  readonly #deps: WatchDependencies;
  #current: WatchedPlan;
  /** Of the nodes of the plan, by name. */
  #places: ReadonlyMap<string, number>;
  /** By name: sweeps that its agent still had when it told last, and since when it stands as it does. */
  readonly #backlogs = new Map<string, number>();
  readonly #standsSince = new Map<string, number>();
  readonly #freshness: Freshness;
  readonly #briefing: Briefing;
  readonly #questions: Questions;
  readonly #againOrders: AgainOrders;
  readonly #keeping: Keeping;

  constructor(config: BriefingConfig, watched: WatchedPlan, deps: WatchDependencies) {
    super();
    this.#config = config;
    this.#deps = deps;
    this.#current = watched;
    this.#places = placesIn(watched);
    this.#freshness = new Freshness(deps.monotonic);
    this.#briefing = new Briefing(config, watched, {
      ...deps,
      wasThere: (name) => deps.journal.kept.has(name),
    });
    this.#questions = new Questions({
      ...deps,
      judge: (telling) => this.#judge(telling),
      askLater: (telling) => this.#askLater(telling),
    });
    this.#againOrders = new AgainOrders(deps);
    this.#keeping = new Keeping({
      ...deps,
      acknowledge: (name, origin, seq) => {
        const node = this.#places.get(name);
        if (node !== undefined) deps.send(node, { type: "ack", origin, seq });
      },
      dismiss: (name) => {
        const node = this.#places.get(name);
        if (node !== undefined) deps.dismiss(node);
      },
      events: this,
    });
  }

  get watched(): WatchedPlan {
    return this.#current;
  }

  /** Why nothing can be kept at the moment. */
  get problem(): string | undefined {
    return this.#keeping.problem;
  }

  /** Sweeps that its agent still had when it told last. */
  backlog(node: number): number | undefined {
    return this.#backlogs.get(this.#nameOf(node));
  }

  /** Since when its agent stands as it does; undefined where it never did otherwise. */
  standsSince(node: number): number | undefined {
    return this.#standsSince.get(this.#nameOf(node));
  }

  lastSweepAt(node: number): number | undefined {
    return this.#freshness.lastAt(this.#nameOf(node));
  }

  /** Whether it was asked to sweep whole ranges, and may be at it still. */
  isOnLongSweep(node: number): boolean {
    return this.#freshness.isLong(this.#nameOf(node));
  }

  /** Whether its agent left in good order. */
  hasLeft(node: number): boolean {
    return this.#briefing.hasLeft(this.#nameOf(node));
  }

  /**
   * Has the next sweep of a node probe ranges to their last port, for so long at most. It is not stale meanwhile.
   * @returns false where its agent is not there.
   */
  sweepWhole(node: number, budgetMs: number): boolean {
    if (!this.#isThere(node)) return false;
    this.#deps.send(node, { type: "full", plan: this.#current.version, budgetMs });
    // The sweep that is under way comes first.
    const { intervalMs, budgetMs: ownMs } = this.#config;
    this.#freshness.allowLong(this.#nameOf(node), budgetMs + ownMs, intervalMs);
    return true;
  }

  /** Another plan from now on; agents that are there get their new pinglists once they listen. */
  replace(watched: WatchedPlan, config: BriefingConfig): void {
    const before = this.#current;
    const wasStale = new Map(
      before.plan.nodes.map(({ name, index }) => [name, before.states.matrix.isStale(index)]),
    );
    const isGone = (name: string): boolean => !this.#places.has(name);
    this.#current = watched;
    this.#places = placesIn(watched);
    this.#config = config;
    for (const known of [this.#backlogs, this.#standsSince])
      for (const name of known.keys()) if (isGone(name)) known.delete(name);
    this.#questions.forget();
    this.#againOrders.forget();
    this.#freshness.forget(isGone);
    this.#keeping.forget(isGone);
    this.#briefing.replace(watched, config, isGone);
    for (const { name, index } of watched.plan.nodes) {
      // What was proved under the plan before is as fresh as it was.
      const isFresh = this.#freshness.isFresh(name, config.intervalMs) ?? wasStale.get(name) !== true;
      watched.states.matrix.setStale(index, !isFresh);
    }
  }

  joined(node: number): void {
    this.#standsSince.set(this.#nameOf(node), this.#deps.now());
    const name = this.#nameOf(node);
    this.#briefing.joined(name);
    this.#keeping.joined(name);
    this.#current.judge.changed(node);
    this.emit("changed");
  }

  /** It holds its ports, or tells anew what it holds. */
  listening(node: number, isBack: boolean): void {
    this.#current.judge.changed(node);
    this.#briefing.listening(node, isBack);
    this.emit("changed");
  }

  lost(node: number, isClean: boolean): void {
    const name = this.#nameOf(node);
    this.#freshness.endLong(name);
    this.#standsSince.set(name, this.#deps.now());
    this.#current.judge.changed(node);
    this.#againOrders.lost(node);
    this.#briefing.lost(name, isClean);
    this.emit("changed");
  }

  /** These return what was wrong with the message, if anything. */
  sweep(node: number, message: SweepMessage): string | undefined {
    const name = this.#nameOf(node);
    if (message.backlog !== undefined) this.#backlogs.set(name, message.backlog);
    if (this.#keeping.isKnown(name, message.origin, message.seq)) return undefined;
    const receivedAt = this.#deps.now();
    // A clock that was wrong when it began may say anything.
    const at = Math.max(0, receivedAt - message.agoMs);
    if (message.plan === this.#current.version) {
      const problem = this.#take(node, message, at);
      if (problem !== undefined) {
        this.emit("report", "refused");
        return problem;
      }
      this.emit("swept", node);
    }
    this.#keeping.sweep(name, message, at, receivedAt);
    return undefined;
  }

  gap(node: number, gap: GapMessage): void {
    const name = this.#nameOf(node);
    if (!this.#keeping.isKnown(name, gap.origin, gap.until)) this.#keeping.gap(name, gap);
  }

  again(node: number, message: AgainAnswer): string | undefined {
    const order = this.#againOrders.find(node, message.again);
    if (order === undefined || message.plan !== this.#current.version) return undefined; // too late
    // What was told before is judged by what was known then.
    this.#questions.settle(node);
    this.#againOrders.take(order);
    const problem = this.#current.source(node).again(order.asked, message.odd);
    if (problem !== undefined) {
      order.done(false);
      return problem;
    }
    const { far, looks, done } = order;
    const at = this.#deps.now() - message.agoMs + tookMsOf(message);
    this.#questions.ask({ node, far, at, looks, done }, this.#current, message.tookMs);
    return undefined;
  }

  /**
   * Has a node look at some ports of another at once, by position in its pinglist.
   * @returns whether it answered; what it found is known then, and judged.
   */
  lookNow(node: number, to: number, asked: ReadonlyMap<number, PortSet>): Promise<boolean> {
    if (!this.#isThere(node)) return Promise.resolve(false);
    const wish = { node, asked, far: [to], looks: 1 };
    return this.#againOrders.want(wish, this.#current.version, this.#config.timeoutMs);
  }

  sightings(node: number, message: SightingsMessage): string | undefined {
    return this.#questions.answered(node, message);
  }

  /** The first look had failures: their far ends are to watch while the second one is under way. */
  doubt(node: number, { nodes }: DoubtMessage): void {
    this.#questions.alert(node, nodes, this.#current, this.#config.timeoutMs);
  }

  /** To be called every second or so. */
  tick(): void {
    this.#questions.expire();
    this.#againOrders.expire(this.#config.timeoutMs);
    const { matrix } = this.#current.states;
    for (const { index, name } of this.#current.plan.nodes) {
      const isFresh = this.#freshness.isFresh(name, this.#config.intervalMs) ?? true;
      if (isFresh || matrix.isStale(index) || this.#freshness.isLong(name)) continue;
      matrix.setStale(index, true);
      if (this.#deps.membership.member(index)?.connected === true)
        this.#standsSince.set(name, this.#deps.now());
      const silentMs = this.#freshness.silentMs(name)!;
      this.happened("stale", name, `${name} has told nothing for ${Math.round(silentMs / 1_000)} s`);
    }
    this.#keeping.tick();
  }

  /** Keeps and tells that something happened to the cluster beside its paths. */
  happened(kind: Happening, node: string | undefined, text: string): void {
    this.#keeping.happened(kind, node, text);
    this.emit("changed");
  }

  /** Keeps and tells what changed outside of the cluster, which others have judged. */
  tellTransitions(transitions: readonly KeptTransition[]): void {
    void this.#keeping.transitions(transitions);
    this.emit("changed");
  }

  [Symbol.dispose](): void {
    this.#questions[Symbol.dispose]();
    this.#againOrders.forget();
    this.#briefing[Symbol.dispose]();
  }

  #take(node: number, message: SweepMessage, beganAt: number): string | undefined {
    this.#questions.settle(node);
    const source = this.#current.source(node);
    const at = beganAt + tookMsOf(message);
    const problem = source.sweep(message, at, this.#config.budgetMs);
    if (problem !== undefined) return problem;
    const name = this.#nameOf(node);
    if (source.cut.size === 0) this.#freshness.endLong(name);
    const agoMs = message.agoMs - tookMsOf(message);
    const isFresh = this.#freshness.swept(name, at, agoMs, this.#config.intervalMs);
    const { matrix } = this.#current.states;
    if (matrix.isStale(node) && isFresh) {
      matrix.setStale(node, false);
      this.#standsSince.set(name, this.#deps.now());
      this.happened("fresh", name, `${name} tells of its paths again`);
    }
    const far = this.#current.unsettled(node, at);
    const telling = { node, far, at, looks: sweepLooks, done: () => {} };
    if (this.#isLate(at)) {
      // Far ends do not remember for so long.
      source.forgetSightings(far);
      this.#judge(telling);
      this.#askLater(telling);
    } else this.#questions.ask(telling, this.#current, message.tookMs);
    this.emit("changed");
    return undefined;
  }

  /** Judged without what far ends know: the next sweep asks. */
  #askLater({ node, far }: Telling): void {
    const source = this.#current.source(node);
    this.#current.unsettle(
      node,
      far.filter((to) => source.hasFailures(to)),
    );
  }

  #judge({ node, far, at, looks }: Telling): void {
    const found = this.#current.judgePairs(node, far, at, looks);
    const isLate = this.#isLate(at);
    if (found.length > 0) void this.#keeping.transitions(keptTransitions(found, this.#current, at, isLate));
    if (!isLate) this.#lookAgain(node, far);
    this.emit("changed");
  }

  /** What is suspected is looked at again at once, so often that it can be told. */
  #lookAgain(node: number, far: readonly number[]): void {
    if (this.#againOrders.isUnderWay(node) || !this.#isThere(node)) return;
    const { rows, looks } = this.#current.suspected(node, far);
    const { plan, version } = this.#current;
    const { asked, far: places } = portsOfSuspects(this.#current.source(node), rows, plan);
    if (asked.size === 0) return;
    this.#againOrders.suspect({ node, asked, far: places, looks }, version, this.#config.timeoutMs);
  }

  #isLate(at: number): boolean {
    return this.#deps.now() - at > lateIntervals * this.#config.intervalMs + this.#config.budgetMs;
  }

  #isThere(node: number): boolean {
    return this.#deps.membership.member(node)?.connected === true;
  }

  #nameOf(node: number): string {
    return this.#current.plan.nodes[node]!.name;
  }
}

function placesIn({ plan }: WatchedPlan): ReadonlyMap<string, number> {
  return new Map(plan.nodes.map(({ name, index }) => [name, index]));
}

/** It began at least as long ago as it took, whatever is said. */
function tookMsOf({ agoMs, tookMs }: Pick<SweepMessage, "agoMs" | "tookMs">): number {
  return Math.min(agoMs, tookMs);
}
