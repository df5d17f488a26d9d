/**
 * One look at what no peer can show: every node's own settings, and the endpoints outside of the cluster. All nodes
 * look at once; one that leaves, or takes too long, is not waited for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { EndpointReport } from "../shared/endpoint-report.ts";
import type { NodeFacts } from "../shared/node-facts.ts";
import type { OutsideSettings } from "../shared/outside.ts";
import type { PlannedEndpoint } from "../shared/endpoint-plan.ts";
import type { Plan } from "../shared/plan.ts";
import type { CoordinatorMessage, EndpointsMessage, FactsMessage } from "../shared/wire.ts";
import { inspectOrder } from "./inspect-order.ts";
import type { Membership } from "./membership.ts";

export interface InspectionContext {
  plan: Plan;
  timeoutMs: number;
  outside: OutsideSettings;
  membership: Membership;
  send: (node: number, message: CoordinatorMessage) => void;
}

const pollMs = 100;
/** What a node needs beyond its endpoints: its own settings, a download. */
const factsMs = 60_000;
/** Hosts that an agent visits at once, at least, and attempts that one of them may cost. */
const visitsAtOnce = 4;
const attemptsPerVisit = 4;

/** For how long a node that has to visit so many endpoints may be waited for. */
export function inspectionLimitMs(endpoints: number, timeoutMs: number): number {
  return factsMs + Math.ceil(endpoints / visitsAtOnce) * attemptsPerVisit * timeoutMs;
}

export class Inspection {
  readonly round: number;
  readonly #context: InspectionContext;
  readonly #reports = new Map<number, EndpointReport>();
  readonly #facts = new Map<number, NodeFacts>();
  readonly #awaited = new Set<number>();

  constructor(round: number, context: InspectionContext) {
    this.round = round;
    this.#context = context;
  }

  /** Resolves when all ready nodes have answered or their time is up. */
  async run(signal: AbortSignal): Promise<void> {
    const { plan, membership } = this.#context;
    const byNode = Map.groupBy(plan.endpoints, ({ from }) => from);
    const most = Math.max(0, ...Array.from(byNode.values(), (list) => list.length));
    const { timeoutMs } = this.#context;
    const limitMs = inspectionLimitMs(most, timeoutMs);
    const startedAt = performance.now();
    for (const { node } of membership.ready) this.#order(node);
    while (this.#awaited.size > 0 && !signal.aborted) {
      await sleep(pollMs, undefined, { signal }).catch(() => {});
      const isLate = performance.now() - startedAt > limitMs;
      for (const node of this.#awaited)
        if (isLate || membership.member(node)?.connected !== true) this.#awaited.delete(node);
    }
    this.#awaited.clear();
  }

  get progress(): { done: number; of: number } {
    return { done: this.#reports.size, of: this.#context.plan.endpoints.length };
  }

  endpoint({ id }: PlannedEndpoint): EndpointReport | undefined {
    return this.#reports.get(id);
  }

  facts(node: number): NodeFacts | undefined {
    return this.#facts.get(node);
  }

  /** These return what was wrong with the message, or undefined; what is of another round is passed over. */
  endpoints(node: number, { round, reports }: EndpointsMessage): string | undefined {
    if (round !== this.round) return undefined;
    const { plan } = this.#context;
    if (reports.some(({ endpoint }) => plan.endpoints[endpoint]?.from !== node))
      return "a finding is not for an endpoint of this node";
    for (const report of reports) this.#reports.set(report.endpoint, report);
    return undefined;
  }

  told(node: number, { round, facts }: FactsMessage): void {
    if (round === this.round) this.#facts.set(node, facts);
  }

  inspected(node: number, round: number): void {
    if (round === this.round) this.#awaited.delete(node);
  }

  #order(node: number): void {
    const { plan, outside, timeoutMs, send } = this.#context;
    this.#awaited.add(node);
    send(node, { type: "inspect", round: this.round, timeoutMs, ...inspectOrder(plan, node, outside) });
  }
}
