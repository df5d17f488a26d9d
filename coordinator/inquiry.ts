/**
 * Asks the far ends what they saw of probes that failed. Each node's failures are put to its peers as soon as
 * it is done, while the traces are fresh. An agent that does not answer holds nobody up for long.
 */
import type { Target } from "../shared/plan.ts";
import { formatPorts, type PortSet } from "../shared/ports.ts";
import type { CoordinatorMessage, SightingsMessage } from "../shared/wire.ts";
import type { Sightings } from "./sightings.ts";

type LookMessage = Extract<CoordinatorMessage, { type: "look" }>;

/** What a near end reported, and where the answers go. */
export interface Questionable {
  failures(target: Target): PortSet;
  readonly sightings: Sightings;
}

interface Pending {
  node: number;
  targets: Target[];
  asked: PortSet[];
  withinMs: number;
  askedAt: number;
}

/** An agent reads a few tables of its kernel; one that needs longer is stopped, starved or gone. */
const answerMs = 6_000;

export class Inquiry {
  readonly #targetsBySource: ReadonlyMap<number, readonly Target[]>;
  readonly #observations: Questionable;
  /** Returns whether there was anybody to send it to. */
  readonly #send: (node: number, message: LookMessage) => boolean;
  readonly #pending = new Map<number, Pending>();
  /** Numbers the questions. */
  readonly #nextLook: () => number;

  constructor(
    targetsBySource: ReadonlyMap<number, readonly Target[]>,
    observations: Questionable,
    send: (node: number, message: LookMessage) => boolean,
    nextLook: () => number,
  ) {
    this.#targetsBySource = targetsBySource;
    this.#observations = observations;
    this.#send = send;
    this.#nextLook = nextLook;
  }

  get isOpen(): boolean {
    return this.#pending.size > 0;
  }

  /** `withinMs`: for how long node `from` has been probing. */
  open(from: number, withinMs: number, now: number): void {
    const failed = (this.#targetsBySource.get(from) ?? [])
      .map((target) => ({ target, asked: this.#observations.failures(target) }))
      .filter(({ asked }) => asked.length > 0);
    for (const [node, list] of Map.groupBy(failed, ({ target }) => target.to)) {
      const look = this.#nextLook();
      const targets = list.map(({ target }) => target);
      const asked = list.map((each) => each.asked);
      const questions = targets.map(({ transport }, index) => ({
        from,
        transport,
        ports: formatPorts(asked[index]!),
      }));
      if (this.#send(node, { type: "look", look, withinMs, questions }))
        this.#pending.set(look, { node, targets, asked, withinMs, askedAt: now });
    }
  }

  /** @returns what was wrong with the answer, or undefined. */
  answered(node: number, message: SightingsMessage): string | undefined {
    const pending = this.#pending.get(message.look);
    if (pending?.node !== node) return undefined; // too late, or of an earlier round
    this.#pending.delete(message.look);
    const targets = pending.targets.map(({ id }, index) => ({ id, asked: pending.asked[index]! }));
    return this.#observations.sightings.record(targets, message, pending.withinMs);
  }

  /** Gives up on who has not answered in time. */
  expire(now: number): void {
    for (const [look, { node, askedAt }] of this.#pending) {
      if (now - askedAt < answerMs) continue;
      this.#pending.delete(look);
      this.#observations.sightings.unanswered.add(node);
    }
  }
}
