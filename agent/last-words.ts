/**
 * The last word on every port of an offline agent's pinglist. Agents come and go at moments of their own, so a
 * failure counts for more if the peer was known to be there: it was heard before the round and after it. An
 * answer is an answer, whenever it came.
 */
import { maxResultsPerFrame } from "../shared/link.ts";
import { outcomeKinds } from "../shared/names.ts";
import { eachPort, formatPorts, portSetOf, type PortSet } from "../shared/ports.ts";
import type { ResultsMessage, WireTarget } from "../shared/wire.ts";

/** How well it is known that the peer was there: not at all, at some moment of the round, all the time. */
export type Presence = 0 | 1 | 2;

interface Word {
  target: number;
  port: number;
  to: number;
  isAnswered: boolean;
  isOwnFault: boolean;
  presence: Presence;
  /** The other columns of a results frame. */
  columns: readonly [outcome: number, phase: number, elapsedUs: number, rttUs: number, attempts: number];
  detail: Omit<ResultsMessage["details"][number], "at"> | undefined;
}

const open = outcomeKinds.indexOf("open");
const localError = outcomeKinds.indexOf("local-error");

export class LastWords {
  readonly #targets: ReadonlyMap<number, { target: WireTarget; ports: PortSet }>;
  readonly #words = new Map<string, Word>();
  #current: Word[] = [];
  readonly #count: number;

  /** `portsOf` reads what `formatPorts` wrote. */
  constructor(targets: readonly WireTarget[], portsOf: (text: string) => PortSet) {
    this.#targets = new Map(targets.map((target) => [target.id, { target, ports: portsOf(target.ports) }]));
    this.#count = targets.reduce(
      (sum, { id }) => sum + [...eachPort(this.#targets.get(id)!.ports)].length,
      0,
    );
  }

  /** Ports that answered, and all. */
  get progress(): { answered: number; of: number } {
    const words = [...this.#words.values(), ...this.#current];
    return { answered: new Set(words.filter((word) => word.isAnswered).map(keyOf)).size, of: this.#count };
  }

  /** Takes a frame of the round under way; returns the nodes that proved themselves in it. */
  hear(message: ResultsMessage): Set<number> {
    const details = new Map(message.details.map(({ at, ...detail }) => [at, detail]));
    const proven = new Set<number>();
    for (const [at, target] of message.target.entries()) {
      const { to } = this.#targets.get(target)!.target;
      const port = message.port[at]!;
      const detail = details.get(at);
      const outcome = message.outcome[at]!;
      const { proof } = detail ?? {};
      const isAnswered =
        outcome === open && (proof === undefined || (proof.node === to && proof.port === port));
      if (isAnswered) proven.add(to);
      this.#current.push({
        target,
        port,
        to,
        isAnswered,
        isOwnFault: outcome === localError,
        presence: 0,
        columns: [
          outcome,
          message.phase[at]!,
          message.elapsedUs[at]!,
          message.rttUs[at]!,
          message.attempts[at]!,
        ],
        detail,
      });
    }
    return proven;
  }

  /** Ends a round: what it said takes the place of what was said before, unless that was better founded. */
  settle(presenceOf: (node: number) => Presence): void {
    for (const word of this.#current) {
      word.presence = word.isAnswered || word.isOwnFault ? 2 : presenceOf(word.to);
      const earlier = this.#words.get(keyOf(word));
      if (earlier?.isAnswered === true) continue;
      if (earlier === undefined || word.isAnswered || word.presence >= earlier.presence)
        this.#words.set(keyOf(word), word);
    }
    this.#current = [];
  }

  /** What has not been answered yet. */
  open(): WireTarget[] {
    return Array.from(this.#targets.values(), ({ target, ports }) => {
      const left = Array.from(eachPort(ports)).filter((port) => !this.#isAnswered(target.id, port));
      return { ...target, ports: formatPorts(portSetOf(left)) };
    }).filter(({ ports }) => ports !== "");
  }

  /** One port that has answered of each of these nodes: if it answers again, the node is still there. */
  anchors(nodes: ReadonlySet<number>): WireTarget[] {
    const found = new Map<number, WireTarget>();
    for (const { target, port, to, isAnswered } of [...this.#current, ...this.#words.values()]) {
      if (!isAnswered || !nodes.has(to) || found.has(to)) continue;
      found.set(to, { ...this.#targets.get(target)!.target, ports: String(port) });
    }
    return [...found.values()];
  }

  /** As frames of results: what is well founded, and the rest. */
  frames(): { results: ResultsMessage[]; unconfirmed: ResultsMessage[] } {
    const words = [...this.#words.values()];
    return {
      results: framesOf(words.filter(({ presence }) => presence === 2)),
      unconfirmed: framesOf(words.filter(({ presence }) => presence < 2)),
    };
  }

  /** Targets of which some port has never been heard of. */
  unprobed(): Set<number> {
    const left = Array.from(this.#targets, ([id, { ports }]) =>
      Array.from(eachPort(ports)).some((port) => !this.#words.has(keyOf({ target: id, port }))) ? [id] : [],
    );
    return new Set(left.flat());
  }

  #isAnswered(target: number, port: number): boolean {
    return this.#words.get(keyOf({ target, port }))?.isAnswered === true;
  }
}

function keyOf({ target, port }: Pick<Word, "target" | "port">): string {
  return `${target} ${port}`;
}

function framesOf(words: readonly Word[]): ResultsMessage[] {
  const frames: ResultsMessage[] = [];
  for (let start = 0; start < words.length; start += maxResultsPerFrame) {
    const part = words.slice(start, start + maxResultsPerFrame);
    const column = (index: 0 | 1 | 2 | 3 | 4): number[] => part.map(({ columns }) => columns[index]);
    frames.push({
      type: "results",
      round: 1,
      target: part.map(({ target }) => target),
      port: part.map(({ port }) => port),
      outcome: column(0),
      phase: column(1),
      elapsedUs: column(2),
      rttUs: column(3),
      attempts: column(4),
      details: part.flatMap(({ detail }, at) => (detail === undefined ? [] : [{ at, ...detail }])),
    });
  }
  return frames;
}
