/** What far ends are asked: what they saw of failures that were told, and to look out while a second look is under way. */
import type { Target } from "../../shared/plan.ts";
import type { CoordinatorMessage, SightingsMessage } from "../../shared/wire.ts";
import { Inquiry } from "../inquiry.ts";
import type { Membership } from "../membership.ts";
import type { WatchedPlan } from "./watched-plan.ts";

/** Far ends that are asked about the failures of one sweep. Where more failed, that they were silent says enough of the others. */
const maxQuestioned = 64;
/** A second look may begin a little after it was announced. */
const watchMarginMs = 1_000;
/** So long nobody else gets a turn. */
const momentMs = 50;

/** What a near end told. */
export interface Telling {
  node: number;
  /** Far nodes of which there is something to judge. */
  far: readonly number[];
  /** When the looks ended, in milliseconds since 1970. */
  at: number;
  /** How often it has looked. */
  looks: number;
  /** Called when it is judged, or never will be. */
  done: (isJudged: boolean) => void;
}

interface Pending {
  telling: Telling;
  inquiry: Inquiry;
  /** Numbers of the questions. */
  questions: readonly number[];
}

export interface QuestionsDependencies {
  membership: Membership;
  send: (node: number, message: CoordinatorMessage) => void;
  /** Called when everybody has answered, or has had the time to. */
  judge: (telling: Telling) => void;
  /** Called when that was judged without what some far end knows. */
  askLater: (telling: Telling) => void;
  monotonic: () => number;
}

export class Questions implements Disposable {
  readonly #deps: QuestionsDependencies;
  /** By near end. */
  readonly #pending = new Map<number, Pending>();
  /** By question: the near end whose failures it is about. */
  readonly #askedFor = new Map<number, number>();
  /** By node: until when it looks out for half-open connections. */
  readonly #watchedUntil = new Map<number, number>();
  #count = 0;
  #expiring: NodeJS.Immediate | undefined;

  constructor(deps: QuestionsDependencies) {
    this.#deps = deps;
  }

  /** Nobody waits any more for what was asked. */
  forget(): void {
    for (const { telling } of this.#pending.values()) telling.done(false);
    this.#pending.clear();
    this.#askedFor.clear();
    this.#watchedUntil.clear();
  }

  [Symbol.dispose](): void {
    this.forget();
    clearImmediate(this.#expiring);
  }

  /** Puts failures to the far ends; `withinMs` is for how long the near end has been probing. */
  ask(telling: Telling, watched: WatchedPlan, withinMs: number): void {
    const { node, far } = telling;
    const source = watched.source(node);
    source.forgetSightings(far);
    const failing = far.filter((to) => source.hasFailures(to));
    const targets = spread(failing, maxQuestioned).flatMap((to) => openTargets(watched, node, to));
    const questions: number[] = [];
    const inquiry = new Inquiry(
      new Map([[node, targets]]),
      source,
      (to, message) => {
        const isThere = this.#deps.membership.member(to)?.connected === true;
        if (isThere) this.#deps.send(to, message);
        return isThere;
      },
      () => {
        questions.push(++this.#count);
        return this.#count;
      },
    );
    inquiry.open(node, withinMs, this.#deps.monotonic());
    const pending = { telling, inquiry, questions };
    if (!inquiry.isOpen) return this.#settle(pending);
    this.#pending.set(node, pending);
    for (const question of questions) this.#askedFor.set(question, node);
  }

  /** Whoever has not answered by now what this near end told is not waited for. */
  settle(node: number): void {
    const pending = this.#pending.get(node);
    if (pending !== undefined) this.#settle(pending);
  }

  /** Returns what was wrong with the message, if anything. */
  answered(node: number, message: SightingsMessage): string | undefined {
    const from = this.#askedFor.get(message.look);
    const pending = from === undefined ? undefined : this.#pending.get(from);
    if (pending === undefined) return undefined; // too late
    const problem = pending.inquiry.answered(node, message);
    if (problem === undefined && !pending.inquiry.isOpen) this.#settle(pending);
    return problem;
  }

  /** The first look of a node failed towards these: they are to watch while the second one is under way. */
  alert(node: number, far: Iterable<number>, { plan }: WatchedPlan, timeoutMs: number): void {
    const forMs = timeoutMs + watchMarginMs;
    const now = this.#deps.monotonic();
    for (const each of new Set(far)) {
      const isPeer = plan.nodes[each] !== undefined && plan.pairs.rows(node, each).targets.length > 0;
      // Where a whole zone is cut off, everybody names everybody.
      if (!isPeer || (this.#watchedUntil.get(each) ?? 0) >= now + forMs) continue;
      this.#watchedUntil.set(each, now + forMs + watchMarginMs);
      this.#deps.send(each, { type: "watch", forMs: forMs + watchMarginMs });
    }
  }

  /** Those of far ends that never answered. What is more than a moment's work is gone on with when others had their turn. */
  expire(): void {
    const startedAt = this.#deps.monotonic();
    for (const pending of this.#pending.values()) {
      pending.inquiry.expire(startedAt);
      if (pending.inquiry.isOpen) continue;
      this.#settle(pending);
      if (this.#deps.monotonic() - startedAt < momentMs) continue;
      this.#expiring ??= setImmediate(() => {
        this.#expiring = undefined;
        this.expire();
      });
      return;
    }
  }

  #settle({ telling, inquiry, questions }: Pending): void {
    this.#pending.delete(telling.node);
    for (const question of questions) this.#askedFor.delete(question);
    this.#deps.judge(telling);
    if (inquiry.isOpen) this.#deps.askLater(telling);
    telling.done(true);
  }
}

/** Targets of which some row wants a port open: what must be shut and is needs no questions. */
function openTargets({ plan: { pairs } }: WatchedPlan, from: number, to: number): Target[] {
  const rows = pairs.rows(from, to);
  const open = new Set(rows.paths.flatMap((row) => (row.open ? row.targets : [])));
  return Array.from(open, (position) => pairs.target(pairs.firstTarget(from, to) + position)!);
}

/** So many of them, from the first to the last. */
function spread<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]!);
}
