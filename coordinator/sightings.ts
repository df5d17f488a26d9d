/** What far ends said they saw of the probes that failed in one round. */
import type { FarEnd } from "../shared/judge.ts";
import { hasPort, readPorts, type PortSet } from "../shared/ports.ts";
import type { SightingsMessage } from "../shared/wire.ts";

/** What one far end saw of a probe. */
export type Sighting = Required<Pick<FarEnd, "sawRequest" | "serviceLeft" | "impaired">> & {
  /** TCP was connected, and nothing was said. */
  mute: boolean;
};

interface Testimony {
  asked: PortSet;
  saw: PortSet;
  mute: PortSet;
  absent: PortSet;
  impaired: boolean;
}

/** A far agent that did not run for so long may have missed what it was asked about. */
const impairedShare = 0.25;
const impairedMs = 1_000;

export class Sightings {
  readonly #byTarget = new Map<number, Testimony>();
  /** Nodes that were asked and did not answer: their agents are as good as gone. */
  readonly unanswered = new Set<number>();
  /** Nodes whose agent came back in the middle of the round: it held nothing for a while. */
  readonly restarted = new Set<number>();

  /** @returns what was wrong with the answer, or undefined. */
  record(
    targets: readonly { id: number; asked: PortSet }[],
    message: SightingsMessage,
    withinMs: number,
  ): string | undefined {
    if (message.answers.length !== targets.length) return "the answers do not match the questions";
    const impaired =
      message.longestStallMs >= impairedMs ||
      message.stalledMs >= Math.max(impairedMs, impairedShare * withinMs);
    // What is not well-formed says nothing.
    for (const [index, { id, asked }] of targets.entries()) {
      const { saw, mute, absent } = message.answers[index]!;
      this.#byTarget.set(id, {
        asked,
        saw: readPorts(saw) ?? [],
        mute: readPorts(mute) ?? [],
        absent: readPorts(absent) ?? [],
        impaired,
      });
    }
    return undefined;
  }

  /** What is known of these targets alone, by the same agents. */
  of(targets: (target: number) => boolean): Sightings {
    const kept = new Sightings();
    for (const [target, testimony] of this.#byTarget)
      if (targets(target)) kept.#byTarget.set(target, testimony);
    return kept;
  }

  /** All that is known of the probes to one target: where two texts are the same, so are the answers of `at`. */
  textOf(target: number): string {
    return JSON.stringify(this.#byTarget.get(target)) ?? "";
  }

  /** Undefined where nobody was asked. */
  at(target: number, port: number): Sighting | undefined {
    const testimony = this.#byTarget.get(target);
    if (testimony === undefined || !hasPort(testimony.asked, port)) return undefined;
    return {
      sawRequest: hasPort(testimony.saw, port),
      mute: hasPort(testimony.mute, port),
      serviceLeft: hasPort(testimony.absent, port),
      impaired: testimony.impaired,
    };
  }
}
