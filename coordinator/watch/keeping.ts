/**
 * What is told goes to the journal: a sweep is acknowledged once it is on the disk. What the disk does not take waits
 * here, with an end to it; agents keep their sweeps themselves, and say them again when there is room.
 */
import type { EventEmitter } from "node:events";
import type { Happening } from "../../shared/api.ts";
import { describeError, PortmeshError } from "../../shared/errors.ts";
import type { GapMessage, SweepMessage } from "../../shared/watch-wire.ts";
import type { Entry, Journal, Kept, KeptHappening, KeptTransition } from "../journal/journal.ts";

/** What became of a sweep that an agent told of. */
export const reportOutcomes = ["kept", "unkept", "known", "refused"] as const;
export type ReportOutcome = (typeof reportOutcomes)[number];

export interface KeepingEvents {
  report: [outcome: ReportOutcome];
  /** Something is on the disk, after so many milliseconds. */
  committed: [ms: number];
  /** Kept by now. */
  transitions: [transitions: readonly KeptTransition[]];
  happening: [kind: Happening, node: string | undefined, text: string, at: number];
}

export interface KeepingDependencies {
  journal: Pick<Journal, "commit" | "kept">;
  /** Tells an agent, by the name of its node, up to where it is kept. */
  acknowledge: (name: string, origin: string, seq: number) => void;
  /** Lets an agent go that is to come back and say again what was not kept. */
  dismiss: (name: string) => void;
  events: Pick<EventEmitter<KeepingEvents>, "emit">;
  /** Milliseconds since 1970, and of a clock that never jumps. */
  now: () => number;
  monotonic: () => number;
}

const retryMs = 5_000;
/** What could not be kept yet and waits for room, of each kind. */
const maxUnkept = 100_000;

export class Keeping {
  readonly #deps: KeepingDependencies;
  #unkept = { transitions: [] as KeptTransition[], happenings: [] as KeptHappening[] };
  /** Agents with sweeps that could not be kept. */
  readonly #unacknowledged = new Set<string>();
  /** What each agent told last over the link that it has now, while that is on its way to the disk. */
  readonly #onItsWay = new Map<string, Kept>();
  #problem: string | undefined;
  #retryAt = 0;

  constructor(deps: KeepingDependencies) {
    this.#deps = deps;
  }

  /** Why nothing can be kept at the moment. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** It begins with what is not acknowledged. */
  joined(name: string): void {
    this.#onItsWay.delete(name);
    this.#unacknowledged.delete(name);
  }

  forget(isGone: (name: string) => boolean): void {
    for (const known of [this.#unacknowledged, this.#onItsWay])
      for (const name of known.keys()) if (isGone(name)) known.delete(name);
  }

  /** Kept already, and said again since the link broke before that was acknowledged. */
  isKnown(name: string, origin: string, seq: number): boolean {
    const kept = this.#deps.journal.kept.get(name);
    if (kept?.origin !== origin || seq > kept.seq) return false;
    this.#deps.acknowledge(name, origin, kept.seq);
    this.#deps.events.emit("report", "known");
    return true;
  }

  /** It began and was received at these times, in milliseconds since 1970. */
  sweep(name: string, sweep: SweepMessage, at: number, receivedAt: number): void {
    void this.#keepReport(name, { sweeps: [{ node: name, at, receivedAt, sweep }] }, sweep.origin, sweep.seq);
  }

  gap(name: string, gap: GapMessage): void {
    const at = this.#deps.now();
    // That it happened is kept with it.
    void this.#keepReport(name, { gaps: [{ node: name, at, gap }] }, gap.origin, gap.until);
    const count = gap.until - gap.seq + 1;
    const text = `${count} sweeps of ${name} were lost: ${gap.reason}`;
    this.#deps.events.emit("happening", "gap", name, text, at);
  }

  happened(kind: Happening, node: string | undefined, text: string): void {
    const at = this.#deps.now();
    this.#deps.events.emit("happening", kind, node, text, at);
    const happenings = [{ at, kind, node, text }];
    void this.#keep({ happenings }).then((isKept) => {
      if (!isKept) this.#unkept.happenings = newest([...this.#unkept.happenings, ...happenings]);
    });
  }

  /** They are told when they are kept, or cannot be for now. */
  async transitions(transitions: readonly KeptTransition[]): Promise<void> {
    if (!(await this.#keep({ transitions })))
      this.#unkept.transitions = newest([...this.#unkept.transitions, ...transitions]);
    this.#deps.events.emit("transitions", transitions);
  }

  /** To be called every second or so. */
  tick(): void {
    if (this.#problem !== undefined && this.#deps.monotonic() >= this.#retryAt) void this.#retry();
  }

  /** Once it is kept, the agent need not keep it any more. */
  async #keepReport(name: string, entry: Entry, origin: string, seq: number): Promise<void> {
    const before = this.#onItsWay.get(name);
    const own = { node: name, origin, seq };
    this.#onItsWay.set(name, own);
    // An acknowledgement is one of all that came before, too: nothing may be kept after what could not be.
    const isKept =
      !this.#unacknowledged.has(name) &&
      (await this.#keep(before?.origin === origin ? { ...entry, follows: before } : entry));
    if (this.#onItsWay.get(name) === own) this.#onItsWay.delete(name);
    this.#deps.events.emit("report", isKept ? "kept" : "unkept");
    if (isKept) this.#deps.acknowledge(name, origin, seq);
    else this.#unacknowledged.add(name);
  }

  /** Whether it is on the disk now. Once that fails, it is tried again in a while. */
  async #keep(entry: Entry): Promise<boolean> {
    const problem = await this.#tryToKeep(entry);
    if (problem === undefined) return true;
    if (this.#problem === undefined)
      this.#deps.events.emit("happening", "history-problem", undefined, problem, this.#deps.now());
    // What is refused later is often refused because of this one.
    this.#problem ??= problem;
    this.#retryAt = this.#deps.monotonic() + retryMs;
    return false;
  }

  /** Returns why it is not on the disk. */
  async #tryToKeep(entry: Entry): Promise<string | undefined> {
    try {
      const startedAt = this.#deps.monotonic();
      await this.#deps.journal.commit(entry);
      this.#deps.events.emit("committed", this.#deps.monotonic() - startedAt);
      return undefined;
    } catch (error) {
      const next = error instanceof PortmeshError ? error.next : undefined;
      return next === undefined ? describeError(error) : `${(error as Error).message}. ${next}`;
    }
  }

  async #retry(): Promise<void> {
    this.#retryAt = this.#deps.monotonic() + retryMs;
    const text = `nothing was kept for a while: ${this.#problem}`;
    const at = this.#deps.now();
    const over: KeptHappening = { at, kind: "history-problem", node: undefined, text };
    const { transitions, happenings } = this.#unkept;
    this.#unkept = { transitions: [], happenings: [] };
    const problem = await this.#tryToKeep({ transitions, happenings: [...happenings, over] });
    if (problem !== undefined) {
      this.#problem = problem;
      this.#unkept = {
        transitions: newest([...transitions, ...this.#unkept.transitions]),
        happenings: newest([...happenings, ...this.#unkept.happenings]),
      };
      return;
    }
    this.#deps.events.emit("happening", over.kind, undefined, "history is kept again", at);
    this.#problem = undefined;
    // They still have what was not acknowledged, and say it again when they come back; not before they do.
    for (const name of this.#unacknowledged) this.#deps.dismiss(name);
  }
}

/** The oldest go where there are too many. */
function newest<Item>(items: Item[]): Item[] {
  return items.length <= maxUnkept ? items : items.slice(-maxUnkept);
}
