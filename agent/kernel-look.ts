/**
 * Finds out what a failed probe was not told, from the counters of this host's own kernel:
 *
 * - a firewall or route of this host that drops TCP on its way out is silent; only TCPRetransFail counts it;
 * - one that rejects it answers from the loopback interface;
 * - what hosts do not send for want of leave to send more errors: see limited-rejects.ts.
 *
 * Each look repeats a few probes alone. Counters are the host's: what other traffic could have caused is not
 * taken for evidence.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalAddress, isLoopback } from "../shared/addresses.ts";
import type { Outcome } from "../shared/outcome.ts";
import { ownAddresses } from "./health.ts";
import { grown, type KernelCounters } from "./kernel-counters.ts";
import { explainLimitedRejects } from "./limited-rejects.ts";
import type { ProbeResult, ProberDependencies } from "./prober.ts";
import type { Closable } from "./protocols/protocol.ts";
import { runsOf } from "./runs.ts";
import { answerMs, isRefused, isSilentTcp, nextSynMs, probeAlone } from "./solo-probe.ts";

/** Refused ports that are asked for where the refusal came from. */
const maxRefusals = 16;
/** How often a refusal must come from this host itself, with nothing else on loopback, and in how many tries. */
const refusalRounds = 5;
const maxRefusalTries = 20;
/** For a packet to this host itself. */
const momentMs = 20;
const maxRetransmissionTests = 8;
/** Silent runs that are asked about, all at once. */
const maxSilent = 64;

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
  return counted.unreachablesIn > 0
    ? explainLimitedRejects(look.results, dependencies, signal)
    : look.results;
}

class KernelLook {
  readonly #results: ProbeResult[];
  readonly #deps: ProberDependencies;
  readonly #signal: AbortSignal;

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
      if (await this.#isRefusedAtHome(run[0]))
        this.#explain(
          run,
          ownFirewall("the refusal came from this host itself, over its loopback interface"),
        );
    }
  }

  /** SYNs that this host's own firewall swallows fail again when they are sent again. */
  async findOwnDrops(): Promise<void> {
    const runs = this.#runs(isSilentTcp).slice(0, maxSilent);
    if (runs.length === 0 || (await this.#isRefusedAnyway())) return;
    let tests = 0;
    const count = async (some: readonly Run[]): Promise<number> => {
      tests++;
      return (
        await this.#counting(
          some.map(([sample]) => sample),
          nextSynMs,
        )
      ).retransmitsRefused;
    };
    /** Of `some` runs `refused` are known to be swallowed: which? */
    const search = async (some: readonly Run[], refused: number): Promise<void> => {
      if (refused <= 0 || some.length === 0 || this.#signal.aborted) return;
      // More than there are probes: somebody else's are among them.
      if (refused > some.length) return;
      if (refused === some.length) {
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
    await search(runs, await count(runs));
  }

  /** Whether other programs of this host have segments refused all the time: then ours cannot be told. */
  async #isRefusedAnyway(): Promise<boolean> {
    const { health } = this.#deps;
    const before = health.counters();
    await sleep(nextSynMs, undefined, { signal: this.#signal }).catch(() => {});
    return grown(before, health.counters()).retransmitsRefused > 0;
  }

  /** A moment in which loopback carried other traffic, too, says nothing; one without a packet says it all. */
  async #isRefusedAtHome(sample: ProbeResult): Promise<boolean> {
    let rounds = 0;
    for (let tries = 0; tries < maxRefusalTries && rounds < refusalRounds; tries++) {
      const packets = await this.#loopbackPackets(sample);
      if (packets === 0) return false;
      // A refusal is one packet; where a conversation goes on, there are several.
      if (packets === 1 && (await this.#loopbackPackets()) === 0) rounds++;
    }
    return rounds === refusalRounds;
  }

  /** In one moment, with a probe or without. What this host says to itself arrives within it. */
  async #loopbackPackets(sample?: ProbeResult): Promise<number> {
    const { health } = this.#deps;
    const before = health.counters();
    const open = new Set<Closable>();
    const probing = sample === undefined ? undefined : this.#probe(sample, answerMs, open);
    await sleep(momentMs);
    const { loopbackPackets } = grown(before, health.counters());
    for (const closable of open) closable.destroy();
    await probing;
    return loopbackPackets;
  }

  async #counting(samples: readonly ProbeResult[], timeoutMs: number): Promise<KernelCounters> {
    const before = this.#deps.health.counters();
    await Promise.all(samples.map((sample) => this.#probe(sample, timeoutMs)));
    return grown(before, this.#deps.health.counters());
  }

  #probe(sample: ProbeResult, timeoutMs: number, open?: Set<Closable>): Promise<Outcome> {
    return probeAlone(sample, timeoutMs, this.#deps, open);
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

type Run = [ProbeResult, ...ProbeResult[]];

function ownFirewall(detail: string): (outcome: Outcome) => Outcome {
  return (outcome) => ({ ...outcome, kind: "local-error", code: "EPERM", detail });
}
