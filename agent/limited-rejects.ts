/**
 * Hosts limit their ICMP errors to about one a second for each peer (icmp_ratelimit), so of many rejected ports
 * most look silent; and UDP sockets never hear of "host unreachable" and "network unreachable". Asked one by
 * one, as slowly as such errors come, a few ports tell where the rejected ones begin and end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { rejectedNearbyCode } from "../shared/judge.ts";
import { grown, type KernelCounters } from "./kernel-counters.ts";
import type { ProbeResult, ProberDependencies } from "./prober.ts";
import type { Closable } from "./protocols/protocol.ts";
import { keyOf, runsOf } from "./runs.ts";
import { answerMs, isRejection, isSilent, isSilentTcp, nextSynMs, probeAlone } from "./solo-probe.ts";

/** Between two errors of one sender (net/ipv4/icmp.c), and a little more. */
const paceMs = 1_050;
const pollMs = 20;
/** How many errors a host sends at once before it limits them (XRLIM_BURST_FACTOR). */
const burst = 6;
/** Silent runs that are asked about, all at once. */
const maxSilent = 64;
/** All of it takes no longer. */
const limitMs = 30_000;

/** The same results in the same number; the silent ones that share the fate of rejected neighbours say so. */
export async function explainLimitedRejects(
  results: readonly ProbeResult[],
  dependencies: ProberDependencies,
  signal: AbortSignal,
): Promise<ProbeResult[]> {
  const asking = new Asking(dependencies, AbortSignal.any([signal, AbortSignal.timeout(limitMs)]));
  const explained = new Set<ProbeResult>();
  const regions = runsOf(
    results.filter((result) => isSilent(result) || isRejection(result)),
    () => true,
  );
  const mixed = regions.filter((region) => region.some(isSilent) && region.some(isRejection));
  for (const region of mixed) for (const each of await rejectedIn(region, asking)) explained.add(each);
  const asked = new Set(mixed.flat().map(keyOf));
  const silent = runsOf(results.filter(isSilent), () => true)
    .slice(0, maxSilent)
    .filter(([sample]) => !asked.has(keyOf(sample!)))
    // A short run of silent TCP has been asked often enough, and TCP is told of every error that comes.
    .filter((run) => !isSilentTcp(run[0]!) || run.length > burst);
  if (silent.length > 0 && (await asking.isAnyRejected(silent.map(middleOf)))) {
    for (const run of silent.toSorted((a, b) => b.length - a.length))
      for (const each of await rejectedIn(run, asking)) explained.add(each);
  }
  return results.map((result) => (explained.has(result) ? asLimited(result) : result));
}

/** Within a run of silent and rejected ports: the silent ones that are rejected, too. */
async function rejectedIn(run: readonly ProbeResult[], asking: Asking): Promise<ProbeResult[]> {
  const rejected = new Set(run.flatMap((result, index) => (isRejection(result) ? [index] : [])));
  const ask = async (index: number): Promise<boolean> => {
    if (!rejected.has(index) && (await asking.isAnyRejected([run[index]!]))) rejected.add(index);
    return rejected.has(index);
  };
  if (rejected.size === 0 && !(await ask(Math.floor(run.length / 2)))) return [];
  const first = await edge(Math.min(...rejected), 0, ask);
  const last = await edge(Math.max(...rejected), run.length - 1, ask);
  return run.slice(first, last + 1).filter(isSilent);
}

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

class Asking {
  readonly #deps: ProberDependencies;
  readonly #until: AbortSignal;
  /** When the last error came. The round before has used up what the senders allow. */
  #rejectedAt = performance.now();

  constructor(dependencies: ProberDependencies, until: AbortSignal) {
    this.#deps = dependencies;
    this.#until = until;
  }

  /** Whether an ICMP error comes back for any of these. TCP is told of it; for UDP this host's counter is asked, too. */
  async isAnyRejected(samples: readonly ProbeResult[]): Promise<boolean> {
    const waitMs = this.#rejectedAt + paceMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.#until }).catch(() => {});
    if (this.#until.aborted) return false;
    return (await this.#isTold(samples)) || (await this.#isCounted(samples.filter(isUdp)));
  }

  /** Over IPv6 an error that comes while connect() still works is passed over: the next SYN brings another. */
  async #isTold(samples: readonly ProbeResult[]): Promise<boolean> {
    const outcomes = await Promise.all(
      samples
        .filter((sample) => !isUdp(sample))
        .map((sample) =>
          probeAlone(sample, sample.order.address.includes(":") ? nextSynMs : answerMs, this.#deps),
        ),
    );
    return this.#remember(outcomes.some(({ kind }) => kind === "refused" || kind === "unreachable"));
  }

  /** Silence uses nothing up. */
  #remember(isRejected: boolean): boolean {
    if (isRejected) this.#rejectedAt = performance.now();
    return isRejected;
  }

  async #isCounted(samples: readonly ProbeResult[]): Promise<boolean> {
    if (samples.length === 0) return false;
    const { health } = this.#deps;
    const before = health.counters();
    const count = (since: KernelCounters): number => grown(since, health.counters()).unreachablesIn;
    const open = new Set<Closable>();
    const over = { is: false };
    const probing = Promise.all(samples.map((sample) => probeAlone(sample, answerMs, this.#deps, open))).then(
      (outcomes) => {
        over.is = true;
        return outcomes.some(({ kind }) => kind === "refused" || kind === "unreachable");
      },
    );
    while (!over.is && count(before) === 0) await sleep(pollMs);
    for (const closable of open) closable.destroy();
    if (this.#remember(await probing)) return true;
    if (!this.#remember(count(before) > 0)) return false;
    // The pause that is due anyway, without a probe: errors that this host gets all the time are no answer to ours.
    const quiet = health.counters();
    await sleep(answerMs);
    return count(quiet) === 0;
  }
}

function isUdp({ order }: ProbeResult): boolean {
  return order.protocol === "udp";
}

function asLimited(result: ProbeResult): ProbeResult {
  const detail = "it is rejected as its neighbours are; hosts limit how many such errors they send";
  return { ...result, outcome: { ...result.outcome, code: rejectedNearbyCode, detail } };
}

function middleOf(run: readonly ProbeResult[]): ProbeResult {
  return run[Math.floor(run.length / 2)]!;
}
