/**
 * Has every node of a watched cluster look at its own settings and at the world outside, from time to time. Hosts that
 * belong to others are visited seldom; what seems to fail there is visited again soon, and then believed.
 */
import { EventEmitter } from "node:events";
import type { EndpointReport } from "../../../shared/endpoint-report.ts";
import type { PlannedEndpoint } from "../../../shared/endpoint-plan.ts";
import type { NodeFacts } from "../../../shared/node-facts.ts";
import type { OutsideSettings } from "../../../shared/outside.ts";
import type { CoordinatorMessage, EndpointsMessage, FactsMessage } from "../../../shared/wire.ts";
import { inspectionLimitMs } from "../../inspection.ts";
import { inspectOrder } from "../../inspect-order.ts";
import type { Membership } from "../../membership.ts";
import type { Transition } from "../../settled-verdict.ts";
import { judgeEndpoint } from "../../../shared/judge-endpoint.ts";
import type { WatchedPlan } from "../watched-plan.ts";

export interface OutsideConfig {
  /** Between two visits of everything. */
  intervalMs: number;
  timeoutMs: number;
  outside: OutsideSettings;
}

export interface OutsideDependencies {
  membership: Membership;
  send: (node: number, message: CoordinatorMessage) => void;
  /** Milliseconds since 1970, and of a clock that never jumps. */
  now: () => number;
  monotonic: () => number;
}

export interface EndpointTransition extends Transition {
  endpoint: PlannedEndpoint;
}

interface OutsideEvents {
  transitions: [transitions: readonly EndpointTransition[]];
  /** What is known of the settings of a node may have changed. */
  facts: [];
}

/** What is suspected is visited again so soon. */
const againMs = 5_000;
/** Nodes that came together are asked so far apart. */
const spreadMs = 50;
/** Nothing is fresh for longer than so many intervals. */
const freshIntervals = 3;

interface Visit {
  round: number;
  orderedAt: number;
  limitMs: number;
}

/** What a node that is there does next; by the monotonic clock. */
interface Agenda {
  wholeAt: number;
  /** Where something is suspected. */
  againAt: number | undefined;
  visit: Visit | undefined;
}

export class OutsideWatch extends EventEmitter<OutsideEvents> {
  #config: OutsideConfig;
  readonly #deps: OutsideDependencies;
  #current: WatchedPlan;
  #byNode: Map<number, PlannedEndpoint[]>;
  readonly #facts = new Map<string, NodeFacts>();
  /** By endpoint: when it was visited last under this plan, by the monotonic clock. */
  readonly #visitedAt = new Map<number, number>();
  /** Of the nodes that are there. */
  readonly #agendas = new Map<number, Agenda>();
  #rounds = 0;

  constructor(config: OutsideConfig, watched: WatchedPlan, deps: OutsideDependencies) {
    super();
    this.#config = config;
    this.#deps = deps;
    this.#current = watched;
    this.#byNode = Map.groupBy(watched.plan.endpoints, ({ from }) => from);
  }

  get isNeeded(): boolean {
    const { endpoints, skip } = this.#current.plan;
    return endpoints.length > 0 || !skip.includes("requirements");
  }

  replace(watched: WatchedPlan, config: OutsideConfig): void {
    this.#current = watched;
    this.#config = config;
    this.#byNode = Map.groupBy(watched.plan.endpoints, ({ from }) => from);
    this.#agendas.clear();
    this.#visitedAt.clear();
    const names = new Set(watched.plan.nodes.map(({ name }) => name));
    for (const name of this.#facts.keys()) if (!names.has(name)) this.#facts.delete(name);
    for (const { node } of this.#deps.membership.ready) this.listening(node, true);
  }

  facts(node: number): NodeFacts | undefined {
    return this.#facts.get(this.#nameOf(node));
  }

  /** Whether what is known of an endpoint still counts. */
  isFresh(id: number): boolean {
    const at = this.#visitedAt.get(id);
    return at !== undefined && this.#deps.monotonic() - at <= freshIntervals * this.#config.intervalMs;
  }

  listening(node: number, isBack: boolean): void {
    if (!isBack || !this.isNeeded) return;
    const now = this.#deps.monotonic();
    const waiting = [...this.#agendas.values()].filter(
      ({ wholeAt, visit }) => !visit && wholeAt > now - spreadMs,
    );
    this.#agendas.set(node, {
      wholeAt: now + waiting.length * spreadMs,
      againAt: undefined,
      visit: undefined,
    });
  }

  lost(node: number): void {
    this.#agendas.delete(node);
  }

  /** These return what was wrong with the message, or undefined; what is of another visit is passed over. */
  endpoints(node: number, { round, reports }: EndpointsMessage): string | undefined {
    if (this.#agendas.get(node)?.visit?.round !== round) return undefined;
    const { plan } = this.#current;
    if (reports.some(({ endpoint }) => plan.endpoints[endpoint]?.from !== node))
      return "a finding is not for an endpoint of this node";
    const transitions = reports.flatMap((report) => this.#judge(report));
    if (transitions.length > 0) this.emit("transitions", transitions);
    return undefined;
  }

  told(node: number, { round, facts }: FactsMessage): void {
    if (this.#agendas.get(node)?.visit?.round !== round) return;
    this.#facts.set(this.#nameOf(node), facts);
    this.emit("facts");
  }

  inspected(node: number, round: number): void {
    const agenda = this.#agendas.get(node);
    if (agenda?.visit?.round === round) this.#end(node, agenda);
  }

  /** To be called every second or so. */
  tick(): void {
    const now = this.#deps.monotonic();
    for (const [node, agenda] of this.#agendas) {
      const { wholeAt, againAt, visit } = agenda;
      if (visit !== undefined) {
        if (now - visit.orderedAt > visit.limitMs) this.#end(node, agenda);
      } else if (now >= wholeAt) {
        agenda.wholeAt = now + this.#config.intervalMs;
        this.#order(node, agenda, undefined);
      } else if (againAt !== undefined && now >= againAt) {
        this.#order(node, agenda, this.#suspected(node));
      }
    }
  }

  #end(node: number, agenda: Agenda): void {
    agenda.visit = undefined;
    agenda.againAt = this.#suspected(node).length === 0 ? undefined : this.#deps.monotonic() + againMs;
  }

  /** Of all that the node is to look at, or of some of its endpoints. */
  #order(node: number, agenda: Agenda, only: readonly number[] | undefined): void {
    const { outside, timeoutMs } = this.#config;
    const order = inspectOrder(this.#current.plan, node, outside);
    const endpoints = order.endpoints.filter(({ id }) => only?.includes(id) ?? true);
    const round = ++this.#rounds;
    const limitMs = inspectionLimitMs(endpoints.length, timeoutMs);
    agenda.visit = { round, orderedAt: this.#deps.monotonic(), limitMs };
    // A link that carries a product is not filled with downloads.
    const facts = { ...order.facts, downloads: [] };
    this.#deps.send(node, { type: "inspect", round, timeoutMs, ...order, endpoints, facts });
  }

  #suspected(node: number): number[] {
    const ids = (this.#byNode.get(node) ?? []).map(({ id }) => id);
    return ids.filter((id) => this.#current.endpoints.isSuspected(id));
  }

  #judge(report: EndpointReport): EndpointTransition[] {
    const { plan, endpoints } = this.#current;
    const endpoint = plan.endpoints[report.endpoint]!;
    const expectation = {
      ...endpoint,
      pin: this.#config.outside.pins.get(endpoint.host),
      expiryMs: plan.thresholds.expiryMs,
      now: new Date(this.#deps.now()),
    };
    const { verdict, reason } = judgeEndpoint(expectation, report, "alive");
    this.#visitedAt.set(endpoint.id, this.#deps.monotonic());
    const transition = endpoints.judge(report, { verdict, reason }, this.#deps.now());
    return transition === undefined ? [] : [{ ...transition, endpoint }];
  }

  #nameOf(node: number): string {
    return this.#current.plan.nodes[node]!.name;
  }
}
