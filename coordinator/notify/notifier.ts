/**
 * Tells webhooks what changes. What is told is kept count of in the data folder: what happened since, while nobody
 * was there to tell it, is read from the history and told late. So a message may come twice, and none is passed over.
 */
import { EventEmitter } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describeError } from "../../shared/errors.ts";
import { readKept, writeDurably } from "../durable-file.ts";
import type { KeptHappening, KeptTransition } from "../journal/journal.ts";
import type { ClusterView } from "../watch/cluster-view.ts";
import { patternsOf } from "../watch/patterns.ts";
import type { WatchEvents } from "../watch/watch.ts";
import type { WatchCoordinator } from "../watch/watch-coordinator.ts";
import { composeNotification, type Standing } from "./compose.ts";
import {
  HookSender,
  usualRetry,
  type Hook,
  type HookDependencies,
  type NotificationOutcome,
  type Retry,
} from "./hook.ts";
import { PathNewsReader, pathsOf } from "./news.ts";
import { post } from "./post.ts";

export interface NotifierConfig {
  hooks: readonly Hook[];
  /** Where is kept what was told. */
  folder: string;
  retry?: Retry;
  random?: () => number;
}

interface Cursor {
  transition: number;
  happening: number;
}

interface KeptCursors {
  apiVersion: "portmesh/v1";
  kind: "NotifierState";
  hooks: Record<string, Cursor>;
}

const cursorsFile = "notifier.json";
/** What was told is written down so often. */
const keepMs = 2_000;
/** Of the time when nobody was there: more is counted as if it had not been. */
const mostCaughtUp = 200_000;
const pageSize = 1_000;
/** Failing paths among which a webhook's are looked for. */
const mostFailing = 100_000;

export class Notifier
  extends EventEmitter<{ outcome: [outcome: NotificationOutcome] }>
  implements AsyncDisposable
{
  readonly #config: NotifierConfig;
  readonly #coordinator: WatchCoordinator;
  readonly #view: ClusterView;
  readonly #senders = new Map<string, HookSender>();
  readonly #reader = new PathNewsReader();
  readonly #timer: NodeJS.Timeout;
  readonly #left = new Set<string>();
  #mark: Cursor | undefined;
  #isMoving = true;
  #keeping: Promise<void> | undefined;
  #problem: string | undefined;

  /** Resolves when what was missed is about to be told. */
  static async start(
    config: NotifierConfig,
    coordinator: WatchCoordinator,
    view: ClusterView,
  ): Promise<Notifier> {
    const notifier = new Notifier(config, coordinator, view);
    await notifier.#begin();
    return notifier;
  }

  private constructor(config: NotifierConfig, coordinator: WatchCoordinator, view: ClusterView) {
    super();
    this.#config = config;
    this.#coordinator = coordinator;
    this.#view = view;
    this.#timer = setInterval(() => void this.#keep(), keepMs);
    coordinator.on("transitions", this.#onTransitions).on("happening", this.#onHappening);
  }

  /** Messages that wait for their time or for their receivers. */
  get pending(): number {
    return this.#senders.values().reduce((sum, { pending }) => sum + pending, 0);
  }

  /** Goes by another cluster file from now on; what a webhook waits to be told is told. */
  async reload(hooks: readonly Hook[]): Promise<void> {
    const wanted = new Set(hooks.map(({ name }) => name));
    for (const [name, sender] of this.#senders) {
      if (wanted.has(name)) continue;
      this.#senders.delete(name);
      await sender[Symbol.asyncDispose]();
    }
    // A history that cannot be read now is no reason to tell nobody.
    const newest = await this.#newest().catch(() => this.#mark ?? { transition: 0, happening: 0 });
    for (const hook of hooks) {
      const known = this.#senders.get(hook.name);
      if (known === undefined) this.#add(hook, newest);
      else known.configure(hook);
    }
    this.#isMoving = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#keep();
    // Behind it everything that is in the history has been told.
    await this.#coordinator.journal.commit({}).catch(() => {});
    await setImmediate();
    await this.#keep();
    this.#coordinator.off("transitions", this.#onTransitions).off("happening", this.#onHappening);
    await Promise.all(Array.from(this.#senders.values(), (sender) => sender[Symbol.asyncDispose]()));
  }

  async #begin(): Promise<void> {
    const { hooks, folder } = this.#config;
    const kept = readKept<KeptCursors>(join(folder, cursorsFile), "NotifierState")?.hooks ?? {};
    const newest = await this.#newest();
    for (const hook of hooks) {
      // Who was never told anything is told from now on; and a history that was restored may be behind.
      const cursor = kept[hook.name] ?? newest;
      this.#add(hook, {
        transition: Math.min(cursor.transition, newest.transition),
        happening: Math.min(cursor.happening, newest.happening),
      });
    }
    await this.#catchUp(newest);
  }

  #add(hook: Hook, cursor: Cursor): void {
    const coordinator = this.#coordinator;
    const deps: HookDependencies = {
      send: post,
      compose: (head, digest) =>
        composeNotification({ ...head, at: coordinator.now() }, digest, this.#standing()),
      anyFails: (to) => this.#anyFails(to),
      outcome: (outcome, name, why) => this.#outcome(outcome, name, why),
      now: () => coordinator.now(),
      monotonic: () => performance.now(),
      random: this.#config.random ?? Math.random,
      retry: this.#config.retry ?? usualRetry,
    };
    this.#senders.set(hook.name, new HookSender(hook, cursor, deps));
  }

  /** What was kept and not told, by the coordinator before. */
  async #catchUp(until: Cursor): Promise<void> {
    const { journal } = this.#coordinator;
    const senders = [...this.#senders.values()];
    const from = (end: keyof Cursor): number =>
      senders.reduce((least, { cursor }) => Math.min(least, cursor[end]), until[end]);
    const page = { order: "oldest", limit: pageSize } as const;
    let told = 0;
    for (let after = from("transition"); after < until.transition && told < mostCaughtUp;) {
      const found = await journal.transitions({ ...page, after });
      if (found.length === 0) break;
      for (const { id, transition } of found)
        if (id <= until.transition)
          this.#tell(
            transition,
            senders.filter(({ cursor }) => cursor.transition < id),
          );
      after = found.at(-1)!.id;
      told += found.length;
    }
    for (let after = from("happening"); after < until.happening && told < mostCaughtUp;) {
      const found = await journal.happenings({ ...page, after });
      if (found.length === 0) break;
      for (const { id, happening } of found)
        if (id <= until.happening)
          this.#tellHappening(
            happening,
            senders.filter(({ cursor }) => cursor.happening < id),
          );
      after = found.at(-1)!.id;
      told += found.length;
    }
  }

  readonly #onTransitions = (transitions: readonly KeptTransition[]): void => {
    this.#isMoving = true;
    for (const transition of transitions) this.#tell(transition, this.#senders.values());
  };

  readonly #onHappening: (...happening: WatchEvents["happening"]) => void = (kind, node, text, at) => {
    this.#isMoving = true;
    this.#tellHappening({ kind, node, text, at }, this.#senders.values());
  };

  #tell(transition: KeptTransition, senders: Iterable<HookSender>): void {
    for (const path of pathsOf(transition)) {
      const kind = this.#reader.read(path);
      if (kind === undefined) continue;
      for (const sender of senders) sender.transition(kind, path);
    }
  }

  #tellHappening(happening: KeptHappening, senders: Iterable<HookSender>): void {
    const { kind, node } = happening;
    if (node !== undefined) {
      if (kind === "left") this.#left.add(node);
      else if (kind !== "stale") this.#left.delete(node);
      // Who said goodbye owes nothing.
      else if (this.#left.has(node)) return;
    }
    for (const sender of senders) sender.happening(happening);
  }

  #outcome(outcome: NotificationOutcome, hook: string, why: string): void {
    this.emit("outcome", outcome);
    if (outcome === "lost")
      this.#coordinator.watch.happened("notification-lost", undefined, `${hook} was not told: ${why}`);
  }

  #standing(): Standing {
    const { plan, matrix } = this.#view;
    const findings = patternsOf(matrix, (node) => this.#view.agentState(node));
    return { plan, paths: this.#view.counts(), endpoints: this.#view.endpointCounts(), findings };
  }

  #anyFails({ specs, flows, nodes }: Hook): boolean {
    const isWanted = (spec: string, flow: string, ends: readonly string[]): boolean =>
      specs?.includes(spec) !== false &&
      flows?.includes(flow) !== false &&
      (nodes === undefined || ends.some((end) => nodes.includes(end)));
    const view = this.#view;
    return (
      view
        .failing(mostFailing)
        .items.some(({ place: { row }, from, to }) => isWanted(row.spec, row.flow, [from, to])) ||
      view
        .failingEndpoints(mostFailing)
        .some(({ endpoint: { spec, row, from } }) => isWanted(spec, row, [view.plan.nodes[from]!.name]))
    );
  }

  async #newest(): Promise<Cursor> {
    const { journal } = this.#coordinator;
    const page = { order: "newest", limit: 1 } as const;
    const [transition] = await journal.transitions(page);
    const [happening] = await journal.happenings(page);
    return { transition: transition?.id ?? 0, happening: happening?.id ?? 0 };
  }

  /**
   * What was in the history when this was called last has been said by now: whoever has nothing to tell was told all
   * of it.
   */
  #keep(): Promise<void> {
    this.#keeping ??= this.#keepCursors()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => (this.#keeping = undefined));
    return this.#keeping;
  }

  async #keepCursors(): Promise<void> {
    if (!this.#isMoving || this.#senders.size === 0) return;
    this.#isMoving = false;
    const before = this.#mark;
    const newest = await this.#newest();
    this.#mark = newest;
    let isChanged = false;
    for (const sender of this.#senders.values()) {
      const isBehind =
        sender.cursor.transition < newest.transition || sender.cursor.happening < newest.happening;
      if (isBehind) this.#isMoving = true;
      if (before === undefined || sender.pending > 0 || !isBehind) continue;
      sender.cursor = before;
      isChanged = true;
    }
    if (isChanged) this.#write();
  }

  #write(): void {
    const hooks = Object.fromEntries(Array.from(this.#senders, ([name, { cursor }]) => [name, cursor]));
    const kept: KeptCursors = { apiVersion: "portmesh/v1", kind: "NotifierState", hooks };
    writeDurably(join(this.#config.folder, cursorsFile), `${JSON.stringify(kept)}\n`);
    this.#problem = undefined;
  }

  /** Said once: everything is told still, and what is told now is told again after the next start. */
  #fail(error: unknown): void {
    this.#isMoving = true;
    const problem = describeError(error);
    if (this.#problem !== undefined) return;
    this.#problem = problem;
    this.#coordinator.watch.happened("history-problem", undefined, problem);
  }
}
