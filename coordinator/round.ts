/**
 * One round: every ready node runs its pinglist, its failures are put to the far ends as soon as it is done, and
 * when all are done the paths that work are measured. Nobody is waited for without end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { localhostOf } from "../shared/addresses.ts";
import type { Plan, Target } from "../shared/plan.ts";
import type {
  CoordinatorMessage,
  DoneMessage,
  DoubtMessage,
  QualityMessage,
  ResultsMessage,
  SightingsMessage,
} from "../shared/wire.ts";
import { Inquiry } from "./inquiry.ts";
import type { Membership } from "./membership.ts";
import { Observations } from "./observations.ts";
import type { ServicePorts } from "./service-ports.ts";
import { wireTarget, wireThresholds } from "./wire-plan.ts";

export interface RoundContext {
  plan: Plan;
  /** `budgetMs`: for how long ranges may be swept, and for how long paths may be measured afterwards. */
  probing: { timeoutMs: number; budgetMs: number };
  membership: Membership;
  services: ServicePorts;
  send: (node: number, message: CoordinatorMessage) => void;
}

/** No round takes this long; an agent whose link lives and that still owes results then has a defect. */
const roundLimitMs = 30 * 60_000;
const pollMs = 100;
/** What an agent has begun to measure when its time is up comes to an end within this. */
const measureMarginMs = 15_000;
/** A second look may begin a little after it was announced. */
const watchMarginMs = 1_000;

export class Round {
  readonly number: number;
  readonly observations: Observations;
  readonly #context: RoundContext;
  readonly #targetsBySource: ReadonlyMap<number, readonly Target[]>;
  readonly #inquiry: Inquiry;
  /** Nodes that still owe results, and since when. */
  readonly #owing = new Map<number, number>();
  /** Nodes that measure their paths. */
  readonly #measuring = new Set<number>();

  constructor(number: number, context: RoundContext) {
    this.number = number;
    this.#context = context;
    this.#targetsBySource = Map.groupBy(context.plan.targets, ({ from }) => from);
    this.observations = new Observations(context.plan);
    let looks = 0;
    this.#inquiry = new Inquiry(
      this.#targetsBySource,
      this.observations,
      (node, message) => {
        const isThere = context.membership.member(node)?.connected === true;
        if (isThere) context.send(node, message);
        return isThere;
      },
      () => ++looks,
    );
  }

  /** Resolves when all have reported, or the signal ends it; a node that leaves for good is not waited for. */
  async run(signal: AbortSignal): Promise<void> {
    const { membership } = this.#context;
    for (const { node } of membership.ready) this.#order(node);
    while ((this.#owing.size > 0 || this.#inquiry.isOpen) && !signal.aborted) {
      await sleep(pollMs, undefined, { signal }).catch(() => {});
      const now = performance.now();
      this.#inquiry.expire(now);
      // Whether an agent lives is its link's business: one that waits for time-outs is silent for long.
      for (const [node, orderedAt] of this.#owing)
        if (!membership.isWithinLease(node) || now - orderedAt > roundLimitMs) this.#owing.delete(node);
    }
    this.#owing.clear();
    if (!signal.aborted) await this.#measure(signal);
  }

  /** Nobody is asked to probe a node where nobody listens: silence there would prove nothing. */
  pinglist(node: number): Target[] {
    const ready = new Set(this.#context.membership.ready.map((member) => member.node));
    return (this.#targetsBySource.get(node) ?? []).filter(({ to }) => ready.has(to));
  }

  /** An agent came back in the middle of the round: what it still owes is asked for again. */
  returned(node: number): void {
    // What was to be measured is measured in the next round, and what had been observed stays true.
    if (this.#measuring.delete(node) || (this.#owing.size === 0 && !this.#inquiry.isOpen)) return;
    this.observations.sightings.restarted.add(node);
    if (this.#owing.has(node)) this.#order(node);
  }

  /** These return what was wrong with the message, or undefined; what is of another round is passed over. */
  results(node: number, message: ResultsMessage): string | undefined {
    return message.round === this.number ? this.observations.record(node, message) : undefined;
  }

  quality(node: number, message: QualityMessage): string | undefined {
    return message.round === this.number ? this.observations.recordQuality(node, message) : undefined;
  }

  sightings(node: number, message: SightingsMessage): string | undefined {
    return this.#inquiry.answered(node, message);
  }

  doubt(node: number, { round, nodes }: DoubtMessage): void {
    if (round !== this.number || !this.#owing.has(node)) return;
    const forMs = this.#context.probing.timeoutMs + watchMarginMs;
    const peers = new Set((this.#targetsBySource.get(node) ?? []).map(({ to }) => to));
    for (const each of new Set(nodes))
      if (peers.has(each)) this.#context.send(each, { type: "watch", forMs });
  }

  done(node: number, { round, cut, fullSweepMs }: DoneMessage): void {
    const orderedAt = this.#owing.get(node);
    if (round !== this.number || orderedAt === undefined) return;
    const now = performance.now();
    this.observations.recordCut(node, cut, fullSweepMs);
    this.#inquiry.open(node, now - orderedAt, now);
    this.#owing.delete(node);
  }

  measured(node: number, round: number): void {
    if (round === this.number) this.#measuring.delete(node);
  }

  #order(node: number): void {
    const { plan, probing, send } = this.#context;
    this.#owing.set(node, performance.now());
    send(node, {
      type: "probe",
      round: this.number,
      timeoutMs: probing.timeoutMs,
      budgetMs: probing.budgetMs,
      targets: this.pinglist(node).map((target) => wireTarget(plan, target, this.#servicesOn(target))),
    });
  }

  #servicesOn(target: Target): ReturnType<ServicePorts["of"]> {
    const { membership, services } = this.#context;
    // A row that is local to the far host holds its ports there; what serves them may be seen from outside.
    const heldAt = [target.address, localhostOf(target.address)];
    return services.of(target, membership.occupiedPorts(target.to, target.transport, heldAt));
  }

  /** When all is quiet: how good are the paths that work? */
  async #measure(signal: AbortSignal): Promise<void> {
    const { plan, probing, membership, send } = this.#context;
    const startedAt = performance.now();
    for (const { node } of membership.ready) {
      this.#measuring.add(node);
      send(node, {
        type: "measure",
        round: this.number,
        timeoutMs: probing.timeoutMs,
        budgetMs: probing.budgetMs,
        ...wireThresholds(plan.thresholds),
      });
    }
    while (this.#measuring.size > 0 && !signal.aborted) {
      await sleep(pollMs, undefined, { signal }).catch(() => {});
      const isLate = performance.now() - startedAt > probing.budgetMs + measureMarginMs;
      for (const node of this.#measuring)
        if (isLate || membership.member(node)?.connected !== true) this.#measuring.delete(node);
    }
    this.#measuring.clear();
  }
}
