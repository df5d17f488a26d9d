/**
 * How far the clocks of the nodes are from the coordinator's (Cristian's algorithm): each agent is asked for the
 * time a few times, and the answer with the shortest round trip counts, since the clock was read somewhere within it.
 */
import type { ClockOffset } from "../shared/requirements/requirement-check.ts";
import type { CoordinatorMessage, TimeMessage } from "../shared/wire.ts";

export interface ClockContext {
  /** Milliseconds since 1970. */
  wall: () => number;
  /** Milliseconds of a clock that is never set. */
  monotonic: () => number;
  send: (node: number, message: CoordinatorMessage) => void;
}

interface Question {
  node: number;
  settle: (answer: Answer | undefined) => void;
}

interface Answer {
  /** The agent's clock. */
  at: number;
  /** By the monotonic clock here. */
  arrivedAt: number;
}

const exchanges = 5;
const answerMs = 2_000;
/** Both clocks are read in whole milliseconds. */
const resolutionMs = 1;

export class ClockOffsets {
  readonly #context: ClockContext;
  readonly #open = new Map<number, Question>();
  readonly #offsets = new Map<number, ClockOffset>();
  #questions = 0;

  constructor(context: ClockContext) {
    this.#context = context;
  }

  /** Asks all of them at once; who does not answer in time is not asked again. */
  async run(nodes: readonly number[], signal: AbortSignal): Promise<void> {
    await Promise.all(nodes.map((node) => this.#compare(node, signal)));
  }

  /** Undefined where the agent did not answer. */
  offset(node: number): ClockOffset | undefined {
    return this.#offsets.get(node);
  }

  /** Nodes have other numbers from now on, or none; what was asked under the old ones is given up. */
  renumber(placeOf: (node: number) => number | undefined): void {
    const known = [...this.#offsets];
    this.#offsets.clear();
    for (const [node, offset] of known) {
      const place = placeOf(node);
      if (place !== undefined) this.#offsets.set(place, offset);
    }
    for (const { settle } of this.#open.values()) settle(undefined);
  }

  /** What an agent says of its clock; answers that nobody waits for any more are passed over. */
  answered(node: number, { id, at }: TimeMessage): void {
    const question = this.#open.get(id);
    if (question?.node === node) question.settle({ at, arrivedAt: this.#context.monotonic() });
  }

  async #compare(node: number, signal: AbortSignal): Promise<void> {
    const { wall, monotonic } = this.#context;
    // Of this run alone: a clock may have been set since the last one.
    let best: ClockOffset | undefined;
    for (let exchange = 0; exchange < exchanges && !signal.aborted; exchange++) {
      const wallBefore = wall();
      const askedAt = monotonic();
      const answer = await this.#ask(node, signal);
      if (answer === undefined) return;
      const { at, arrivedAt } = answer;
      const halfMs = (arrivedAt - askedAt) / 2;
      const offset = { aheadMs: at - (wallBefore + halfMs), errorMs: halfMs + resolutionMs };
      if (best !== undefined && offset.errorMs >= best.errorMs) continue;
      best = offset;
      this.#offsets.set(node, offset);
    }
  }

  #ask(node: number, signal: AbortSignal): Promise<Answer | undefined> {
    const id = ++this.#questions;
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", giveUp);
        this.#open.delete(id);
        resolve(answer);
      };
      const giveUp = (): void => settle(undefined);
      const timer = setTimeout(giveUp, answerMs);
      signal.addEventListener("abort", giveUp, { once: true });
      this.#open.set(id, { node, settle });
      this.#context.send(node, { type: "time", id });
    });
  }
}
