/**
 * Gives ports up when somebody on this host asks for them, because the real service is to start there, and
 * tries to take them again when the time is over.
 */
import type { Transport } from "../shared/names.ts";
import type { Claims, PortPlace } from "./claims.ts";
import type { YieldAnswer, YieldRequest } from "./control-socket.ts";
import type { Listeners } from "./listeners.ts";

export interface HandOverDependencies {
  node: string;
  claims: Claims;
  now: () => Date;
  /** Those of the present link; undefined where the agent holds nothing. */
  listeners: () => Listeners | undefined;
  /** What the agent holds has changed, and how. */
  changed: (what: string) => void;
}

export class HandOver implements Disposable {
  readonly #deps: HandOverDependencies;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(deps: HandOverDependencies) {
    this.#deps = deps;
  }

  /** The ports are free when this resolves. */
  async giveUp({ port, transports, forMs }: YieldRequest): Promise<YieldAnswer> {
    const { node, claims, now, changed } = this.#deps;
    const listeners = this.#deps.listeners();
    const places = listeners?.placesOf(port, transports) ?? [];
    // Who asks again for what was given up already wants it for longer.
    const ours = places.filter(
      (place) => listeners!.exception(place) === undefined || claims.isGivenUp(place),
    );
    if (listeners === undefined || ours.length === 0)
      return { ok: false, node, message: this.#whyNot(port, places, listeners) };
    const until = new Date(now().getTime() + forMs);
    const given = [...new Set(ours.map(({ transport }) => transport))];
    for (const transport of given) claims.giveUp(transport, port, until);
    await listeners.giveUp(ours);
    this.#schedule(given, port, until, forMs);
    changed(`gave up ${named(given, port)} by request until ${until.toISOString()}`);
    return {
      ok: true,
      node,
      givenUp: ours.map(({ transport, address }) => ({ transport, address })),
      until: until.toISOString(),
    };
  }

  [Symbol.dispose](): void {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
  }

  #schedule(transports: readonly Transport[], port: number, until: Date, forMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#takeBack(transports, port, until);
    }, forMs);
    this.#timers.add(timer);
  }

  async #takeBack(transports: readonly Transport[], port: number, until: Date): Promise<void> {
    const { claims, changed } = this.#deps;
    for (const transport of transports) claims.takeBack(transport, port, until);
    if (transports.some((transport) => claims.isGivenUp({ transport, port }))) return;
    const listeners = this.#deps.listeners();
    if (listeners === undefined) return;
    await listeners.reconcile();
    const left = listeners.placesOf(port, transports).map((place) => listeners.exception(place));
    const holder = left.find((each) => each?.state === "occupied");
    const now = holder === undefined ? "wanted it back" : `left it to ${holder.owner ?? "another process"}`;
    changed(`the time for ${named(transports, port)} is over, ${now}`);
  }

  #whyNot(port: number, places: readonly PortPlace[], listeners: Listeners | undefined): string {
    const { node } = this.#deps;
    if (listeners === undefined) return `${node} holds no ports: it has no coordinator at the moment`;
    const exception = places.map((place) => listeners.exception(place)).find((each) => each !== undefined);
    if (exception === undefined) return `${node} does not hold port ${port}`;
    const { transport, state, owner, detail } = exception;
    const why = state === "occupied" ? `${owner ?? "another process"} does` : (detail ?? state);
    return `${node} does not hold ${transport}/${port}: ${why}`;
  }
}

function named(transports: readonly Transport[], port: number): string {
  return transports.map((transport) => `${transport}/${port}`).join(" and ");
}
