/** What one welcome asks of an agent, in terms of its own addresses, keys and policy. */
import { canonicalAddress, isLoopback, localhostOf } from "../shared/addresses.ts";
import { PortmeshError } from "../shared/errors.ts";
import { certificateName, loopbackAddress, maxResultsPerFrame } from "../shared/link.ts";
import { formatPorts, portSetOf, readPorts, subtract, union, type PortSet } from "../shared/ports.ts";
import { epochKey } from "../shared/proof.ts";
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
import { defaultLimits, type CutOrder, type ProbeOrder, type ProbeResult } from "./prober.ts";
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

export class Duty implements Disposable {
  readonly #welcome: Welcome;
  readonly #ownPolicy: Policy;
  readonly #privateKey: string;
  readonly #policy: AddressPolicy;
  readonly #watch: SelfWatch;
  /** It knows the interfaces as they were when the agent joined. */
  readonly #health: OwnHealth;
  readonly #swept: SweptPorts;
  readonly #requests = new RequestLog();
  /** What the last round found to measure. */
  #answered = new AnsweredPorts();
  readonly #halfOpen = new HalfOpenWatch(this.#requests);

  /** `coordinators` are the addresses of the join string; `privateKey` belongs to the welcome's certificate. */
  constructor(
    welcome: Welcome,
    policy: Policy,
    coordinators: readonly string[],
    privateKey: string,
    watch: SelfWatch,
    swept: SweptPorts,
  ) {
    this.#welcome = welcome;
    this.#watch = watch;
    this.#swept = swept;
    this.#health = new OwnHealth(watch, welcome.nodes[welcome.node]?.addresses ?? []);
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

  get respectServices(): boolean {
    return this.#welcome.respectServices;
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
    const own = this.#welcome.nodes[this.#welcome.node]!.addresses;
    const batch = new ResultBatch(
      message.round,
      [...own, "127.0.0.1", "::1"].map(canonicalAddress),
      (results) => void link.send(results),
    );
    const orders = message.targets.flatMap((target) => this.#orders(target));
    const [permitted, forbidden] = this.#divide(orders);
    for (const order of forbidden) refuse(order, batch);
    const udp = new UdpSweep(this.#source().localAddress);
    const flushing = setInterval(() => batch.flush(), flushMs);
    let probes = 0;
    let cut: CutOrder[] = [];
    try {
      const context = this.#probeContext(message.timeoutMs, udp);
      const answered = new AnsweredPorts();
      this.#answered = answered;
      const report = (result: ProbeResult): void => {
        probes++;
        batch.add(result);
        answered.add(result);
      };
      const limits = { ...this.#limits(), sweepMs: message.budgetMs };
      const dependencies = { protocols, context, limits, health: this.#health };
      const doubt = (nodes: number[]): void => void link.send({ type: "doubt", round: message.round, nodes });
      cut = await probeThoroughly(permitted, dependencies, { report, doubt }, signal);
      for (const { order, taken } of cut) this.#swept.add(order, taken);
    } finally {
      clearInterval(flushing);
      udp.close();
    }
    if (signal.aborted) return;
    batch.flush();
    const share = Math.min(...cut.map(({ taken, of }) => Math.max(1, taken) / of));
    await link.send({
      type: "done",
      round: message.round,
      probes,
      elapsedMs: performance.now() - startedAt,
      cut: cut.map(({ order }) => order.id),
      fullSweepMs: cut.length === 0 ? 0 : message.budgetMs / share,
    });
  }

  /** Measures the paths of what answered in the round before. */
  async measure(message: MeasureMessage, link: Pick<Link, "send">, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const udp = new UdpSweep(this.#source().localAddress);
    try {
      const context = this.#probeContext(message.timeoutMs, udp);
      const dependencies = { protocols, context, limits: this.#limits(), health: this.#health };
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

  /** The ports of listeners in one order, those of each kind of service in another. */
  #orders({ id, to, address, protocol, ports, services = [] }: WireTarget): ProbeOrder[] {
    const range = { to, address: this.#addressOf(to, address), protocol };
    const order = {
      id,
      from: this.#welcome.node,
      ...range,
      serverName: certificateName(this.#welcome.nodes[to]?.name ?? ""),
      start: this.#swept.of(range),
    };
    const served = services.map(({ ports: held, exchange, tls }): ProbeOrder => {
      return { ...order, service: { exchange, tls }, ports: portSet(held) };
    });
    const rest = subtract(portSet(ports), union(served.map((each) => each.ports)));
    return rest.length === 0 ? served : [{ ...order, ports: rest }, ...served];
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
  const ports = readPorts(text);
  if (ports === undefined)
    throw new PortmeshError("policy-refused", `the coordinator sent ports that make no sense: ${text}`);
  return ports;
}
