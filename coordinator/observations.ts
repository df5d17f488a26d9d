/** The outcomes of one round, a few bytes a port: what the report and the matrix are judged from. */
import type { PathQuality } from "../shared/judge.ts";
import { outcomeKinds, probePhases, type ExchangeName, type OutcomeKind } from "../shared/names.ts";
import type { Outcome, Proof } from "../shared/outcome.ts";
import { countPorts, eachPort, hasPort, portSetOf, readPorts, type PortSet } from "../shared/ports.ts";
import type { Plan, Target } from "../shared/plan.ts";
import type { QualityMessage, ResultsMessage } from "../shared/wire.ts";
import { HostSignsByAddress } from "./host-signs.ts";
import { Sightings } from "./sightings.ts";

interface Detail {
  code?: string | undefined;
  detail?: string | undefined;
  exchange?: ExchangeName | undefined;
  proof?: Proof | undefined;
}

/** Agents tell that many ports of a target apart. */
const maxParts = 16;

interface TargetQuality {
  sent: number;
  lost: number;
  blackHole?: PathQuality["blackHole"];
  parts: { ports: PortSet; rttMs: number | undefined }[];
}

const witnessed: ReadonlySet<OutcomeKind> = new Set(["silent", "refused", "reset"]);

export class Observations {
  readonly #plan: Plan;
  /** Where the ports of each target begin in the columns. */
  readonly #offsets: Uint32Array;
  /** Position in `outcomeKinds` plus one; 0 where nothing was reported. */
  readonly #kind: Uint8Array;
  readonly #phase: Uint8Array;
  readonly #attempts: Uint8Array;
  readonly #elapsedMs: Float32Array;
  readonly #rttMs: Float32Array;
  readonly #details = new Map<number, Detail>();
  readonly #quality = new Map<number, TargetQuality>();
  readonly #cut = new Set<number>();
  #fullSweepMs = 0;
  readonly hostSigns = new HostSignsByAddress();
  readonly sightings = new Sightings();
  #count = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#offsets = new Uint32Array(plan.targets.length);
    let size = 0;
    for (const target of plan.targets) {
      this.#offsets[target.id] = size;
      size += countPorts(target.ports);
    }
    this.#kind = new Uint8Array(size);
    this.#phase = new Uint8Array(size);
    this.#attempts = new Uint8Array(size);
    this.#elapsedMs = new Float32Array(size);
    this.#rttMs = new Float32Array(size);
  }

  /** Ports with a result, and all that were planned. */
  get progress(): { done: number; of: number } {
    return { done: this.#count, of: this.#kind.length };
  }

  /**
   * Takes a frame of results from one node. Results for targets that are not this node's are refused as a
   * whole: an agent speaks for itself only.
   * @returns what was wrong with the frame, or undefined.
   */
  record(node: number, message: ResultsMessage): string | undefined {
    const { target, port, outcome, phase, elapsedUs, rttUs, attempts, details } = message;
    const columns = [port, outcome, phase, elapsedUs, rttUs, attempts];
    if (columns.some((column) => column.length !== target.length)) return "the columns differ in length";
    const cells = target.map((id, index) => this.#cell(node, id, port[index]!));
    if (cells.includes(undefined)) return "a result is not for a target of this node";
    for (const [index, cell] of (cells as number[]).entries()) {
      if (this.#kind[cell] === 0) this.#count++;
      this.#kind[cell] = outcome[index]! + 1;
      this.#phase[cell] = phase[index]!;
      this.#attempts[cell] = attempts[index]!;
      this.#elapsedMs[cell] = elapsedUs[index]! / 1_000;
      this.#rttMs[cell] = rttUs[index]! / 1_000;
      this.#details.delete(cell);
      const { address, transport } = this.#plan.targets[target[index]!]!;
      this.hostSigns.record(node, address, transport, {
        kind: outcomeKinds[outcome[index]!]!,
        phase: probePhases[phase[index]!]!,
        elapsedMs: this.#elapsedMs[cell],
        attempts: attempts[index]!,
      });
    }
    for (const { at, ...rest } of details) {
      const cell = (cells as number[])[at];
      if (cell !== undefined) this.#details.set(cell, rest);
    }
    return undefined;
  }

  /** The time for sweeps was up before these targets of a node were swept. */
  recordCut(node: number, targets: readonly number[], fullSweepMs: number): void {
    for (const id of targets) if (this.#plan.targets[id]?.from === node) this.#cut.add(id);
    if (targets.length > 0) this.#fullSweepMs = Math.max(this.#fullSweepMs, fullSweepMs);
  }

  /** Whether only samples of this target's ports were to be probed. */
  isCut(target: Target): boolean {
    return this.#cut.has(target.id);
  }

  /** How long the slowest node needs to sweep all that was cut, in milliseconds. */
  get fullSweepMs(): number {
    return this.#fullSweepMs;
  }

  /** Takes measurements from one node. Returns what was wrong with them, or undefined. */
  recordQuality(node: number, { targets }: QualityMessage): string | undefined {
    if (targets.some(({ target }) => this.#plan.targets[target]?.from !== node))
      return "a measurement is not of a target of this node";
    for (const { target, ports, sent, lost, rttUs, blackHole } of targets) {
      const known: TargetQuality = this.#quality.get(target) ?? { sent: 0, lost: 0, parts: [] };
      if (lost > sent || known.parts.length >= maxParts) return "a measurement makes no sense";
      // Loss is a matter of the whole way: the ports of a target share what was counted.
      known.sent += sent;
      known.lost += lost;
      known.blackHole ??= blackHole;
      known.parts.push({
        ports: readPorts(ports) ?? [],
        rttMs: rttUs === undefined ? undefined : rttUs / 1_000,
      });
      this.#quality.set(target, known);
    }
    return undefined;
  }

  /** Undefined where nothing was measured. */
  quality(target: Target, port: number): PathQuality | undefined {
    const known = this.#quality.get(target.id);
    if (known === undefined) return undefined;
    const { sent, lost, blackHole, parts } = known;
    // Of a large range some ports speak for all.
    const part =
      parts.find(({ ports }) => hasPort(ports, port)) ?? (parts.length === 1 ? parts[0] : undefined);
    return {
      sent,
      lost,
      ...(part?.rttMs === undefined ? {} : { rttMs: part.rttMs }),
      ...(blackHole === undefined ? {} : { blackHole }),
    };
  }

  /** The ports of a target on which a probe failed for a reason that the far end may know more about. */
  failures(target: Target): PortSet {
    let cell = this.#offsets[target.id]!;
    const failed: number[] = [];
    for (const port of eachPort(target.ports)) {
      const kind = this.#kind[cell++]!;
      if (kind > 0 && witnessed.has(outcomeKinds[kind - 1]!)) failed.push(port);
    }
    return portSetOf(failed);
  }

  /** What one port of a target did, or undefined where nothing was reported. */
  outcome(target: Target, port: number): Outcome | undefined {
    const cell = this.#offsets[target.id]! + rankOf(target, port);
    const kind = this.#kind[cell]!;
    if (kind === 0) return undefined;
    const details = this.#details.get(cell);
    const { code, detail, exchange, proof } = details ?? {};
    const outcome: Outcome = {
      kind: outcomeKinds[kind - 1]!,
      phase: probePhases[this.#phase[cell]!]!,
      elapsedMs: this.#elapsedMs[cell]!,
      attempts: this.#attempts[cell]!,
    };
    if (this.#rttMs[cell]! > 0) outcome.rttMs = this.#rttMs[cell]!;
    if (code !== undefined) outcome.code = code;
    if (detail !== undefined) outcome.detail = detail;
    if (exchange !== undefined) outcome.exchange = exchange;
    if (proof !== undefined) outcome.proof = proof;
    // An agent that has nothing to add leaves out the proof that says just what was expected.
    else if (outcome.kind === "open" && details === undefined) {
      outcome.proof = {
        node: target.to,
        port,
        seenAddress: "",
        seenPort: 0,
        clientVerified: target.protocol === "mtls",
      };
    }
    return outcome;
  }

  #cell(node: number, id: number, port: number): number | undefined {
    const target = this.#plan.targets[id];
    if (target === undefined || target.from !== node) return undefined;
    const rank = rankOf(target, port);
    return rank < 0 ? undefined : this.#offsets[id]! + rank;
  }
}

/** The position of a port among the ports of a target, or -1. */
function rankOf(target: Target, port: number): number {
  let rank = 0;
  for (const [first, last] of target.ports) {
    if (port < first) return -1;
    if (port <= last) return rank + port - first;
    rank += last - first + 1;
  }
  return -1;
}
