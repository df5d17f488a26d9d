/** Which news a change of a path is, and what of it has gathered for one message. */
import type { Happening } from "../../shared/api.ts";
import { verdictOf } from "../../shared/names.ts";
import type { NewsKind, PathNews } from "../../shared/notification.ts";
import type { KeptHappening, KeptTransition } from "../journal/journal.ts";
import { reasonOfCode, verdictOfCode } from "../watch/live-matrix.ts";

/** Listed in one message; more are counted. */
const mostTransitions = 100;
const mostHappenings = 50;
/** Failing paths that are out of sight; of more it is not known any more that they failed. */
const mostLost = 100_000;

/**
 * Tells what changes of paths mean. A path that fails, is unknown for a while and works again has recovered; one that
 * fails again after that has not begun to.
 */
export class PathNewsReader {
  readonly #outOfSight = new Set<string>();

  /** Undefined where it is no news. */
  read(transition: KeptTransition): PathNews | undefined {
    const was = verdictOfCode(transition.before);
    const is = verdictOfCode(transition.after);
    if (is === "unknown") {
      if (was === "fail" && this.#outOfSight.size < mostLost) this.#outOfSight.add(pathOf(transition));
      return "unknown";
    }
    const failed = was === "fail" || (was === "unknown" && this.#outOfSight.delete(pathOf(transition)));
    if (is === "fail") return failed ? undefined : "fail";
    if (failed) return "recover";
    return was === "unknown" ? "unknown" : "warn";
  }
}

/** Paths that changed together, one by one. */
export function* pathsOf({ others = [], ...first }: KeptTransition): Generator<KeptTransition> {
  yield first;
  for (const other of others) yield { ...first, ...other, evidence: undefined };
}

function pathOf({ from, to, spec, flow, expected }: KeptTransition): string {
  return JSON.stringify([from, to, spec, flow, expected]);
}

/** What one message will tell. */
export class Digest {
  readonly transitions: KeptTransition[] = [];
  readonly happenings: KeptHappening[] = [];
  readonly #counts = new Map<NewsKind, number>();
  readonly #outside = new Map<NewsKind, number>();

  get counts(): { kind: NewsKind; count: number }[] {
    return Array.from(this.#counts, ([kind, count]) => ({ kind, count }));
  }

  /** As a sentence without its end: `3 paths and 1 endpoint began to fail, 1 path recovered, reload-failed`. */
  get inWords(): string {
    return Array.from(this.#counts, ([kind, count]) =>
      inWords(kind, count, this.#outside.get(kind) ?? 0),
    ).join(", ");
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Counted, and not listed. */
  get omitted(): number {
    const all = this.counts.reduce((sum, { count }) => sum + count, 0);
    return all - this.transitions.length - this.happenings.length;
  }

  addTransition(kind: PathNews, transition: KeptTransition): void {
    this.#count(kind);
    if (transition.isOutside) this.#outside.set(kind, (this.#outside.get(kind) ?? 0) + 1);
    if (this.transitions.length < mostTransitions) this.transitions.push(transition);
  }

  addHappening(happening: KeptHappening & { kind: NewsKind & Happening }): void {
    this.#count(happening.kind);
    if (this.happenings.length < mostHappenings) this.happenings.push(happening);
  }

  #count(kind: NewsKind): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}

const phrases: Readonly<Record<PathNews, string>> = {
  fail: "began to fail",
  recover: "recovered",
  warn: "became a warning or ceased to be one",
  unknown: "became unknown or known again",
};

/** `outside` of them are of endpoints. */
function inWords(kind: NewsKind, count: number, outside: number): string {
  if (!(kind in phrases)) return count === 1 ? kind : `${count} times ${kind}`;
  const what = [counted(count - outside, "path"), counted(outside, "endpoint")].filter((text) => text !== "");
  return `${what.join(" and ")} ${phrases[kind as PathNews]}`;
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `n1 -> n2 gossip: fail dropped` */
export function transitionInWords({ from, to, flow, after }: KeptTransition): string {
  const reason = reasonOfCode(after);
  return `${from} -> ${to} ${flow}: ${verdictOf(reason)} ${reason}`;
}
