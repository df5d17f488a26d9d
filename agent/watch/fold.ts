/**
 * Folds the results of a sweep as they come: what is as expected leaves a latency, all else joins those that fared
 * the same. Whatever the network does, a fold stays within what one frame carries.
 */
import { neighbourTimeoutMs } from "../../shared/judge.ts";
import { median } from "../../shared/median.ts";
import { formatPorts, portSetOf } from "../../shared/ports.ts";
import { formatRanges } from "../../shared/ranges.ts";
import { rttBucket, type OddGroup } from "../../shared/watch-wire.ts";
import type { ProbeResult } from "../prober.ts";

/** All groups together, in characters: half a frame. */
const mostCharacters = 2 * 1024 * 1024;
/** Of one target: the coordinator takes no more than 64. */
const mostKindsOfTarget = 48;
const mostKinds = 2_048;
/** Texts that differ in what else is the same; more are left out. */
const mostDetails = 64;
const mostText = 200;

interface Spot {
  ports: number[];
  elapsedMs: number;
  attempts: number;
}

/** All that fared the same. */
interface Kind {
  told: Omit<OddGroup, "targets" | "ports" | "elapsedMs" | "attempts">;
  spots: Map<number, Spot>;
}

export interface Folded {
  odd: OddGroup[];
  /** Targets of which not all could be said. */
  untold: number[];
}

export class Fold {
  readonly #ownAddresses: ReadonlySet<string>;
  readonly #kinds = new Map<string, Kind>();
  readonly #details = new Map<string, Set<string>>();
  readonly #kindsOf = new Map<number, number>();
  /** By target: the buckets of its ports. */
  readonly #rtts = new Map<number, number[]>();
  #count = 0;

  /** `ownAddresses` are the node's addresses as peers know them: a probe that was seen from any other is odd. */
  constructor(ownAddresses: Iterable<string>) {
    this.#ownAddresses = new Set(ownAddresses);
  }

  get probes(): number {
    return this.#count;
  }

  /** The id of an order is its target's position. */
  add(result: ProbeResult): void {
    this.#count++;
    const { order, port, outcome } = result;
    if (outcome.kind === "open" && outcome.rttMs !== undefined) {
      const buckets = this.#rtts.get(order.id);
      if (buckets === undefined) this.#rtts.set(order.id, [rttBucket(outcome.rttMs)]);
      else buckets.push(rttBucket(outcome.rttMs));
    }
    if (this.#isAsExpected(result)) return;
    const { spots } = this.#kindOf(result);
    const spot = spots.get(order.id);
    if (spot === undefined) {
      spots.set(order.id, { ports: [port], elapsedMs: outcome.elapsedMs, attempts: outcome.attempts });
      this.#kindsOf.set(order.id, (this.#kindsOf.get(order.id) ?? 0) + 1);
    } else {
      spot.ports.push(port);
      spot.elapsedMs = Math.max(spot.elapsedMs, outcome.elapsedMs);
      spot.attempts = Math.max(spot.attempts, outcome.attempts);
    }
  }

  /** One byte for each of `targets` targets. */
  latencies(targets: number): Buffer {
    const bytes = Buffer.alloc(targets);
    for (const [target, buckets] of this.#rtts) bytes[target] = median(buckets)!;
    return bytes;
  }

  /** `isLeftOut`: targets of which nothing is to be said. */
  groups(isLeftOut: (target: number) => boolean = () => false): Folded {
    const groups = [...this.#kinds.values()]
      .flatMap((kind) => groupsOf(kind, isLeftOut))
      .map((group) => ({ group, characters: JSON.stringify(group).length }))
      // The shortest say the most.
      .toSorted((a, b) => a.characters - b.characters);
    let characters = 0;
    let end = 0;
    while (end < groups.length && (characters += groups[end]!.characters + 1) <= mostCharacters) end++;
    return {
      odd: groups.slice(0, end).map(({ group: { group } }) => group),
      untold: groups.slice(end).flatMap(({ group: { positions } }) => positions),
    };
  }

  #isAsExpected({ order, port, outcome: { kind, proof } }: ProbeResult): boolean {
    if (kind !== "open") return false;
    if (proof === undefined) return order.service !== undefined;
    return (
      proof.node === order.to &&
      proof.port === port &&
      proof.clientVerified === (order.protocol === "mtls") &&
      this.#ownAddresses.has(proof.seenAddress)
    );
  }

  /** Where there is too much to tell apart, only the kind of the outcome and the first of its proofs remain. */
  #kindOf({ order, port, outcome }: ProbeResult): Kind {
    const { kind, phase, code, detail, exchange, proof } = outcome;
    const base = {
      kind,
      phase,
      ...(code === undefined ? {} : { code: code.slice(0, mostText) }),
      ...(exchange === undefined ? {} : { exchange }),
      ...(proof === undefined
        ? {}
        : { proof: { ...proof, port: proof.port === port ? 0 : proof.port, seenPort: 0 } }),
    };
    // The judgement asks whether an answer came at once or after the neighbour's time-out.
    const isLate = outcome.elapsedMs >= neighbourTimeoutMs;
    const key = JSON.stringify([base, isLate]);
    const text = detail === undefined ? undefined : this.#detail(key, detail.slice(0, mostText));
    const whole = `${key} ${text ?? ""}`;
    const known = this.#kinds.get(whole);
    const isRoom =
      (this.#kindsOf.get(order.id) ?? 0) < mostKindsOfTarget &&
      (known !== undefined || this.#kinds.size < mostKinds);
    if (known?.spots.has(order.id) === true || (known !== undefined && isRoom)) return known;
    if (isRoom) return this.#add(whole, text === undefined ? base : { ...base, detail: text });
    const coarse = `${kind} ${isLate} ${proof !== undefined}`;
    const { proof: first } = base;
    return (
      this.#kinds.get(coarse) ??
      this.#add(coarse, { kind, phase, ...(first === undefined ? {} : { proof: first }) })
    );
  }

  #add(key: string, told: Kind["told"]): Kind {
    const kind = { told, spots: new Map<number, Spot>() };
    this.#kinds.set(key, kind);
    return kind;
  }

  #detail(key: string, detail: string): string | undefined {
    let known = this.#details.get(key);
    if (known === undefined) this.#details.set(key, (known = new Set()));
    if (known.has(detail)) return detail;
    if (known.size >= mostDetails) return undefined;
    known.add(detail);
    return detail;
  }
}

/** One for each set of ports. */
function groupsOf(
  { told, spots }: Kind,
  isLeftOut: (target: number) => boolean,
): { group: OddGroup; positions: number[] }[] {
  const texts = Map.groupBy(
    [...spots].filter(([target]) => !isLeftOut(target)).toSorted(([a], [b]) => a - b),
    ([, { ports }]) => formatPorts(portSetOf(ports)),
  );
  return Array.from(texts, ([ports, same]) => {
    const positions = same.map(([target]) => target);
    const elapsedMs = same.reduce((most, [, spot]) => Math.max(most, spot.elapsedMs), 0);
    const attempts = same.reduce((most, [, spot]) => Math.max(most, spot.attempts), 1);
    return {
      positions,
      group: {
        targets: formatRanges(positions),
        ports,
        ...told,
        elapsedMs: Math.round(elapsedMs * 1_000) / 1_000,
        attempts: Math.min(255, attempts),
      },
    };
  });
}
