/**
 * The coordinator of a watched cluster: registry of agents, watch and journal put together, from the first start
 * through restarts and changes of the cluster file.
 */
import { EventEmitter } from "node:events";
import { isDeepStrictEqual } from "node:util";
import type { Cluster } from "../../shared/cluster-file.ts";
import type { CheckPhase, Skippable } from "../../shared/names.ts";
import type { PublicPlan } from "../../shared/offline.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import type { ReportRequirement } from "../../shared/report.ts";
import { nothingInspected, type Inspected } from "../inspected.ts";
import type { Journal } from "../journal/journal.ts";
import type { Member } from "../membership.ts";
import { publicPlanOf } from "../public-plan.ts";
import { Registry, type RegistryEvents, type ReportMessage } from "../registry.ts";
import type { RunIdentity } from "../run-identity.ts";
import { ClockComparison } from "./clock-comparison.ts";
import { Comings } from "./comings.ts";
import { OutsideWatch, type OutsideConfig } from "./outside/outside-watch.ts";
import { RequirementStates } from "./outside/requirement-states.ts";
import { endpointTransitions, requirementChangeText, requirementContext } from "./outside/told.ts";
import { leftBefore, restoredPlan } from "./restored.ts";
import { Snapshots } from "./snapshots.ts";
import { Watch, type WatchEvents } from "./watch.ts";
import { WatchedPlan, type Fleet } from "./watched-plan.ts";

export interface WatchCoordinatorConfig {
  cluster: Cluster;
  host: string;
  port: number;
  advertise: readonly string[] | undefined;
  identity: RunIdentity;
  journal: Journal;
  phase: CheckPhase;
  /** What is not watched: endpoints, requirements. */
  skip: readonly Skippable[];
  now: () => Date;
  /** Milliseconds of a clock that never jumps. */
  monotonic: () => number;
}

const tickMs = 1_000;
/** Sweeps are folded into spans of that length. */
const tidyMs = 5 * 60_000;
/** Of a fleet that starts, settings come in over a while. */
const requirementsMs = { soonest: 5_000, latest: 60_000 };
export class WatchCoordinator extends EventEmitter<WatchEvents> implements AsyncDisposable {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly #config: WatchCoordinatorConfig;
  #registry!: Registry;
  #watch!: Watch;
  #cluster: Cluster;
  #tick: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  #snapshots!: Snapshots;
  /** What is due when, by the monotonic clock. */
  #tidyAt = Number.NEGATIVE_INFINITY;
  readonly #comings = new Comings();
  #digest = "";
  #notesTold = 0;
  #lastReload: { at: number; ok: boolean; error?: string };
  #outside!: OutsideWatch;
  readonly #requirements = new RequirementStates();
  #areFactsNew = false;
  #requirementsAt = Number.NEGATIVE_INFINITY;
  readonly #clocks: ClockComparison;

  private constructor(config: WatchCoordinatorConfig) {
    super();
    this.#config = config;
    this.#cluster = config.cluster;
    this.startedAt = config.now().getTime();
    this.#lastReload = { at: this.startedAt, ok: true };
    this.#clocks = new ClockComparison({
      wall: () => this.now(),
      monotonic: config.monotonic,
      send: (node, message) => this.#registry.send(node, message),
    });
  }

  /** @throws PortmeshError where the address cannot be listened on, or the journal not written to. */
  static async start(config: WatchCoordinatorConfig): Promise<WatchCoordinator> {
    const coordinator = new WatchCoordinator(config);
    await coordinator.#start();
    return coordinator;
  }

  get watch(): Watch {
    return this.#watch;
  }

  get registry(): Registry {
    return this.#registry;
  }

  get journal(): Journal {
    return this.#config.journal;
  }

  get cluster(): Cluster {
    return this.#cluster;
  }

  get intervalMs(): number {
    return this.#cluster.probing.intervalMs;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#config.now().getTime();
  }

  get lastReload(): { at: number; ok: boolean; error?: string } {
    return this.#lastReload;
  }

  /** How far a node's clock is ahead of this host's; undefined where it was not compared. */
  clockOffsetMs(node: number): number | undefined {
    return this.#clocks.offset(node)?.aheadMs;
  }

  get joinString(): string {
    return this.#registry.joinString;
  }

  get address(): string {
    return this.#registry.address;
  }

  get outside(): OutsideWatch {
    return this.#outside;
  }

  /** Settings of nodes and the like, as they were judged last. */
  get requirements(): readonly ReportRequirement[] {
    return this.#requirements.found;
  }

  /** All that is known beside the paths between nodes. */
  get inspected(): Inspected {
    const { endpoints } = this.#watch.watched;
    return {
      ...nothingInspected,
      endpoint: ({ id }) => endpoints.report(id),
      facts: (node) => this.#outside.facts(node),
      clock: (node) => this.#clocks.offset(node),
      pins: this.#cluster.outside.pins,
    };
  }

  /** The cluster file could not be read: what was in force stays. */
  reloadFailed(error: string): void {
    this.#lastReload = { at: this.now(), ok: false, error };
    const { version } = this.#watch.watched;
    this.#watch.happened("reload-failed", undefined, `plan ${version} stays in force: ${error}`);
  }

  /** Goes by another cluster file from now on; what is known of paths that stay is kept. */
  async reload(cluster: Cluster): Promise<void> {
    const before = this.#watch.watched;
    const now = this.now();
    const shown = publicPlanOf(cluster, this.#config.phase, this.#skip);
    const isSame =
      shown.digest === this.#digest &&
      isDeepStrictEqual(cluster.probing, this.#cluster.probing) &&
      isDeepStrictEqual(cluster.outside, this.#cluster.outside);
    if (isSame) {
      this.#cluster = cluster;
      this.#lastReload = { at: now, ok: true };
      this.#watch.happened(
        "plan",
        undefined,
        `the cluster file was read again; plan ${before.version} stays in force`,
      );
      return;
    }
    const plan = makePlan(cluster, this.#config.phase, this.#skip);
    const draft = new WatchedPlan(plan, before.version + 1, now, this.#fleet);
    const past = draft.historyFrom(before, now);
    const watched = new WatchedPlan(plan, before.version + 1, now, this.#fleet, past);
    await this.#keepPlan(watched, shown, now);
    // From here on nothing can go wrong.
    this.#cluster = cluster;
    this.#digest = shown.digest;
    this.#lastReload = { at: now, ok: true };
    this.#registry.reassign(plan);
    this.#watch.replace(watched, cluster.probing);
    this.#requirements.forget();
    this.#outside.replace(watched, this.#outsideConfig);
    this.#forgetPlaces(before.plan, plan);
    this.#snapshots.awaitFirstLooks(cluster.probing.intervalMs);
    this.#watch.happened("plan", undefined, `plan ${watched.version} is in force`);
  }

  /** Agents go on by themselves and come back to the next coordinator. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#tick);
    this.#closing.abort();
    this.#watch.happened("stopped", undefined, "the coordinator stopped");
    await this.#keepSnapshot();
    this.#watch[Symbol.dispose]();
    await this.#registry[Symbol.asyncDispose]();
  }

  async #start(): Promise<void> {
    const { cluster, journal } = this.#config;
    const now = this.now();
    const shown = publicPlanOf(cluster, this.#config.phase, this.#skip);
    this.#digest = shown.digest;
    const plan = makePlan(cluster, this.#config.phase, this.#skip);
    const left = await leftBefore(journal);
    this.#registry = await Registry.start(
      { ...this.#config, plan, respectServices: true },
      this.#registryEvents(),
    );
    const { membership } = this.#registry;
    const { watched, isKept } = restoredPlan(plan, shown, journal, this.#fleet, now);
    this.#snapshots = new Snapshots(watched, this.#config.monotonic);
    // Agents may join from here on: there is no waiting before all is there that hears them.
    this.#watch = new Watch(cluster.probing, watched, {
      membership,
      journal,
      send: (node, message) => this.#registry.send(node, message),
      broadcast: (message) => this.#registry.broadcast(message),
      dismiss: (node) => this.#registry.dismiss(node),
      now: () => this.now(),
      monotonic: this.#config.monotonic,
      left,
    });
    this.#outside = new OutsideWatch(this.#outsideConfig, watched, {
      membership,
      send: (node, message) => this.#registry.send(node, message),
      now: () => this.now(),
      monotonic: this.#config.monotonic,
    });
    this.#outside.on("facts", () => {
      this.#areFactsNew = true;
    });
    this.#outside.on("transitions", (found) => {
      const at = new Date(this.now());
      const { watched: current } = this.#watch;
      this.#watch.tellTransitions(endpointTransitions(found, current, this.inspected, membership, at));
    });
    for (const name of ["transitions", "happening", "changed", "report", "swept", "committed"] as const)
      this.#watch.on(name, (...what: unknown[]) => this.emit(name, ...(what as never)));
    try {
      if (!isKept) await this.#keepPlan(watched, shown, now);
    } catch (error) {
      await this.#registry[Symbol.asyncDispose]();
      throw error;
    }
    this.#snapshots.awaitFirstLooks(this.intervalMs);
    this.#tick = setInterval(() => this.#onTick(), tickMs);
    this.#watch.happened("started", undefined, `the coordinator started, with plan ${watched.version}`);
  }

  get #fleet(): Fleet {
    return {
      membership: this.#registry.membership,
      wasThere: (name) => this.#config.journal.kept.has(name),
    };
  }

  /** Nodes are numbered anew; some are gone. */
  #forgetPlaces(before: Plan, after: Plan): void {
    const places = new Map(after.nodes.map(({ name, index }) => [name, index]));
    this.#clocks.renumber((node) => places.get(before.nodes[node]!.name));
    this.#comings.forget((name) => !places.has(name));
  }

  get #monotonic(): number {
    return this.#config.monotonic();
  }

  get #skip(): Skippable[] {
    // The links of a product that runs are not filled.
    return [...new Set<Skippable>([...this.#config.skip, "bandwidth"])];
  }

  get #outsideConfig(): OutsideConfig {
    const { outside, probing } = this.#cluster;
    return { intervalMs: probing.outsideMs, timeoutMs: probing.timeoutMs, outside };
  }

  #judgeRequirements(): void {
    this.#areFactsNew = false;
    const { watched } = this.#watch;
    const { membership } = this.#registry;
    const context = requirementContext(watched, this.inspected, membership, new Date(this.now()));
    for (const change of this.#requirements.judge(watched.plan, context))
      this.#watch.happened("requirement", change.after.node, requirementChangeText(change));
  }

  /** What became of a damaged file, at the start or since: its plan may be lost with it. */
  #tellNotes(): void {
    const { notes } = this.#config.journal;
    if (notes.length === this.#notesTold) return;
    for (const note of notes.slice(this.#notesTold)) this.#watch.happened("history-problem", undefined, note);
    this.#notesTold = notes.length;
    const shown = publicPlanOf(this.#cluster, this.#config.phase, this.#skip);
    // Where that fails, the watch has said why.
    void this.#keepPlan(this.#watch.watched, shown, this.now()).catch(() => {});
  }

  #onTick(): void {
    this.#tellNotes();
    this.#watch.tick();
    this.#outside.tick();
    const sinceMs = this.#monotonic - this.#requirementsAt;
    if (sinceMs >= (this.#areFactsNew ? requirementsMs.soonest : requirementsMs.latest)) {
      this.#requirementsAt = this.#monotonic;
      this.#judgeRequirements();
    }
    const there = this.#registry.membership.ready.map(({ node }) => node);
    this.#clocks.tick(there, this.#closing.signal);
    if (this.#monotonic >= this.#tidyAt) {
      this.#tidyAt = this.#monotonic + tidyMs;
      // A journal that has no room is told of by the watch.
      void this.#config.journal.tidy(this.now()).catch(() => {});
    }
    if (this.#snapshots.isDue(this.#watch.watched, this.intervalMs)) void this.#keepSnapshot();
  }

  async #keepPlan(watched: WatchedPlan, plan: PublicPlan, at: number): Promise<void> {
    const snapshot = this.#snapshots.take(watched, at);
    await this.#config.journal.commit({ plan: { version: watched.version, at, plan }, snapshot });
  }

  async #keepSnapshot(): Promise<void> {
    const snapshot = this.#snapshots.take(this.#watch.watched, this.now());
    await this.#config.journal.commit({ snapshot }).catch(() => {});
  }

  #registryEvents(): RegistryEvents {
    const nameOf = ({ node }: Member): string => this.#watch.watched.plan.nodes[node]!.name;
    return {
      joined: (member) => {
        const name = nameOf(member);
        const coming = this.#comings.joined(name, member);
        if (coming !== undefined) this.#watch.happened(coming.kind, name, coming.text);
        this.#watch.joined(member.node);
      },
      listening: (member, isBack) => {
        this.#watch.listening(member.node, isBack);
        this.#outside.listening(member.node, isBack);
      },
      message: (member, message) => this.#hear(member.node, message),
      lost: (member, isClean) => {
        // Who is let go by a coordinator that ends is not lost.
        if (this.#closing.signal.aborted) return;
        const name = nameOf(member);
        this.#comings.lost(name, isClean);
        this.#watch.happened(isClean ? "left" : "lost", name, `${name} ${isClean ? "left" : "was lost"}`);
        this.#watch.lost(member.node, isClean);
        this.#outside.lost(member.node);
      },
      conflict: (node, { host, pid }) => {
        const text = `another agent, on ${host} (pid ${pid}), wanted to join as ${node}`;
        this.#watch.happened("name-conflict", node, text);
      },
      round: () => 0,
    };
  }

  #hear(node: number, message: ReportMessage): string | undefined {
    switch (message.type) {
      case "sweep":
        return this.#watch.sweep(node, message);
      case "gap":
        this.#watch.gap(node, message);
        return undefined;
      case "again":
        return this.#watch.again(node, message);
      case "sightings":
        return this.#watch.sightings(node, message);
      case "doubt":
        this.#watch.doubt(node, message);
        return undefined;
      case "endpoints":
        return this.#outside.endpoints(node, message);
      case "facts":
        this.#outside.told(node, message);
        return undefined;
      case "inspected":
        this.#outside.inspected(node, message.round);
        return undefined;
      case "time":
        this.#clocks.answered(node, message);
        return undefined;
      default:
        return undefined; // of an order that a restart has forgotten
    }
  }
}
