/** What agents are told of each other: whom to probe, who is not there, and which ports are met by their services. */
import type { CoordinatorMessage } from "../../shared/wire.ts";
import type { Membership } from "../membership.ts";
import { ServicePorts } from "../service-ports.ts";
import { pinglistOf, servedTargets } from "./pinglist.ts";
import type { WatchedPlan } from "./watched-plan.ts";

/** Changes of who is there are told together. */
const tellMs = 200;

export interface BriefingConfig {
  intervalMs: number;
  timeoutMs: number;
  budgetMs: number;
}

export interface BriefingDependencies {
  membership: Membership;
  /** Whether the agent of the node of that name has ever told anything. */
  wasThere: (name: string) => boolean;
  send: (node: number, message: CoordinatorMessage) => void;
  /** To everybody who listens. */
  broadcast: (message: CoordinatorMessage) => void;
  /** Nodes whose agents had left in good order when this began. */
  left: ReadonlySet<string>;
}

export class Briefing implements Disposable {
  readonly #deps: BriefingDependencies;
  #config: BriefingConfig;
  #watched: WatchedPlan;
  #services: ServicePorts;
  /** Nodes whose agent left in good order, by name. */
  readonly #left: Set<string>;
  /** By node: the ports that real services held when it was told last. */
  readonly #occupied = new Map<number, string>();
  #absentTold = "";
  #telling: NodeJS.Timeout | undefined;

  constructor(config: BriefingConfig, watched: WatchedPlan, deps: BriefingDependencies) {
    this.#deps = deps;
    this.#config = config;
    this.#watched = watched;
    this.#services = new ServicePorts(watched.plan);
    this.#left = new Set(deps.left);
  }

  /** Agents that are there get their new pinglists once they listen. */
  replace(watched: WatchedPlan, config: BriefingConfig, isGone: (name: string) => boolean): void {
    this.#config = config;
    this.#watched = watched;
    this.#services = new ServicePorts(watched.plan);
    this.#occupied.clear();
    this.#absentTold = "";
    for (const name of this.#left) if (isGone(name)) this.#left.delete(name);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#telling);
  }

  /** Whether its agent left in good order. */
  hasLeft(name: string): boolean {
    return this.#left.has(name);
  }

  joined(name: string): void {
    this.#left.delete(name);
  }

  /** It holds its ports, or tells anew what it holds. */
  listening(node: number, isBack: boolean): void {
    if (isBack) this.#deps.send(node, this.#pinglistOf(node));
    if (this.#servesOtherwise(node)) this.#tellServing(node, isBack);
    this.#tellAbsent();
  }

  lost(name: string, isClean: boolean): void {
    if (isClean) this.#left.add(name);
    this.#tellAbsent();
  }

  #pinglistOf(node: number): CoordinatorMessage {
    const { plan, version } = this.#watched;
    const { intervalMs, timeoutMs, budgetMs } = this.#config;
    return pinglistOf(node, {
      plan,
      version,
      intervalMs,
      probing: { timeoutMs, budgetMs },
      membership: this.#deps.membership,
      services: this.#services,
      absent: this.#absent,
    });
  }

  /** Nodes that nobody needs to probe: no agent was ever there, or it left in good order. */
  get #absent(): number[] {
    return this.#watched.plan.nodes.flatMap(({ index, name }) => {
      const wasThere = this.#deps.membership.member(index) !== undefined || this.#deps.wasThere(name);
      return !wasThere || this.#left.has(name) ? [index] : [];
    });
  }

  /** Whether a node holds other ports by real services than it did. */
  #servesOtherwise(node: number): boolean {
    const held = this.#deps.membership.occupied(node);
    const before = this.#occupied.get(node) ?? "";
    this.#occupied.set(node, held);
    return held !== before;
  }

  /** Tells everybody which ports of a node are to be met by their services from now on. */
  #tellServing(node: number, isNew: boolean): void {
    const { plan, version } = this.#watched;
    const context = { plan, membership: this.#deps.membership, services: this.#services };
    for (const { node: from } of this.#deps.membership.ready) {
      // Its own pinglist has just told it.
      if (from === node && isNew) continue;
      const served = new Map(servedTargets(from, node, context).map((each) => [each.target, each]));
      const first = plan.pairs.firstTarget(from, node) - plan.pairs.targetsFrom(from)[0];
      const targets = plan.pairs
        .rows(from, node)
        .targets.map((_, index) => served.get(first + index) ?? { target: first + index, services: [] });
      if (targets.length > 0) this.#deps.send(from, { type: "serving", plan: version, targets });
    }
  }

  /** A fleet that starts or leaves is told of in a few messages and not in as many as it has nodes. */
  #tellAbsent(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      const nodes = this.#absent;
      const { version } = this.#watched;
      const text = `${version} ${nodes.join(",")}`;
      if (text === this.#absentTold) return;
      this.#absentTold = text;
      this.#deps.broadcast({ type: "absent", plan: version, nodes });
    }, tellMs);
  }
}
