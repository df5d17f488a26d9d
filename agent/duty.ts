/** What one welcome asks of an agent, in terms of its own addresses, keys and policy. */
import { canonicalAddress, isLoopback, localhostOf } from "../shared/addresses.ts";
import { PortmeshError } from "../shared/errors.ts";
import { certificateName, loopbackAddress, maxResultsPerFrame } from "../shared/link.ts";
import type { ProtocolName } from "../shared/names.ts";
import type { Outcome } from "../shared/outcome.ts";
import {
  eachPort,
  formatPorts,
  intersection,
  portSetOf,
  readPorts,
  subtract,
  union,
  type PortSet,
} from "../shared/ports.ts";
import { epochKey } from "../shared/proof.ts";
import type { ServiceExchange } from "../shared/service-exchange.ts";
import type { AssignMessage } from "../shared/watch-wire.ts";
import type {
  CoordinatorMessage,
  InspectMessage,
  MeasureMessage,
  SightingsMessage,
  StreamMessage,
  WireTarget,
} from "../shared/wire.ts";
import { descriptorLimit, freeDescriptors } from "./descriptors.ts";
import { HalfOpenWatch } from "./half-open.ts";
import { OwnHealth } from "./health.ts";
import { hostOf, type Link } from "./link.ts";
import type { WantedListener } from "./listeners.ts";
import { probeThoroughly } from "./looks.ts";
import { AddressPolicy, type Policy } from "./policy.ts";
import {
  defaultLimits,
  type CutOrder,
  type ProbeOrder,
  type ProbeResult,
  type ProberDependencies,
} from "./prober.ts";
import { protocols } from "./protocols/index.ts";
import type { ListenerContext, ProbeContext } from "./protocols/protocol.ts";
import { secureContext } from "./protocols/tls.ts";
import { eagerDatagrams } from "./protocols/udp.ts";
import { UdpSweep } from "./protocols/udp-sweep.ts";
import { AnsweredPorts, measureQuality, type Quality } from "./quality.ts";
import { RequestLog } from "./request-log.ts";
import { ResultBatch } from "./result-batch.ts";
import type { SelfWatch } from "./self-watch.ts";
import type { SweptPorts } from "./swept.ts";
import { testify } from "./witness.ts";

type Welcome = Extract<CoordinatorMessage, { type: "welcome" }>;
type LookMessage = Extract<CoordinatorMessage, { type: "look" }>;
type ProbeMessage = Extract<CoordinatorMessage, { type: "probe" }>;

/** Whatever the coordinator says: round trips for each target, and for how long they are looked for. */
const maxSamples = 300;
const maxMeasureMs = 10 * 60_000;
/** Results wait this long for company. */
const flushMs = 200;

/** The ports of one address of one node, to be probed over one protocol. */
export interface ProbeTask {
  id: number;
  to: number;
  /** Position in the addresses of `to`, or -1 for the node's own loopback address. */
  address: number;
  protocol: ProtocolName;
  ports: PortSet;
  /** More ports: those that must be shut. */
  shut?: PortSet;
  /** Which of all these a real service holds, and how to speak with it. */
  services?: readonly (ServiceExchange & { ports: PortSet })[];
}

export interface DutyDependencies {
  policy: Policy;
  /** The addresses of the join string. */
  coordinators: readonly string[];
  /** Belongs to the certificate of the welcome. */
  privateKey: string;
  watch: SelfWatch;
  swept: SweptPorts;
  /** Of listeners that stay bound when a new duty begins. */
  requests?: RequestLog;
}

export class Duty implements Disposable {
  #welcome: Welcome;
  readonly #ownPolicy: Policy;
  readonly #privateKey: string;
  readonly #policy: AddressPolicy;
  readonly #watch: SelfWatch;
  /** It knows the interfaces as they were when the agent joined. */
  #health: OwnHealth;
  readonly #swept: SweptPorts;
  readonly #requests: RequestLog;
  /** What the last round found to measure. */
  #answered = new AnsweredPorts();
  readonly #halfOpen: HalfOpenWatch;

  constructor(
    welcome: Welcome,
    { policy, coordinators, privateKey, watch, swept, requests = new RequestLog() }: DutyDependencies,
  ) {
    this.#welcome = welcome;
    this.#watch = watch;
    this.#swept = swept;
    this.#requests = requests;
    this.#halfOpen = new HalfOpenWatch(requests);
    this.#health = new OwnHealth(watch, this.ownAddresses);
    this.#ownPolicy = policy;
    this.#privateKey = privateKey;
    this.#policy = new AddressPolicy(policy, {
      loopback: coordinators.every((address) => isLoopback(hostOf(address))),
    });
  }

  get cluster(): string {
    return this.#welcome.cluster;
  }

  get round(): number {
    return this.#welcome.round;
  }

  get nodeCount(): number {
    return this.#welcome.nodes.length;
  }

  get respectServices(): boolean {
    return this.#welcome.respectServices;
  }

  get requests(): RequestLog {
    return this.#requests;
  }

  get health(): OwnHealth {
    return this.#health;
  }

  /** As peers know them. */
  get ownAddresses(): readonly string[] {
    return this.#welcome.nodes[this.#welcome.node]?.addresses ?? [];
  }

  /** As whom this agent speaks and whom it knows: while this stays the same, targets mean the same. */
  get introduction(): string {
    const { epoch, node, nodes, authority } = this.#welcome;
    return JSON.stringify([epoch, node, nodes, authority]);
  }

  /** The plan has changed: other peers, other ports, maybe another address of its own. */
  assign({ node, nodes, listeners }: Omit<AssignMessage, "type">): void {
    const before = this.ownAddresses.join();
    this.#welcome = { ...this.#welcome, node, nodes, listeners };
    if (this.ownAddresses.join() !== before) this.#health = new OwnHealth(this.#watch, this.ownAddresses);
  }

  get listenerContext(): ListenerContext {
    const { epoch, node, certificate, authority } = this.#welcome;
    return {
      epoch: epochKey(epoch.id, epoch.secret),
      node,
      certificate: { cert: certificate, key: this.#privateKey, ca: authority },
      requests: this.#requests,
    };
  }

  /** Somebody is about to probe this node again. */
  watch(forMs: number): void {
    this.#halfOpen.watch(forMs);
  }

  [Symbol.dispose](): void {
    this.#halfOpen[Symbol.dispose]();
  }

  /** What this node's listeners saw of the probes in question. */
  testify(message: LookMessage): SightingsMessage {
    const witness = {
      requests: this.#requests,
      halfOpen: this.#halfOpen,
      self: this.#watch,
      addressesOf: (node: number) => this.#welcome.nodes[node]?.addresses ?? [],
      portsOf: portSet,
    };
    return testify(message, witness, performance.now());
  }

  /** When node `from` first and last asked anything of this one, by the monotonic clock. */
  heard(from: number): { first: number; last: number } | undefined {
    return this.#requests.heard(from);
  }

  /** @throws where the text is none that `formatPorts` wrote. */
  portsOf(text: string): PortSet {
    return portSet(text);
  }

  wantedListeners(): WantedListener[] {
    return this.#welcome.listeners.map(({ transport, address, ports, take = false }) => ({
      transport,
      address: this.#addressOf(this.#welcome.node, address),
      ports: portSet(ports),
      take,
    }));
  }

  /** Runs one round and sends its results as they come. */
  async probe(message: ProbeMessage, link: Pick<Link, "send">, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const startedAt = performance.now();
    const batch = new ResultBatch(message.round, this.sources(), (results) => void link.send(results));
    const orders = message.targets.flatMap((target) => this.orders(taskOf(target)));
    const [permitted, forbidden] = this.divide(orders);
    for (const order of forbidden) refuse(order, (result) => batch.add(result));
    const udp = this.udpSweep();
    const flushing = setInterval(() => batch.flush(), flushMs);
    let probes = 0;
    let cut: CutOrder[] = [];
    try {
      const answered = new AnsweredPorts();
      this.#answered = answered;
      const report = (result: ProbeResult): void => {
        probes++;
        batch.add(result);
        answered.add(result);
      };
      const dependencies = this.prober(message.timeoutMs, udp, message.budgetMs);
      const doubt = (nodes: number[]): void => void link.send({ type: "doubt", round: message.round, nodes });
      cut = await probeThoroughly(permitted, dependencies, { report, doubt }, signal);
      this.remember(cut);
    } finally {
      clearInterval(flushing);
      udp.close();
    }
    if (signal.aborted) return;
    batch.flush();
    await link.send({
      type: "done",
      round: message.round,
      probes,
      elapsedMs: performance.now() - startedAt,
      cut: cut.map(({ order }) => order.id),
      fullSweepMs: fullSweepMs(cut, message.budgetMs),
    });
  }

  /** Measures the paths of what answered in the round before. */
  async measure(message: MeasureMessage, link: Pick<Link, "send">, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const udp = this.udpSweep();
    try {
      const dependencies = this.prober(message.timeoutMs, udp);
      const until = AbortSignal.any([
        signal,
        AbortSignal.timeout(Math.min(maxMeasureMs, Math.ceil(message.budgetMs))),
      ]);
      const plan = { samples: Math.min(maxSamples, message.samples), rttThresholdMs: message.rttThresholdMs };
      const measured = await measureQuality(this.#answered.ports, plan, dependencies, until);
      if (signal.aborted) return;
      await sendQuality(message.round, measured, link);
    } finally {
      udp.close();
    }
    await link.send({ type: "measured", round: message.round });
  }

  /** Streams to or from one peer, and says what arrived. */
  async stream(message: StreamMessage, link: Pick<Link, "send">, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { streamTo } = await import("./stream.ts");
    const { epoch, node, nodes } = this.#welcome;
    const place = { address: this.#addressOf(message.to, message.address), nodes, from: node };
    const context = {
      epoch: epochKey(epoch.id, epoch.secret),
      source: this.#source(),
      policy: this.#policy,
      health: this.#health,
    };
    await link.send(await streamTo(message, place, context, signal));
  }

  /** Looks at its own host and at the world outside, and sends what it finds as it comes. */
  async inspect(
    message: Omit<InspectMessage, "type">,
    link: Pick<Link, "send">,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const { inspect } = await import("./inspect.ts");
    const dependencies = {
      ownAddress: this.#welcome.nodes[this.#welcome.node]!.addresses[0]!,
      env: process.env,
      policy: this.#ownPolicy,
      addresses: this.#policy,
      sourceFor: (address: string) => (isLoopback(address) ? this.#source() : {}),
      health: this.#health,
      now: () => new Date(),
    };
    await inspect(message, dependencies, (found) => link.send(found), signal);
    if (signal.aborted) return;
    await link.send({ type: "inspected", round: message.round });
  }

  /** The ports of listeners in one order, those of each kind of service in another; those that must be shut apart. */
  orders({ id, to, address, protocol, ports, shut = [], services = [] }: ProbeTask): ProbeOrder[] {
    const range = { to, address: this.#addressOf(to, address), protocol };
    const serverName = certificateName(this.#welcome.nodes[to]?.name ?? "");
    const part = (all: PortSet, isShut: boolean): ProbeOrder[] => {
      const kind = isShut ? { isShut } : {};
      const start = this.#swept.of({ ...range, ...kind });
      const faulty = this.#swept.faulty({ ...range, ...kind });
      const order = { id, from: this.#welcome.node, ...range, ...kind, serverName, start, faulty };
      const served = services.map(({ ports: held, exchange, tls }): ProbeOrder => {
        return { ...order, service: { exchange, tls }, ports: intersection(all, held) };
      });
      const rest = subtract(all, union(served.map((each) => each.ports)));
      return [{ ...order, ports: rest }, ...served].filter((each) => each.ports.length > 0);
    };
    return [...part(ports, false), ...part(shut, true)];
  }

  /** What the policy of this agent allows, and what it does not. */
  divide(orders: readonly ProbeOrder[]): [permitted: ProbeOrder[], forbidden: ProbeOrder[]] {
    const isPermitted = (order: ProbeOrder): boolean =>
      this.#policy.permits(order.address) || (order.to === order.from && isLoopback(order.address));
    return [orders.filter(isPermitted), orders.filter((order) => !isPermitted(order))];
  }

  /** Where each of these ranges was left, for the next time. */
  remember(cut: readonly CutOrder[]): void {
    for (const { order, taken } of cut) this.#swept.add(order, taken);
  }

  /** What was found faulty in a range, so that the next samples have it. */
  rememberFaulty(order: ProbeOrder, ports: readonly number[]): void {
    this.#swept.setFaulty(order, ports);
  }

  /** From where peers may see this node without a NAT in between. */
  sources(): string[] {
    return [...this.ownAddresses, "127.0.0.1", "::1"].map(canonicalAddress);
  }

  /** To be closed by whoever asked for it. */
  udpSweep(): UdpSweep {
    return new UdpSweep(this.#source().localAddress);
  }

  /** `sweepMs`: for how long ranges may be swept. */
  prober(timeoutMs: number, udp: UdpSweep, sweepMs = Number.POSITIVE_INFINITY): ProberDependencies {
    const context = this.#probeContext(timeoutMs, udp);
    return { protocols, context, limits: { ...this.#limits(), sweepMs }, health: this.#health };
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
      datagrams: eagerDatagrams,
      open: new Set(),
    };
  }

  /** Several agents of a demo share the loopback interface: each must speak from its own address. */
  #source(): { localAddress?: string } {
    const first = this.#welcome.nodes[this.#welcome.node]!.addresses[0]!;
    return isLoopback(first) ? { localAddress: first } : {};
  }

  #limits(): typeof defaultLimits {
    const ratePerSecond = this.#ownPolicy.probesPerSecond;
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

async function sendQuality(
  round: number,
  measured: readonly Quality[],
  link: Pick<Link, "send">,
): Promise<void> {
  for (let start = 0; start < measured.length; start += maxResultsPerFrame) {
    const targets = measured.slice(start, start + maxResultsPerFrame).map(({ order, ports, ...quality }) => ({
      target: order.id,
      ports: formatPorts(portSetOf(ports)),
      sent: quality.sent,
      lost: quality.lost,
      ...(quality.rttMs === undefined ? {} : { rttUs: Math.round(quality.rttMs * 1_000) }),
      ...(quality.blackHole === undefined ? {} : { blackHole: quality.blackHole }),
    }));
    await link.send({ type: "quality", round, targets });
  }
}

/** How long a sweep of all ports takes by what this one did; 0 where nothing was cut. */
export function fullSweepMs(cut: readonly CutOrder[], budgetMs: number): number {
  const share = Math.min(...cut.map(({ taken, of }) => Math.max(1, taken) / of));
  return cut.length === 0 ? 0 : budgetMs / share;
}

function taskOf({ ports, services = [], ...target }: WireTarget): ProbeTask {
  return {
    ...target,
    ports: portSet(ports),
    services: services.map((service) => ({ ...service, ports: portSet(service.ports) })),
  };
}

/** What the policy forbids has its outcome without a probe. */
export function refuse(order: ProbeOrder, report: (result: ProbeResult) => void): void {
  const detail = `${order.address} is outside of what this agent's policy allows`;
  const outcome: Outcome = {
    kind: "local-error",
    phase: "connect",
    elapsedMs: 0,
    attempts: 1,
    code: "EPOLICY",
    detail,
  };
  for (const port of eachPort(order.ports)) report({ order, port, outcome });
}

function portSet(text: string): ProbeOrder["ports"] {
  const ports = readPorts(text);
  if (ports === undefined)
    throw new PortmeshError("policy-refused", `the coordinator sent ports that make no sense: ${text}`);
  return ports;
}
