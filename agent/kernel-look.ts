/**
 * Finds out what a failed probe was not told, from the counters of this host's own kernel:
 *
 * - a firewall or route of this host that drops TCP on its way out is silent; only TCPRetransFail counts it;
 * - one that rejects it answers from the loopback interface;
 * - hosts limit their ICMP errors to about one a second for each peer (icmp_ratelimit), so of many rejected
 *   ports most look silent; and UDP sockets never hear of "host unreachable" and "network unreachable".
 *
 * Each look repeats a few probes alone. Counters are the host's: what other traffic could have caused is not
 * taken for evidence.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalAddress, isLoopback } from "../shared/addresses.ts";
import { neighbourTimeoutMs, rejectedNearbyCode } from "../shared/judge.ts";
import type { Outcome } from "../shared/outcome.ts";
import { ownAddresses } from "./health.ts";
import { readKernelCounters, since, type KernelCounters } from "./kernel-counters.ts";
import { probePort, type ProbeResult, type ProberDependencies } from "./prober.ts";
import type { Closable } from "./protocols/protocol.ts";
import { singleDatagram } from "./protocols/udp.ts";
import { keyOf, runsOf } from "./runs.ts";

/** A lost SYN is sent again after one second (RFC 6298 section 2.1). */
const retransmissionMs = 1_300;
/** Enough for an answer from anywhere. */
const answerMs = 500;
/** `icmp_ratelimit`: net/ipv4/icmp.c. */
const icmpPaceMs = 1_000;
/** Refused ports that are asked for where the refusal came from. */
const maxRefusals = 16;
/** How often a refusal must come from this host itself, with nothing on loopback in between. */
const refusalRounds = 2;
/** For a packet to this host itself. */
const momentMs = 20;
const maxRetransmissionTests = 4;
const maxPacedProbes = 8;
/** How many ICMP errors a host sends at once before it limits them (XRLIM_BURST_FACTOR). */
const icmpBurst = 6;

/** The same results in the same number, with outcomes explained where the kernel knew more. */
export async function askKernel(
  failures: readonly ProbeResult[],
  counted: KernelCounters,
  dependencies: ProberDependencies,
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const look = new KernelLook(failures, dependencies, signal);
  await look.findOwnRefusals();
  if (counted.retransmitsRefused > 0) await look.findOwnDrops();
  if (counted.unreachablesIn > 0) await look.findLimitedRejects();
  return look.results;
}

class KernelLook {
  readonly #results: ProbeResult[];
  readonly #deps: ProberDependencies;
  readonly #signal: AbortSignal;
  #pacedProbes = 0;
  #pacedAt = Number.NEGATIVE_INFINITY;

  constructor(failures: readonly ProbeResult[], dependencies: ProberDependencies, signal: AbortSignal) {
    this.#results = [...failures];
    this.#deps = dependencies;
    this.#signal = signal;
  }

  get results(): ProbeResult[] {
    return this.#results;
  }

  /** A refusal that arrives over loopback was made by this host's own firewall. */
  async findOwnRefusals(): Promise<void> {
    const own = ownAddresses();
    // What one host says to itself always arrives there.
    const isElsewhere = ({ order: { address } }: ProbeResult): boolean =>
      !isLoopback(address) && !own.has(canonicalAddress(address));
    const refused = this.#runs(isRefused).filter(([sample]) => isElsewhere(sample));
    for (const run of refused.slice(0, maxRefusals)) {
      if (this.#signal.aborted) return;
      let rounds = 0;
      while (rounds < refusalRounds && (await this.#isRefusedAtHome(run[0]))) rounds++;
      if (rounds === refusalRounds)
        this.#explain(
          run,
          ownFirewall("the refusal came from this host itself, over its loopback interface"),
        );
    }
  }

  /** SYNs that this host's own firewall swallows fail again when they are sent again. */
  async findOwnDrops(): Promise<void> {
    const runs = this.#runs(isSilentTcp);
    let tests = 0;
    const count = async (some: readonly Run[]): Promise<number> => {
      tests++;
      return (
        await this.#counting(
          some.map(([sample]) => sample),
          retransmissionMs,
        )
      ).retransmitsRefused;
    };
    /** Of `some` runs `refused` are known to be swallowed: which? */
    const search = async (some: readonly Run[], refused: number): Promise<void> => {
      if (refused <= 0 || some.length === 0 || this.#signal.aborted) return;
      if (refused >= some.length) {
        for (const run of some)
          this.#explain(run, ownFirewall("this host's kernel refused to send it (TCPRetransFail)"));
        return;
      }
      if (tests >= maxRetransmissionTests) return;
      const half = Math.ceil(some.length / 2);
      const inFirst = await count(some.slice(0, half));
      await search(some.slice(0, half), inFirst);
      await search(some.slice(half), refused - inFirst);
    };
    if (runs.length > 0) await search(runs, await count(runs));
  }

  /** Silent ports beside rejected ones, and silent UDP: asked one by one, as slowly as ICMP errors come. */
  async findLimitedRejects(): Promise<void> {
    const regions = this.#runs((result) => isSilent(result) || isRejection(result));
    const mixed = regions.filter((region) => region.some(isSilent) && region.some(isRejection));
    for (const region of mixed) await this.#explainRejected(region);
    const asked = new Set(mixed.flat().map(keyOf));
    const silent = this.#runs(isSilent).filter(([sample]) => !asked.has(keyOf(sample)));
    // A short run of silent TCP has been asked often enough, and TCP is told of every ICMP error that comes.
    const doubtful = silent.filter(({ length, 0: sample }) => !isSilentTcp(sample) || length > icmpBurst);
    if (doubtful.length === 0 || !(await this.#isAnyRejected(doubtful.map(middleOf)))) return;
    for (const run of doubtful.toSorted((a, b) => b.length - a.length)) await this.#explainRejected(run);
  }

  /** Within a region of silent and rejected ports: which of the silent ones share the fate of the others? */
  async #explainRejected(region: Run): Promise<void> {
    if (this.#signal.aborted) return;
    const rejected = new Set(region.flatMap((result, index) => (isRejection(result) ? [index] : [])));
    const ask = async (index: number): Promise<boolean> => {
      if (rejected.has(index)) return true;
      if (this.#pacedProbes++ >= maxPacedProbes) return false;
      const isRejected = await this.#isAnyRejected([region[index]!]);
      if (isRejected) rejected.add(index);
      return isRejected;
    };
    if (rejected.size === 0 && !(await ask(Math.floor(region.length / 2)))) return;
    const first = await edge(Math.min(...rejected), 0, ask);
    const last = await edge(Math.max(...rejected), region.length - 1, ask);
    this.#explain(region.slice(first, last + 1).filter(isSilent), (outcome) => ({
      ...outcome,
      code: rejectedNearbyCode,
      detail: "it is rejected as its neighbours are; hosts limit how many such errors they send",
    }));
  }

  /** What this host says to itself arrives within the moment, also where the socket is told only later. */
  async #isRefusedAtHome(sample: ProbeResult): Promise<boolean> {
    const before = readKernelCounters();
    const open = new Set<Closable>();
    const probing = this.#probe(sample, answerMs, open);
    await sleep(momentMs);
    const { loopbackPackets } = since(before);
    for (const closable of open) closable.destroy();
    await probing;
    if (loopbackPackets === 0) return false;
    // As long again without a probe: what arrives on loopback now would have arrived before, too.
    const quiet = readKernelCounters();
    await sleep(momentMs);
    return since(quiet).loopbackPackets === 0;
  }

  /** Whether an ICMP error comes back for any of these; UDP sockets are not told of all of them. */
  async #isAnyRejected(samples: readonly ProbeResult[]): Promise<boolean> {
    const waitMs = this.#pacedAt + icmpPaceMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.#signal }).catch(() => {});
    if (this.#signal.aborted) return false;
    this.#pacedAt = performance.now();
    const before = readKernelCounters();
    const outcomes = await Promise.all(samples.map((sample) => this.#probe(sample, answerMs)));
    if (outcomes.some(({ kind }) => kind === "refused" || kind === "unreachable")) return true;
    return samples.some(({ order }) => order.protocol === "udp") && since(before).unreachablesIn > 0;
  }

  async #counting(samples: readonly ProbeResult[], timeoutMs: number): Promise<KernelCounters> {
    const before = readKernelCounters();
    await Promise.all(samples.map((sample) => this.#probe(sample, timeoutMs)));
    return since(before);
  }

  #probe({ order, port }: ProbeResult, timeoutMs: number, open = this.#deps.context.open): Promise<Outcome> {
    const context = { ...this.#deps.context, timeoutMs, open, datagrams: singleDatagram };
    return probePort(order, port, { protocols: this.#deps.protocols, context });
  }

  #runs(isMember: (result: ProbeResult) => boolean): Run[] {
    return runsOf(this.#results.filter(isMember), () => true) as Run[];
  }

  #explain(run: readonly ProbeResult[], explain: (outcome: Outcome) => Outcome): void {
    const members = new Set(run);
    for (const [index, result] of this.#results.entries())
      if (members.has(result)) this.#results[index] = { ...result, outcome: explain(result.outcome) };
  }
}

function middleOf(run: Run): ProbeResult {
  return run[Math.floor(run.length / 2)]!;
}

type Run = [ProbeResult, ...ProbeResult[]];

/** The last position on the way from a rejected one to `end` that is rejected too. */
async function edge(from: number, end: number, ask: (index: number) => Promise<boolean>): Promise<number> {
  if (from === end || (await ask(end))) return end;
  let rejected = from;
  let silent = end;
  while (Math.abs(silent - rejected) > 1) {
    const middle = Math.trunc((rejected + silent) / 2);
    if (await ask(middle)) rejected = middle;
    else silent = middle;
  }
  return rejected;
}

function ownFirewall(detail: string): (outcome: Outcome) => Outcome {
  return (outcome) => ({ ...outcome, kind: "local-error", code: "EPERM", detail });
}

function isSilent({ order, outcome }: ProbeResult): boolean {
  return outcome.kind === "silent" && (order.protocol === "udp" || outcome.phase === "connect");
}

function isSilentTcp(result: ProbeResult): boolean {
  return isSilent(result) && result.order.protocol !== "udp";
}

function isRejection({ outcome }: ProbeResult): boolean {
  return (
    outcome.kind === "refused" || (outcome.kind === "unreachable" && outcome.elapsedMs < neighbourTimeoutMs)
  );
}

function isRefused(result: ProbeResult): boolean {
  const { order, outcome } = result;
  return isRejection(result) && order.protocol !== "udp" && outcome.phase === "connect";
}
