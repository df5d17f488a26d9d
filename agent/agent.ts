/**
 * An agent: joins the coordinator, holds the ports it is given, probes what it is told to, reports, and comes
 * back when the link breaks. It has no port of its own for control.
 */
import { generateKeyPairSync } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalAddress, isLoopback, localhostOf } from "../shared/addresses.ts";
import { PortmeshError } from "../shared/errors.ts";
import type { JoinString } from "../shared/join-string.ts";
import { certificateName, loopbackAddress } from "../shared/link.ts";
import { parsePorts } from "../shared/ports.ts";
import { epochKey } from "../shared/proof.ts";
import type { CoordinatorMessage, WireTarget } from "../shared/wire.ts";
import { descriptorLimit, freeDescriptors } from "./descriptors.ts";
import { hostOf, isFinal, Link, reconnectDelayMs, type LinkEnd } from "./link.ts";
import { Listeners } from "./listeners.ts";
import { AddressPolicy, type Policy } from "./policy.ts";
import { defaultLimits, type ProbeOrder, type ProbeResult } from "./prober.ts";
import { probeTwice } from "./retest.ts";
import { protocols } from "./protocols/index.ts";
import type { ProbeContext } from "./protocols/protocol.ts";
import { secureContext } from "./protocols/tls.ts";
import { UdpSweep } from "./protocols/udp-sweep.ts";
import { ResultBatch } from "./result-batch.ts";

export interface AgentConfig {
  node: string;
  join: JoinString;
  policy: Policy;
  version: string;
  host: string;
  pid: number;
  /** After so long without a coordinator the agent ends. */
  giveUpMs: number;
}

export interface AgentDependencies {
  /** One line for people and logs on what the agent does. */
  tell: (line: string) => void;
  random: () => number;
}

type Welcome = Extract<CoordinatorMessage, { type: "welcome" }>;
type ProbeMessage = Extract<CoordinatorMessage, { type: "probe" }>;

/** Without a coordinator for this long, the ports go back to whoever wants them. */
const releaseMs = 30_000;
/** Results wait this long for company. */
const flushMs = 200;

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
  return await agent.run(signal);
}

class Agent implements AsyncDisposable {
  readonly #config: AgentConfig;
  readonly #deps: AgentDependencies;
  /** The private key never leaves the process. */
  readonly #keys = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  #session: string | undefined;
  #listeners: Listeners | undefined;
  #knownNodes = 1;

  constructor(config: AgentConfig, deps: AgentDependencies) {
    this.#config = config;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<string | undefined> {
    let attempt = 0;
    let alone = performance.now();
    while (!signal.aborted) {
      let end: LinkEnd;
      try {
        end = await this.#attend(signal, () => {
          attempt = 0;
        });
        if (isFinal(end)) return end.reason;
        if (attempt === 0) alone = performance.now();
        this.#deps.tell(`the link to the coordinator ended (${end.reason || end.code}); coming back`);
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof PortmeshError) || error.code !== "cannot-run") throw error;
        if (attempt === 0) this.#deps.tell(`${error.message}; trying again`);
        const aloneMs = performance.now() - alone;
        if (aloneMs > this.#config.giveUpMs) throw error;
        if (aloneMs > releaseMs) await this.#release();
      }
      await sleep(reconnectDelayMs(attempt++, this.#knownNodes, this.#deps.random), undefined, {
        signal,
      }).catch(() => {});
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
    /** One after the other; the first that fails ends the link. */
    const perform = (task: () => Promise<void> | undefined): void => {
      work = work.then(task).catch((error: unknown) => {
        fault ??= error;
        link.close("failed");
      });
    };
    const link = await Link.open(
      this.#config.join,
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
            this.#session = message.session;
            this.#knownNodes = message.nodes.length;
            duty = new Duty(message, this.#config, this.#keys.privateKey);
            perform(() => this.#listen(duty!, link, ending));
            break;
          case "probe":
            perform(() => duty?.probe(message, link, ending));
            break;
          case "finish":
            break; // the close that follows carries the reason
        }
      },
      signal,
    );
    const leave = (): void => {
      void link.send({ type: "bye", reason: "stopped" });
      link.close("stopped");
    };
    signal.addEventListener("abort", leave, { once: true });
    await link.send(this.#hello());
    const end = await link.ended;
    signal.removeEventListener("abort", leave);
    over.abort();
    await work;
    if (fault !== undefined) throw asError(fault);
    if (refusal !== undefined) throw refusal;
    return end;
  }

  #hello(): Parameters<Link["send"]>[0] {
    const { node, version, host, pid, join } = this.#config;
    const proofOfRight = this.#session === undefined ? { token: join.token } : { session: this.#session };
    return { type: "hello", node, ...proofOfRight, version, host, pid, publicKey: this.#keys.publicKey };
  }

  /** Opens the listeners of this welcome; those of an earlier one belong to keys that no longer count. */
  async #listen(duty: Duty, link: Link, signal: AbortSignal): Promise<void> {
    await this.#release();
    if (signal.aborted) return;
    const startedAt = performance.now();
    const listeners = new Listeners(duty.listenerContext);
    this.#listeners = listeners;
    const report = await listeners.reconcile(duty.wantedListeners());
    const elapsedMs = performance.now() - startedAt;
    const others = report.exceptions.length === 0 ? "" : `, ${report.exceptions.length} not to be had`;
    this.#deps.tell(`joined ${duty.cluster} as ${this.#config.node}; holding ${report.bound} ports${others}`);
    await link.send({ type: "listening", round: duty.round, ...report, elapsedMs });
  }
}

/** What one welcome asks of this agent, in terms of its own addresses and keys. */
class Duty {
  readonly #welcome: Welcome;
  readonly #config: AgentConfig;
  readonly #privateKey: string;
  readonly #policy: AddressPolicy;

  constructor(welcome: Welcome, config: AgentConfig, privateKey: string) {
    this.#welcome = welcome;
    this.#config = config;
    this.#privateKey = privateKey;
    this.#policy = new AddressPolicy(config.policy, {
      loopback: config.join.addresses.every((address) => isLoopback(hostOf(address))),
    });
  }

  get cluster(): string {
    return this.#welcome.cluster;
  }

  get round(): number {
    return this.#welcome.round;
  }

  get listenerContext(): ConstructorParameters<typeof Listeners>[0] {
    const { epoch, node, certificate, authority } = this.#welcome;
    return {
      epoch: epochKey(epoch.id, epoch.secret),
      node,
      certificate: { cert: certificate, key: this.#privateKey, ca: authority },
    };
  }

  wantedListeners(): Parameters<Listeners["reconcile"]>[0] {
    return this.#welcome.listeners.map(({ transport, address, ports }) => ({
      transport,
      address: this.#addressOf(this.#welcome.node, address),
      ports: portSet(ports),
    }));
  }

  /** Runs one round and sends its results as they come. */
  async probe(message: ProbeMessage, link: Link, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const startedAt = performance.now();
    const own = this.#welcome.nodes[this.#welcome.node]!.addresses;
    const batch = new ResultBatch(
      message.round,
      [...own, "127.0.0.1", "::1"].map(canonicalAddress),
      (results) => void link.send(results),
    );
    const orders = message.targets.map((target) => this.#order(target));
    const [permitted, forbidden] = this.#divide(orders);
    for (const order of forbidden) refuse(order, batch);
    const udp = new UdpSweep(this.#source().localAddress);
    const flushing = setInterval(() => batch.flush(), flushMs);
    let probes = 0;
    try {
      const context = this.#probeContext(message.timeoutMs, udp);
      const report = (result: ProbeResult): void => {
        probes++;
        batch.add(result);
      };
      await probeTwice(permitted, { protocols, context, limits: this.#limits() }, report, signal);
    } finally {
      clearInterval(flushing);
      udp.close();
    }
    if (signal.aborted) return;
    batch.flush();
    await link.send({ type: "done", round: message.round, probes, elapsedMs: performance.now() - startedAt });
  }

  #order({ id, to, address, protocol, ports }: WireTarget): ProbeOrder {
    return {
      id,
      from: this.#welcome.node,
      to,
      address: this.#addressOf(to, address),
      protocol,
      serverName: certificateName(this.#welcome.nodes[to]?.name ?? ""),
      ports: portSet(ports),
    };
  }

  #divide(orders: readonly ProbeOrder[]): [permitted: ProbeOrder[], forbidden: ProbeOrder[]] {
    const isPermitted = (order: ProbeOrder): boolean =>
      this.#policy.permits(order.address) || (order.to === order.from && isLoopback(order.address));
    return [orders.filter(isPermitted), orders.filter((order) => !isPermitted(order))];
  }

  #probeContext(timeoutMs: number, udp: UdpSweep): ProbeContext {
    const { epoch, certificate, authority } = this.#welcome;
    return {
      epoch: epochKey(epoch.id, epoch.secret),
      timeoutMs,
      source: this.#source(),
      credentials: {
        anonymous: secureContext(authority),
        identified: secureContext(authority, { cert: certificate, key: this.#privateKey }),
      },
      udp,
      open: new Set(),
    };
  }

  /** Several agents of a demo share the loopback interface: each must speak from its own address. */
  #source(): { localAddress?: string } {
    const first = this.#welcome.nodes[this.#welcome.node]!.addresses[0]!;
    return isLoopback(first) ? { localAddress: first } : {};
  }

  #limits(): typeof defaultLimits {
    const ratePerSecond = this.#config.policy.probesPerSecond;
    // A probe that waits holds a descriptor, and connected UDP attempts hold one too.
    const open = Math.max(16, Math.min(defaultLimits.open, freeDescriptors(descriptorLimit())));
    return { ...defaultLimits, ratePerSecond, open };
  }

  /** @throws where the coordinator names a node or address it never introduced. */
  #addressOf(node: number, address: number): string {
    const known = this.#welcome.nodes[node];
    if (known === undefined)
      throw new PortmeshError("policy-refused", `the coordinator names the unknown node ${node}`);
    const first = known.addresses[0]!;
    if (address === loopbackAddress) return localhostOf(first);
    return known.addresses[address] ?? first;
  }
}

function refuse(order: ProbeOrder, batch: ResultBatch): void {
  const detail = `${order.address} is outside of what this agent's policy allows`;
  for (const [first, last] of order.ports) {
    for (let port = first; port <= last; port++) {
      batch.add({
        order,
        port,
        outcome: {
          kind: "local-error",
          phase: "connect",
          elapsedMs: 0,
          attempts: 1,
          code: "EPOLICY",
          detail,
        },
      });
    }
  }
}

function portSet(text: string): ProbeOrder["ports"] {
  const parsed = parsePorts(text.split(","));
  if (typeof parsed === "string")
    throw new PortmeshError("policy-refused", `the coordinator sent the ports ${text}: ${parsed}`);
  return parsed;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
