/**
 * An agent without a coordinator: it holds its ports for a window of time, probes its peers again and again,
 * because they start at moments of their own, and gives what it saw as the content of a bundle.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { formatEndpoint } from "../shared/addresses.ts";
import { PortmeshError } from "../shared/errors.ts";
import { groupExceptions } from "../shared/listener-exceptions.ts";
import type { BundleContent, OfflinePlan } from "../shared/offline.ts";
import type { AgentMessage, WireTarget } from "../shared/wire.ts";
import { Duty } from "./duty.ts";
import { LastWords, type Presence } from "./last-words.ts";
import { Listeners } from "./listeners.ts";
import type { Policy } from "./policy.ts";
import { seenByListeners } from "./seen.ts";
import { SelfWatch } from "./self-watch.ts";
import { SweptPorts } from "./swept.ts";

export interface OfflineConfig {
  plan: OfflinePlan;
  policy: Policy;
  version: string;
  host: string;
  /** How long the ports are held. */
  windowMs: number;
  /** From the end of one round of probes to the next, at most. */
  retryMs: number;
}

export interface OfflineDependencies {
  tell: (line: string) => void;
  now: () => Date;
}

export const defaultRetryMs = 15_000;
/** Agents that were started together differ by moments: the first pauses are shorter. */
const firstPauseMs = 2_000;
const maxRounds = 10_000;
/** Near the end of the window, too, a round has some time for its sweep. */
const shortestSweepMs = 1_000;

/**
 * Runs until the window is over, or the signal ends it.
 * @throws PortmeshError where the plan is too old.
 */
export async function runOffline(
  config: OfflineConfig,
  deps: OfflineDependencies,
  signal: AbortSignal,
): Promise<BundleContent> {
  const { validUntil } = config.plan;
  if (deps.now().getTime() > Date.parse(validUntil))
    throw new PortmeshError("cannot-run", `the plan expired at ${validUntil}`, {
      next: "Render the plans again, or set this host's clock.",
    });
  using watch = new SelfWatch();
  using agent = new OfflineAgent(config, deps, watch);
  return await agent.run(signal);
}

type Quality = BundleContent["quality"][number];

class OfflineAgent implements Disposable {
  readonly #config: OfflineConfig;
  readonly #deps: OfflineDependencies;
  readonly #duty: Duty;
  readonly #words: LastWords;
  /** When each peer was heard first and last, by the monotonic clock; by its proofs alone. */
  readonly #proven = new Map<number, { first: number; last: number }>();
  readonly #quality = new Map<string, Quality>();
  #cut: BundleContent["cut"] = { targets: [], fullSweepMs: 0 };
  readonly #rounds: string[] = [];
  readonly #endpoints: BundleContent["endpoints"] = [];
  #facts: BundleContent["facts"];
  readonly #startedAt = performance.now();

  constructor(config: OfflineConfig, deps: OfflineDependencies, watch: SelfWatch) {
    const { plan, policy } = config;
    this.#config = config;
    this.#deps = deps;
    const everywhere = plan.nodes.flatMap(({ addresses }) =>
      addresses.map((each) => formatEndpoint(each, 0)),
    );
    const welcome = { ...plan, type: "welcome" as const, session: "", respectServices: false, round: 1 };
    this.#duty = new Duty(welcome, {
      policy,
      coordinators: everywhere,
      privateKey: plan.privateKey,
      watch,
      swept: new SweptPorts(),
    });
    this.#words = new LastWords(plan.targets, (text) => this.#duty.portsOf(text));
  }

  [Symbol.dispose](): void {
    this.#duty[Symbol.dispose]();
  }

  async run(signal: AbortSignal): Promise<BundleContent> {
    const { plan, windowMs, version, host } = this.#config;
    const startedAt = this.#time();
    const over = AbortSignal.any([signal, AbortSignal.timeout(windowMs)]);
    await using listeners = new Listeners(this.#duty.listenerContext);
    const bindingSince = performance.now();
    const { bound, exceptions } = await listeners.reconcile(this.#duty.wantedListeners());
    const elapsedMs = performance.now() - bindingSince;
    const listening = { since: this.#time(), bound, elapsedMs, exceptions: groupExceptions(exceptions) };
    const others = exceptions.length === 0 ? "" : `, ${exceptions.length} not to be had`;
    const until = new Date(this.#deps.now().getTime() + windowMs).toISOString();
    this.#deps.tell(`holding ${bound} ports of ${this.#name}${others}, until ${until}`);
    // Nobody will say when a peer is about to probe.
    this.#duty.watch(windowMs);
    await Promise.all([this.#probe(signal, over), this.#inspect(over)]);
    await untilAborted(over);
    return {
      apiVersion: "portmesh/v1",
      kind: "BundleContent",
      version: 1,
      plan: plan.plan,
      node: plan.node,
      agent: { version, host },
      startedAt,
      finishedAt: this.#time(),
      interrupted: signal.aborted,
      listening,
      rounds: this.#rounds,
      ...this.#words.frames(),
      cut: this.#stillCut(),
      quality: [...this.#quality.values()],
      endpoints: this.#endpoints,
      ...(this.#facts === undefined ? {} : { facts: this.#facts }),
      ...this.#seen(),
    };
  }

  /** Once: what lies outside of the cluster does not wait for peers. */
  async #inspect(over: AbortSignal): Promise<void> {
    const { inspect, timeoutMs } = this.#config.plan;
    if (inspect === undefined) return;
    const send = (message: AgentMessage): Promise<void> => {
      if (message.type === "endpoints") this.#endpoints.push(...message.reports);
      if (message.type === "facts") this.#facts = message.facts;
      return Promise.resolve();
    };
    await this.#duty.inspect({ round: 1, timeoutMs, ...inspect }, { send }, over);
  }

  /** Round after round, until everything has answered. The first is not cut short by the end of the window. */
  async #probe(signal: AbortSignal, over: AbortSignal): Promise<void> {
    let told = -1;
    let pauseMs = firstPauseMs;
    while (!over.aborted) {
      await this.#round(this.#rounds.length === 0 ? signal : over);
      const { answered, of } = this.#words.progress;
      const isWhole = answered === of;
      const next = isWhole ? "; holding the ports for the others" : "; trying the rest again";
      if (answered !== told)
        this.#deps.tell(`${answered} of ${of} probes answered${over.aborted ? "" : next}`);
      told = answered;
      if (isWhole) return;
      await sleep(Math.min(pauseMs, this.#config.retryMs), undefined, { signal: over }).catch(() => {});
      pauseMs *= 2;
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    if (this.#rounds.length < maxRounds) this.#rounds.push(this.#time());
    const beganAt = performance.now();
    const targets = this.#words.open();
    const measured: Quality[] = [];
    await this.#ask(targets, this.#config.plan.samples, (each) => measured.push(...each), signal);
    const endedAt = performance.now();
    await this.#ask(this.#words.anchors(new Set(targets.map(({ to }) => to))), 0, undefined, signal);
    this.#words.settle((node): Presence => {
      if (node === this.#config.plan.node) return 2;
      const heard = this.#heard(node);
      if (heard === undefined || heard.last < beganAt) return 0;
      return heard.first <= beganAt && heard.last >= endedAt ? 2 : 1;
    });
    // A peer that left in the middle looks like one that loses packets.
    const peerOf = new Map(targets.map(({ id, to }) => [id, to]));
    for (const each of measured) {
      const heard = this.#heard(peerOf.get(each.target)!);
      if (heard !== undefined && heard.last >= endedAt)
        this.#quality.set(`${each.target} ${each.ports}`, each);
    }
  }

  async #ask(
    targets: readonly WireTarget[],
    samples: number,
    onQuality: ((measured: readonly Quality[]) => void) | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (targets.length === 0) return;
    const send = (message: AgentMessage): Promise<void> => {
      if (message.type === "results") for (const node of this.#words.hear(message)) this.#prove(node);
      if (message.type === "quality") onQuality?.(message.targets);
      if (message.type === "done" && message.cut.length > 0)
        this.#cut = { targets: message.cut, fullSweepMs: message.fullSweepMs };
      return Promise.resolve();
    };
    const { timeoutMs } = this.#config.plan;
    const leftMs = this.#config.windowMs - (performance.now() - this.#startedAt);
    const budgetMs = Math.ceil(Math.max(shortestSweepMs, leftMs));
    const order = { type: "probe" as const, round: 1, timeoutMs, budgetMs, targets };
    await this.#duty.probe(order, { send }, signal);
    if (onQuality === undefined) return;
    const { rttThresholdMs } = this.#config.plan;
    const thresholds = { samples, ...(rttThresholdMs === undefined ? {} : { rttThresholdMs }) };
    const question = { type: "measure" as const, round: 1, timeoutMs, budgetMs, ...thresholds };
    await this.#duty.measure(question, { send }, signal);
  }

  #prove(node: number): void {
    const now = performance.now();
    this.#proven.set(node, { first: this.#proven.get(node)?.first ?? now, last: now });
  }

  /** By its proofs and by its own valid requests: both show that its agent ran. */
  #heard(node: number): { first: number; last: number } | undefined {
    const times = [this.#proven.get(node), this.#duty.heard(node)].filter((time) => time !== undefined);
    if (times.length === 0) return undefined;
    return {
      first: Math.min(...times.map(({ first }) => first)),
      last: Math.max(...times.map(({ last }) => last)),
    };
  }

  /** What one round cut, the next ones may have finished. */
  #stillCut(): BundleContent["cut"] {
    const unprobed = this.#words.unprobed();
    const targets = this.#cut.targets.filter((id) => unprobed.has(id));
    return { targets, fullSweepMs: targets.length === 0 ? 0 : this.#cut.fullSweepMs };
  }

  #seen(): Pick<BundleContent, "sightings" | "stalledMs"> {
    const { plan } = this.#config;
    const peers = plan.nodes.map(({ index }) => index).filter((index) => index !== plan.node);
    const withinMs = performance.now() - this.#startedAt;
    return seenByListeners(peers, plan.listeners, (questions) =>
      this.#duty.testify({ type: "look", look: 1, withinMs, questions }),
    );
  }

  get #name(): string {
    const { nodes, node } = this.#config.plan;
    return nodes[node]?.name ?? `#${node}`;
  }

  #time(): string {
    return this.#deps.now().toISOString();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // Nothing else keeps the process alive where no port could be had: the timer of a signal does not.
    const alive = setInterval(() => {}, 60_000);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
