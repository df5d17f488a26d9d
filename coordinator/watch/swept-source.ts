/**
 * What one node last told of its paths: what was odd in its sweep and, since everything else was as expected, the
 * outcome of every port of every target.
 */
import type { PathQuality } from "../../shared/judge.ts";
import type { Outcome } from "../../shared/outcome.ts";
import type { Plan, Target } from "../../shared/plan.ts";
import { hasPort, readPorts, union, type PortSet } from "../../shared/ports.ts";
import { readRanges } from "../../shared/ranges.ts";
import { bucketMs, type OddGroup, type PoorTarget, type SweepMessage } from "../../shared/watch-wire.ts";
import { HostSignsByAddress, type HostSigns } from "../host-signs.ts";
import type { PathObservations } from "../path-findings.ts";
import { Sightings } from "../sightings.ts";
import { OddParts } from "./odd-parts.ts";

/** How often a target may be named: a frame must not unfold without end. */
const maxPartsPerTarget = 64;
/** A whole sweep speaks for the samples after it for so long: a night and the day after it, with room for a late one. */
const rememberedMs = 36 * 3_600_000;
const witnessed: ReadonlySet<string> = new Set(["silent", "refused", "reset"]);

export class SweptSource implements PathObservations {
  readonly node: number;
  readonly #plan: Plan;
  readonly #first: number;
  readonly #count: number;
  /** Whether a far end holds a port by a real service, which answers without a proof. */
  readonly #isService: (target: Target, port: number) => boolean;
  #odd: ReadonlyMap<number, OddParts> = new Map();
  #poor: ReadonlyMap<number, readonly PoorTarget[]> = new Map();
  #rtt: Uint8Array = new Uint8Array();
  #cut: ReadonlySet<number> = new Set();
  #skipped: ReadonlySet<number> = new Set();
  #isSwept = false;
  /** Signatures are kept pair by pair: those that are the same are one string. */
  readonly #texts = new Map<string, string>();
  /** Of what is sampled: the share of its ports that one sweep has, and when all of them were probed. */
  #share = 1;
  readonly #wholeAt = new Map<number, number>();
  #probes = 0;
  #fullSweepMs = 0;
  sightings = new Sightings();
  /** What probes to the addresses of one far node at a time show of the host. */
  readonly hostSigns = { of: (_from: number, address: string, to: number) => this.#signsOf(address, to) };
  #signs: { address: string; to: number; found: HostSigns | undefined } | undefined;

  constructor(plan: Plan, node: number, isService: (target: Target, port: number) => boolean) {
    this.node = node;
    this.#plan = plan;
    const [first, end] = plan.pairs.targetsFrom(node);
    this.#first = first;
    this.#count = end - first;
    this.#isService = isService;
  }

  /** Of its last sweep. */
  get probes(): number {
    return this.#probes;
  }

  /** How long a sweep of all its ports takes; 0 where each sweep has them all. */
  get fullSweepMs(): number {
    return this.#fullSweepMs;
  }

  /** Positions of targets of which the last sweep had a sample only. */
  get cut(): ReadonlySet<number> {
    return this.#cut;
  }

  /** Of all that the node has. */
  get targetCount(): number {
    return this.#count;
  }

  /**
   * `at` is when it ended, in milliseconds since 1970; `budgetMs` for how long ranges may be swept.
   * @returns what was wrong with the message, in which case nothing of it counts.
   */
  sweep(message: Omit<SweepMessage, "type">, at: number, budgetMs: number): string | undefined {
    const odd = this.#unfold(message.odd);
    const cut = readRanges(message.cut, this.#count);
    const rtt = Buffer.from(message.rtt, "base64");
    if (odd === undefined || cut === undefined) return "a sweep names a target that this node has not";
    if (rtt.length !== this.#count) return "a sweep does not tell the latency of each target";
    if (message.poor?.some(({ target, sent, lost }) => target >= this.#count || lost > sent) === true)
      return "a measurement makes no sense";
    const before = this.#odd;
    this.#odd = odd;
    this.#noteWhole(new Set(cut), new Set(message.skipped), at);
    this.#cut = new Set(cut);
    this.#probes = message.probes;
    this.#fullSweepMs = message.fullSweepMs;
    this.#share = message.fullSweepMs === 0 ? 1 : Math.min(1, budgetMs / message.fullSweepMs);
    this.#rtt = rtt;
    this.#skipped = new Set(message.skipped);
    if (message.poor !== undefined) this.#poor = Map.groupBy(message.poor, ({ target }) => target);
    this.#isSwept = true;
    this.#keepSightings((position) => {
      const parts = odd.get(position);
      return parts !== undefined && before.get(position)?.text === parts.text;
    });
    return undefined;
  }

  /** The same ports of the same targets were looked at once more. */
  again(asked: ReadonlyMap<number, PortSet>, odd: readonly OddGroup[]): string | undefined {
    const found = this.#unfold(odd);
    if (found === undefined || [...found.keys()].some((position) => !asked.has(position)))
      return "what was looked at again was not asked for";
    const merged = new Map(this.#odd);
    for (const [position, ports] of asked) {
      let parts = merged.get(position)?.without(ports) ?? OddParts.none();
      for (const part of found.get(position)?.parts ?? []) parts = parts.with(part);
      if (parts.parts.length === 0) merged.delete(position);
      else merged.set(position, parts);
    }
    this.#odd = merged;
    this.#keepSightings((position) => !asked.has(position));
    return undefined;
  }

  /** These far nodes are to be asked anew: what they saw was of the probes before. */
  forgetSightings(far: readonly number[]): void {
    const { pairs } = this.#plan;
    const asked = new Set(far);
    this.sightings = this.sightings.of((target) => !asked.has(pairs.target(target)!.to));
  }

  /** What there is to judge of the targets of a pair: the same text means the same judgement. Empty where all is as expected. */
  signature(to: number): string {
    if (this.#skipped.has(to)) return "skipped";
    const { pairs } = this.#plan;
    const first = pairs.firstTarget(this.node, to) - this.#first;
    const texts: string[] = [];
    for (let index = 0; index < pairs.rows(this.node, to).targets.length; index++) {
      const position = first + index;
      const parts = this.#odd.get(position);
      if (parts !== undefined) texts.push(`${index} ${parts.text}`);
      const poor = this.#poor.get(position);
      if (poor !== undefined) texts.push(`${index} ${JSON.stringify(poor)}`);
      if (this.#cut.has(position)) texts.push(`${index} cut`);
    }
    const text = texts.join("\n");
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  /**
   * What else the judgement of a pair depends on, where something of it failed: what the far end saw, and what all
   * probes say of the hosts. The same text, beside the same signature, means the same judgement.
   */
  circumstances(to: number): string {
    const { pairs } = this.#plan;
    const first = pairs.firstTarget(this.node, to);
    const texts: string[] = [];
    for (let index = 0; index < pairs.rows(this.node, to).targets.length; index++) {
      if (!this.#odd.has(first + index - this.#first)) continue;
      const { address } = pairs.target(first + index)!;
      const signs = Object.values(this.#signsOf(address, to) ?? {});
      texts.push([this.sightings.textOf(first + index), ...signs].join(" "));
    }
    if (texts.length === 0) return "";
    const { unanswered, restarted } = this.sightings;
    return `${unanswered.has(to)} ${restarted.has(to)}\n${texts.join("\n")}`;
  }

  /** Whether far ends may know more of what failed there. */
  hasFailures(to: number): boolean {
    const { pairs } = this.#plan;
    const first = pairs.firstTarget(this.node, to) - this.#first;
    const count = pairs.rows(this.node, to).targets.length;
    for (let position = first; position < first + count; position++)
      if (this.#odd.get(position)?.parts.some(({ group }) => witnessed.has(group.kind)) === true) return true;
    return false;
  }

  /** Far nodes of which there is anything to tell. */
  get oddNodes(): Set<number> {
    const positions = new Set([...this.#odd.keys(), ...this.#poor.keys(), ...this.#cut]);
    const { pairs } = this.#plan;
    return new Set([
      ...Array.from(positions, (position) => pairs.target(this.#first + position)!.to),
      ...this.#skipped,
    ]);
  }

  outcome(target: Target, port: number): Outcome | undefined {
    if (!this.#isSwept || this.#skipped.has(target.to)) return undefined;
    const position = target.id - this.#first;
    const part = this.#odd.get(position)?.parts.find(({ ports }) => hasPort(ports, port));
    if (part !== undefined) {
      const { targets: _targets, ports: _ports, ...outcome } = part.group;
      const { proof } = outcome;
      // A group of ports of which each arrived where it was sent, but not as expected.
      return proof?.port === 0 ? { ...outcome, proof: { ...proof, port } } : outcome;
    }
    // Of a range that was cut short it is not known which of the others were probed; those that were, were well.
    const bucket = this.#rtt[position] ?? 0;
    const rtt = bucket === 0 ? {} : { rttMs: bucketMs(bucket) };
    const common = {
      kind: "open" as const,
      phase: "answer" as const,
      elapsedMs: bucketMs(bucket),
      attempts: 1,
      ...rtt,
    };
    return this.#isService(target, port)
      ? common
      : {
          ...common,
          proof: {
            node: target.to,
            port,
            seenAddress: "",
            seenPort: 0,
            clientVerified: target.protocol === "mtls",
          },
        };
  }

  quality(target: Target, port: number): PathQuality | undefined {
    const poor = this.#poor.get(target.id - this.#first);
    const found = poor?.find(({ ports }) => hasPort(readPorts(ports) ?? [], port)) ?? poor?.[0];
    if (found === undefined) return undefined;
    const { sent, lost, rttMs, blackHole } = found;
    return {
      sent,
      lost,
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(blackHole === undefined ? {} : { blackHole }),
    };
  }

  isCut(target: Target): boolean {
    return this.#cut.has(target.id - this.#first);
  }

  /** Undefined where all ports are probed in every sweep. */
  sample(target: Target): { share: number; wholeAt: number | undefined } | undefined {
    const position = target.id - this.#first;
    if (!this.#cut.has(position)) return undefined;
    return { share: this.#share, wholeAt: this.#wholeAt.get(position) };
  }

  rttMs(target: Target): number | undefined {
    return this.rttAt(target.id - this.#first);
  }

  /** Of the target at a position of the pinglist, in milliseconds; undefined where it did not answer. */
  rttAt(position: number): number | undefined {
    const bucket = this.#rtt[position] ?? 0;
    return bucket === 0 ? undefined : bucketMs(bucket);
  }

  /** The ports of a target on which a probe failed for a reason that the far end may know more about. */
  failures(target: Target): PortSet {
    const failed = this.#odd
      .get(target.id - this.#first)
      ?.parts.filter(({ group }) => witnessed.has(group.kind));
    return union((failed ?? []).map(({ ports }) => ports));
  }

  /** What was not as expected of the target at a position of the pinglist; the same object where it was the same. */
  oddAt(position: number): OddParts | undefined {
    return this.#odd.get(position);
  }

  /** What was cut the last time and is not now was swept whole; what is cut for long is not known any more. */
  #noteWhole(cut: ReadonlySet<number>, skipped: ReadonlySet<number>, at: number): void {
    const { pairs } = this.#plan;
    for (const position of this.#cut)
      if (!cut.has(position) && !skipped.has(pairs.target(this.#first + position)!.to))
        this.#wholeAt.set(position, at);
    for (const [position, wholeAt] of this.#wholeAt)
      if (at - wholeAt > rememberedMs) this.#wholeAt.delete(position);
  }

  #unfold(groups: readonly OddGroup[]): ReadonlyMap<number, OddParts> | undefined {
    const odd = new Map<number, OddParts>();
    const none = OddParts.none();
    for (const group of groups) {
      const positions = readRanges(group.targets, this.#count);
      const ports = readPorts(group.ports);
      if (positions === undefined || ports === undefined || ports.length === 0) return undefined;
      const part = { ports, group };
      for (const position of positions) {
        const parts = (odd.get(position) ?? none).with(part);
        if (parts.parts.length > maxPartsPerTarget) return undefined;
        odd.set(position, parts);
      }
    }
    return odd;
  }

  /**
   * What far ends saw was of the probes before. Nobody is asked again of what is settled, and as long as a target is
   * as it was, that is what there is to tell of it.
   */
  #keepSightings(isAsItWas: (position: number) => boolean): void {
    this.sightings = this.sightings.of((target) => isAsItWas(target - this.#first));
    this.#texts.clear();
    this.#signs = undefined;
  }

  /** Of one address at a time: they are asked for pair after pair, and a thousand would be much to keep. */
  #signsOf(address: string, to: number): HostSigns | undefined {
    if (this.#signs?.address !== address || this.#signs.to !== to)
      this.#signs = { address, to, found: this.#findSigns(address, to) };
    return this.#signs.found;
  }

  #findSigns(address: string, to: number): HostSigns | undefined {
    const { pairs } = this.#plan;
    const first = pairs.firstTarget(this.node, to);
    const signs = new HostSignsByAddress();
    for (let index = 0; index < pairs.rows(this.node, to).targets.length; index++) {
      const odd = this.#odd.get(first + index - this.#first);
      const target = odd === undefined ? undefined : pairs.target(first + index)!;
      if (odd === undefined || target?.address !== address) continue;
      for (const { group } of odd.parts) signs.record(this.node, address, target.transport, group);
      if (!odd.hasAllOf(target.ports)) signs.record(this.node, address, target.transport, well);
    }
    return signs.of(this.node, address);
  }
}

/** Some port of a target that is not among the odd ones. */
const well = { kind: "open", phase: "answer", elapsedMs: 0, attempts: 1 } as const;
