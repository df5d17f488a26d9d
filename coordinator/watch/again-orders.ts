/** Orders to look at some ports again at once: because they are suspected, or because somebody waits to know. */
import { formatPorts, type PortSet } from "../../shared/ports.ts";
import type { CoordinatorMessage } from "../../shared/wire.ts";

/** Looks that somebody waits for. */
const maxWanted = 100;
/** Agents begin several looks so far apart, and need a little time themselves. */
const spacingMs = 600;
/** A lost SYN is sent again after a second. */
const leastMs = 2_000;
/** How long an agent may take to look again, beside its time-outs. */
const marginMs = 10_000;

export interface AgainOrder {
  id: number;
  node: number;
  /** By position in the pinglist. */
  asked: ReadonlyMap<number, PortSet>;
  far: readonly number[];
  looks: number;
  orderedAt: number;
  /** Told what comes of it. */
  done: (isAnswered: boolean) => void;
}

export interface AgainDependencies {
  send: (node: number, message: CoordinatorMessage) => void;
  monotonic: () => number;
}

type Wish = Pick<AgainOrder, "node" | "asked" | "far" | "looks">;

export class AgainOrders {
  readonly #deps: AgainDependencies;
  /** By node: what is suspected there. */
  readonly #suspected = new Map<number, AgainOrder>();
  /** By id: what somebody waits for. */
  readonly #wanted = new Map<number, AgainOrder>();
  #count = 0;

  constructor(deps: AgainDependencies) {
    this.#deps = deps;
  }

  /** Whether a node is to look again at what it is suspected of, and has not answered. */
  isUnderWay(node: number): boolean {
    return this.#suspected.has(node);
  }

  suspect(wish: Wish, plan: number, timeoutMs: number): void {
    const order = this.#order(wish, () => {});
    this.#suspected.set(wish.node, order);
    // All of it within one time-out: who is paged has waited for two already.
    this.#send(order, plan, Math.max(leastMs, timeoutMs - wish.looks * spacingMs));
  }

  /** @returns whether there was an answer that made sense. */
  want(wish: Wish, plan: number, timeoutMs: number): Promise<boolean> {
    if (this.#wanted.size >= maxWanted) return Promise.resolve(false);
    return new Promise((done) => {
      const order = this.#order(wish, done);
      this.#wanted.set(order.id, order);
      this.#send(order, plan, timeoutMs);
    });
  }

  /** The order that a node answers; undefined where it is too late for that. */
  find(node: number, id: number): AgainOrder | undefined {
    const wanted = this.#wanted.get(id);
    const order = wanted?.node === node ? wanted : this.#suspected.get(node);
    return order?.id === id ? order : undefined;
  }

  /** It is answered: what comes of it is told by whoever takes it. */
  take({ id, node }: AgainOrder): void {
    if (!this.#wanted.delete(id)) this.#suspected.delete(node);
  }

  lost(node: number): void {
    this.#suspected.delete(node);
    this.#end((order) => order.node === node);
  }

  expire(timeoutMs: number): void {
    const now = this.#deps.monotonic();
    const isOver = ({ orderedAt, looks }: AgainOrder): boolean =>
      now - orderedAt > 2 * looks * timeoutMs + marginMs;
    for (const [node, order] of this.#suspected) if (isOver(order)) this.#suspected.delete(node);
    this.#end(isOver);
  }

  forget(): void {
    this.#suspected.clear();
    this.#end(() => true);
  }

  #order(wish: Wish, done: AgainOrder["done"]): AgainOrder {
    return { ...wish, id: ++this.#count, orderedAt: this.#deps.monotonic(), done };
  }

  #send({ id, node, looks, asked }: AgainOrder, plan: number, timeoutMs: number): void {
    const targets = Array.from(asked, ([target, ports]) => ({ target, ports: formatPorts(ports) }));
    this.#deps.send(node, { type: "again", again: id, plan, looks, timeoutMs, targets });
  }

  #end(isOver: (order: AgainOrder) => boolean): void {
    for (const order of this.#wanted.values()) {
      if (!isOver(order)) continue;
      this.#wanted.delete(order.id);
      order.done(false);
    }
  }
}
