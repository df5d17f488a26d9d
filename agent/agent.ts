/**
 * An agent: joins the coordinator, holds the ports it is given, probes what it is told to, reports, and comes
 * back when the link breaks. It has no port of its own for control.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { formatDuration } from "../shared/duration.ts";
import { describeError, PortmeshError } from "../shared/errors.ts";
import type { JoinString } from "../shared/join-string.ts";
import { createKeyPair } from "../shared/key-pair.ts";
import { groupExceptions } from "../shared/listener-exceptions.ts";
import type { WelcomeMessage } from "../shared/wire.ts";
import { Claims } from "./claims.ts";
import { listenForCommands } from "./control-socket.ts";
import { Duty } from "./duty.ts";
import { HandOver } from "./hand-over.ts";
import { hostOf, isFinal, Link, portOf, reconnectDelayMs, type LinkEnd } from "./link.ts";
import { Listeners } from "./listeners.ts";
import type { AgentState, Observer } from "./observer.ts";
import type { Policy } from "./policy.ts";
import { Relay } from "./protocols/relay.ts";
import { SelfWatch } from "./self-watch.ts";
import { serviceChanges } from "./service-changes.ts";
import { backlogFolder, prepareStateDir, socketPath } from "./state-dir.ts";
import { SweptPorts } from "./swept.ts";
import type { SweepOrder, Watcher } from "./watch/watcher.ts";

export interface AgentConfig {
  node: string;
  join: JoinString;
  policy: Policy;
  version: string;
  host: string;
  pid: number;
  /** After so long without a coordinator the agent ends. */
  giveUpMs: number;
  /** Where the agent listens for commands of its own host. */
  stateDir: string;
  uid: number | undefined;
}

export interface AgentDependencies {
  /** One line for people and logs on what the agent does. */
  tell: (line: string) => void;
  random: () => number;
  now: () => Date;
  /** Counts what happens, where there are metrics. */
  observer?: Observer | undefined;
}

/** Without a coordinator for this long, the ports go back to whoever wants them: a check may be over. */
const releaseMs = 30_000;
/** For what was under way when the link ended; it has been cancelled by then. */
const settleMs = 2_000;
/** Whatever the coordinator says: half-open connections are looked for no longer than this at its word. */
const maxWatchMs = 60_000;

/**
 * Runs until the coordinator says that it is finished or the signal ends it.
 * @returns what the coordinator said, or undefined where the signal came first.
 * @throws PortmeshError where the coordinator refuses this agent.
 */
export async function runAgent(
  config: AgentConfig,
  deps: AgentDependencies,
  signal: AbortSignal,
): Promise<string | undefined> {
  await using agent = new Agent(config, deps);
  await using _commands = await agent.listenForCommands();
  deps.observer?.watch(agent);
  return await agent.run(signal);
}

class Agent implements AsyncDisposable, AgentState {
  readonly #config: AgentConfig;
  readonly #deps: AgentDependencies;
  /** The private key never leaves the process. */
  readonly #keys = createKeyPair();
  readonly #self: SelfWatch;
  readonly #claims = new Claims();
  readonly #swept = new SweptPorts();
  readonly #handOver: HandOver;
  /** The link over which the coordinator knows what this agent holds. */
  #reported: { duty: Duty; link: Link } | undefined;
  #session: string | undefined;
  /** Of the present link, or of the last one. */
  #duty: Duty | undefined;
  #listeners: Listeners | undefined;
  #relay = new Relay(undefined);
  /** Of an agent that has had a pinglist: from then on it watches, with a link and without. */
  #watcher: Watcher | undefined;
  #watching: Promise<Watcher> | undefined;
  /** Whether the folder of this agent's state is its own. */
  #hasStateDir = false;
  #knownNodes = 1;
  #ownAddresses: ReadonlySet<string> = new Set();

  constructor(config: AgentConfig, deps: AgentDependencies) {
    this.#config = config;
    this.#deps = deps;
    this.#self = new SelfWatch((ms) =>
      deps.tell(
        `this host's clock was set by ${formatDuration(Math.abs(ms))} ${ms > 0 ? "forward" : "back"}`,
      ),
    );
    this.#handOver = new HandOver({
      node: config.node,
      claims: this.#claims,
      now: deps.now,
      listeners: () => this.#listeners,
      changed: (what) => {
        deps.tell(what);
        void this.#report(0);
      },
    });
  }

  get isConnected(): boolean {
    return this.#reported !== undefined;
  }

  get listeners(): AgentState["listeners"] {
    const counts = { bound: 0, occupied: 0, denied: 0, absent: 0 };
    const report = this.#listeners?.report;
    if (report === undefined) return counts;
    for (const { state } of report.exceptions) counts[state]++;
    return { ...counts, bound: report.bound };
  }

  get backlog(): AgentState["backlog"] {
    return this.#watcher?.backlog ?? { sweeps: 0, bytes: 0, dropped: 0 };
  }

  /** Nothing of a check depends on it: an agent that cannot have its socket says so once and goes on. */
  async listenForCommands(): Promise<AsyncDisposable | undefined> {
    const { stateDir, uid, node } = this.#config;
    try {
      const path = socketPath(stateDir, node);
      prepareStateDir(stateDir, uid);
      const commands = await listenForCommands(path, (request) => this.#handOver.giveUp(request));
      this.#hasStateDir = true;
      return commands;
    } catch (error) {
      this.#deps.tell(`no ports can be asked of this agent: ${describeError(error)}`);
      return undefined;
    }
  }

  async run(signal: AbortSignal): Promise<string | undefined> {
    let attempt = 0;
    let alone = performance.now();
    let told: string | undefined;
    while (!signal.aborted) {
      let end: LinkEnd;
      try {
        end = await this.#attend(signal, () => {
          attempt = 0;
        });
        if (isFinal(end)) return end.reason;
        if (attempt === 0) alone = performance.now();
        if (signal.aborted) break;
        this.#deps.tell(`the link to the coordinator ended (${end.reason || end.code}); coming back`);
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof PortmeshError) || !this.#mayPass(error)) throw error;
        if (attempt === 0 || error.code !== told) this.#deps.tell(`${error.message}; trying again`);
        told = error.code;
        const aloneMs = performance.now() - alone;
        if (this.#watching === undefined) {
          if (aloneMs > this.#config.giveUpMs) throw error;
          if (aloneMs > releaseMs) await this.#release();
        }
      }
      await sleep(reconnectDelayMs(attempt++, this.#knownNodes, this.#deps.random), undefined, {
        signal,
      }).catch(() => {});
    }
    return undefined;
  }

  /** An agent that watches outlives a coordinator that was started by mistake in the place of its own. */
  #mayPass({ code }: PortmeshError): boolean {
    return code === "cannot-run" || (code === "wrong-coordinator" && this.#watching !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#self[Symbol.dispose]();
    this.#handOver[Symbol.dispose]();
    const watcher = await this.#watching;
    await watcher?.[Symbol.asyncDispose]();
    await this.#release();
  }

  async #release(): Promise<void> {
    await this.#listeners?.[Symbol.asyncDispose]();
    this.#listeners = undefined;
  }

  /** One connection from dialling to its end. */
  async #attend(signal: AbortSignal, onWelcome: () => void): Promise<LinkEnd> {
    const over = new AbortController();
    const ending = AbortSignal.any([signal, over.signal]);
    let duty: Duty | undefined;
    let refusal: PortmeshError | undefined;
    let work: Promise<void> = Promise.resolve();
    let fault: unknown;
    const fail = (error: unknown): void => {
      fault ??= error;
      link.close("failed");
    };
    /** One after the other; the first that fails ends the link. */
    const perform = (task: () => Promise<void> | undefined): void => {
      work = work.then(task).catch(fail);
    };
    /** Hosts outside may take their time. */
    let visits: Promise<void> = Promise.resolve();
    /** Beside that work, and in their order. */
    let orders: Promise<void> = Promise.resolve();
    const watch = (task: (duty: Duty) => Promise<void> | void): void => {
      orders = orders.then(() => (duty === undefined || ending.aborted ? undefined : task(duty))).catch(fail);
    };
    const link = await Link.open(
      this.#reachableJoin(),
      (message) => {
        switch (message.type) {
          case "refused":
            refusal = new PortmeshError(
              "join-refused",
              `the coordinator refuses this agent: ${message.message}`,
              { next: message.next },
            );
            break;
          case "welcome":
            onWelcome();
            duty = this.#begin(message);
            perform(() => this.#listen(duty!, link, ending));
            break;
          case "probe":
            perform(async () => {
              await this.#lookForServices();
              await duty?.probe(message, link, ending);
            });
            break;
          case "measure":
            perform(() => duty?.measure(message, link, ending));
            break;
          case "stream":
            perform(() => duty?.stream(message, link, ending));
            break;
          case "time":
            // Not in turn with the work either: what it waits counts as the way.
            void link.send({ type: "time", id: message.id, at: this.#deps.now().getTime() });
            break;
          case "inspect":
            visits = visits.then(() => duty?.inspect(message, link, ending)).catch(fail);
            break;
          case "look":
            // Not in turn with the work: the traces in the kernel do not wait.
            if (duty !== undefined) void link.send(duty.testify(message));
            break;
          case "watch":
            duty?.watch(Math.min(maxWatchMs, message.forMs));
            break;
          case "assign":
            watch((own) => {
              own.assign(message);
              this.#watcher?.introduce(own);
              perform(() => this.#reconcile(own, link));
            });
            break;
          case "pinglist":
          case "serving":
          case "absent":
          case "ack":
          case "again":
          case "full":
            watch((own) => this.#watch(message, own, link));
            break;
          case "finish":
            break; // the close that follows carries the reason
        }
      },
      this.#deps.random,
      signal,
    );
    const leave = (): void => {
      void link.send({ type: "bye", reason: "stopped" });
      link.close("stopped");
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    await link.send(this.#hello(link));
    const end = await link.ended;
    signal.removeEventListener("abort", leave);
    over.abort();
    this.#watcher?.detach();
    this.#reported = undefined;
    duty?.[Symbol.dispose]();
    await Promise.race([Promise.all([work, visits, orders]), sleep(settleMs, undefined, { ref: false })]);
    if (fault !== undefined) throw asError(fault);
    if (refusal !== undefined) throw refusal;
    return end;
  }

  /** An agent is no relay of its own. */
  #reachableJoin(): JoinString {
    const { join } = this.#config;
    const relays = (join.relays ?? []).filter((address) => !this.#ownAddresses.has(hostOf(address)));
    return { ...join, relays };
  }

  #hello({ route }: Link): Parameters<Link["send"]>[0] {
    const { node, version, host, pid, join } = this.#config;
    // A coordinator that was started again knows no session of before.
    const session = this.#session === undefined ? {} : { session: this.#session };
    const via = route.isRelay ? { via: route.address } : {};
    return {
      type: "hello",
      node,
      token: join.token,
      ...session,
      ...via,
      version,
      host,
      pid,
      publicKey: this.#keys.publicKey,
    };
  }

  #begin(welcome: WelcomeMessage): Duty {
    this.#session = welcome.session;
    this.#knownNodes = welcome.nodes.length;
    this.#ownAddresses = new Set(welcome.nodes[welcome.node]?.addresses);
    const before = this.#watcher === undefined ? undefined : this.#duty;
    this.#duty = new Duty(welcome, {
      policy: this.#config.policy,
      coordinators: this.#config.join.addresses,
      privateKey: this.#keys.privateKey,
      watch: this.#self,
      swept: this.#swept,
      ...(before === undefined ? {} : { requests: before.requests }),
    });
    this.#watcher?.introduce(this.#duty);
    return this.#duty;
  }

  /**
   * Opens the listeners of this welcome; those of an earlier one belong to keys that no longer count. While the
   * cluster is watched they are given the new keys instead, and stay bound.
   */
  async #listen(duty: Duty, link: Link, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    if (this.#watcher === undefined) await this.#release();
    if (signal.aborted) return;
    this.#leadRelay(link);
    const { respectServices } = duty;
    const options = { claims: this.#claims, respectServices, relay: this.#relay };
    if (this.#listeners === undefined) this.#listeners = new Listeners(duty.listenerContext, options);
    else this.#listeners.adopt(duty.listenerContext);
    const report = await this.#listeners.reconcile(duty.wantedListeners());
    const elapsedMs = performance.now() - startedAt;
    const others = report.exceptions.length === 0 ? "" : `, ${report.exceptions.length} not to be had`;
    const how = link.route.isRelay ? ` through ${link.route.address}` : "";
    this.#deps.tell(
      `joined ${duty.cluster} as ${this.#config.node}${how}; holding ${report.bound} ports${others}`,
    );
    this.#reported = { duty, link };
    await this.#report(elapsedMs);
    if (!signal.aborted) this.#watcher?.attach(link);
  }

  /** The plan has changed, and the link stays. */
  async #reconcile(duty: Duty, link: Link): Promise<void> {
    if (this.#listeners === undefined || this.#reported?.link !== link) return;
    const startedAt = performance.now();
    this.#knownNodes = duty.nodeCount;
    this.#ownAddresses = new Set(duty.ownAddresses);
    this.#listeners.adopt(duty.listenerContext);
    const { bound } = await this.#listeners.reconcile(duty.wantedListeners());
    this.#deps.tell(`the plan has changed; holding ${bound} ports`);
    await this.#report(performance.now() - startedAt);
  }

  /** The code for it is loaded with the first pinglist: most agents only take part in a check. */
  async #watch(order: SweepOrder, duty: Duty, link: Link): Promise<void> {
    if (this.#watcher === undefined) {
      if (order.type !== "pinglist") return;
      this.#watcher = await (this.#watching ??= this.#startWatching(duty));
      this.#watcher.attach(link);
    }
    this.#watcher.order(order);
  }

  async #startWatching(duty: Duty): Promise<Watcher> {
    const { Watcher } = await import("./watch/watcher.ts");
    const { node, policy, stateDir } = this.#config;
    const folder = this.#hasStateDir ? backlogFolder(stateDir, node) : undefined;
    if (folder === undefined)
      this.#deps.tell(
        `sweeps that are not delivered do not outlive this process: ${stateDir} is not its own`,
      );
    return new Watcher(
      duty,
      { node, probesPerSecond: policy.probesPerSecond, folder },
      {
        tell: this.#deps.tell,
        random: this.#deps.random,
        self: this.#self,
        observer: this.#deps.observer,
        beforeSweep: () => this.#lookForServices(),
      },
    );
  }

  /** Where services are watched, they come and go between rounds; each then gets probes of its own kind. */
  async #lookForServices(): Promise<void> {
    const listeners = this.#listeners;
    if (listeners === undefined || this.#duty?.respectServices !== true) return;
    const before = listeners.report;
    const changes = serviceChanges(before, await listeners.reconcile());
    if (changes.length === 0) return;
    changes.forEach((line) => this.#deps.tell(line));
    await this.#report(0);
  }

  /** All that is held, since most of it is bound and takes no words. */
  async #report(elapsedMs: number): Promise<void> {
    if (this.#reported === undefined || this.#listeners === undefined) return;
    const { duty, link } = this.#reported;
    const { bound, exceptions } = this.#listeners.report;
    await link.send({
      type: "listening",
      round: duty.round,
      bound,
      elapsedMs,
      exceptions: groupExceptions(exceptions),
    });
  }

  /** Peers reach the coordinator where this agent reaches it; one that needed a relay itself is of no help. */
  #leadRelay({ route }: Link): void {
    const isOfHelp = this.#config.policy.relay && !route.isRelay;
    this.#relay.lead(isOfHelp ? { host: hostOf(route.address), port: portOf(route.address) } : undefined);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
