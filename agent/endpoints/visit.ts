/**
 * Visits what lies outside of the cluster: every address of a host, every port of the order, straight or through
 * a proxy. What this node's policy does not allow is not dialled, and told.
 */
import { canonicalAddress, familyOf, parseHost } from "../../shared/addresses.ts";
import {
  maxEndpointPorts,
  type EndpointAttempt,
  type EndpointReport,
  type WireEndpoint,
  type WireOutside,
} from "../../shared/endpoint-report.ts";
import { PortmeshError } from "../../shared/errors.ts";
import type { ProxyKind } from "../../shared/names.ts";
import { countPorts, eachPort, readPorts } from "../../shared/ports.ts";
import { printable } from "../protocols/services/exchange.ts";
import { httpConnect } from "../protocols/tunnels/http-connect.ts";
import { socks5 } from "../protocols/tunnels/socks5.ts";
import type { Login, Tunnel, TunnelTarget } from "../protocols/tunnels/tunnel.ts";
import { attempt, notAttempted, type AttemptContext, type Way } from "./attempt.ts";
import type { AddressSource, EndpointPolicy, EndpointTarget } from "./endpoint-policy.ts";
import { forEachLimited } from "./limited.ts";
import { givenAddresses, givenFor, type NodeResolver, type Resolution } from "./resolve.ts";

export interface VisitDependencies extends Omit<AttemptContext, "open" | "signal"> {
  policy: EndpointPolicy;
  resolver: NodeResolver;
}

const hostsAtOnce = 8;
const attemptsAtOnce = 4;
/** Of each family; a name that has more of them stands for a whole network of servers. */
const maxDialled = 8;
const maxProxyAddresses = 4;
/** One report holds no more. */
const maxAttempts = 256;

/** How to ask a proxy of each kind for the way on. */
const tunnels = { http: httpConnect, socks5 } satisfies Record<
  ProxyKind,
  (target: TunnelTarget, login: Login | undefined) => Tunnel
>;

/**
 * Visits several hosts at once; `onReport` gets each as soon as it is done, and nothing any more once the signal is given.
 * @throws PortmeshError where the orders make no sense; nothing has been dialled then.
 */
export async function visitAll(
  orders: readonly WireEndpoint[],
  outside: WireOutside,
  deps: VisitDependencies,
  onReport: (report: EndpointReport) => void,
  signal: AbortSignal,
): Promise<void> {
  orders.forEach(checkOrder);
  await forEachLimited(
    orders,
    hostsAtOnce,
    async (order) => {
      const report = await visitEndpoint(order, outside, deps, signal).catch((error: unknown) =>
        defect(order, error),
      );
      if (!signal.aborted) onReport(report);
    },
    signal,
  );
}

/**
 * Resolves when nothing is open any more; soon, where the signal is given.
 * @throws PortmeshError where the order makes no sense.
 */
export async function visitEndpoint(
  order: WireEndpoint,
  outside: WireOutside,
  deps: VisitDependencies,
  signal: AbortSignal,
): Promise<EndpointReport> {
  checkOrder(order);
  const context: AttemptContext = { ...deps, open: new Set(), signal };
  const close = (): void => context.open.forEach((each) => each.destroy());
  signal.addEventListener("abort", close, { once: true });
  try {
    const visit = new Visit(order, deps, context);
    // What proxies pass on is TCP.
    return order.route === "direct" || order.transport !== "tcp"
      ? await visit.directly()
      : await visit.through(order.route, outside);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** A visit that throws has a bug; the others go on. */
function defect({ id, host, route, ports }: WireEndpoint, error: unknown): EndpointReport {
  const fault = { kind: "local-error", phase: "connect", code: "DEFECT", detail: String(error) } as const;
  const [first = 0] = eachPort(readPorts(ports)!);
  return { endpoint: id, attempts: [notAttempted({ route, address: host }, first, fault)] };
}

/** The coordinator may be anybody: a host goes into requests as it is, and ports are dialled one by one. */
function checkOrder({ host, ports, transport }: WireEndpoint): void {
  const isHost = parseHost(host)?.host === host && parseHost(host)?.port === undefined;
  const set = readPorts(ports);
  const isSensible = set !== undefined && (transport === "icmp") === (set.length === 0);
  if (isHost && isSensible && countPorts(set) <= maxEndpointPorts) return;
  throw new PortmeshError(
    "policy-refused",
    `the coordinator sent an endpoint that makes no sense: ${printable(`${host} ${transport} ${ports}`)}`,
  );
}

interface Located {
  /** Absent where the host is an address. */
  found?: Resolution;
  addresses: readonly string[];
  source: AddressSource;
}

/** One order under way. */
class Visit {
  readonly #order: WireEndpoint;
  readonly #deps: VisitDependencies;
  readonly #context: AttemptContext;
  readonly #ports: readonly number[];

  constructor(order: WireEndpoint, deps: VisitDependencies, context: AttemptContext) {
    this.#order = order;
    this.#deps = deps;
    this.#context = context;
    this.#ports = order.transport === "icmp" ? [0] : [...eachPort(readPorts(order.ports)!)];
  }

  async directly(): Promise<EndpointReport> {
    const { id, host, addresses: given } = this.#order;
    const { found, addresses, source } = await this.#locate(host, given);
    const attempts = await this.#attemptAll(addresses, (address, port) =>
      this.#attemptDirectly(address, port, source),
    );
    const resolution = found === undefined ? {} : { resolution: shown(found) };
    return { endpoint: id, ...resolution, attempts };
  }

  /** `given` are addresses of the cluster file, to be taken instead of asking for the name. */
  async #locate(host: string, given: readonly string[] | undefined): Promise<Located> {
    if (familyOf(host) !== undefined) return { addresses: [canonicalAddress(host)], source: "resolver" };
    const found =
      given === undefined
        ? await this.#deps.resolver.resolve(host, this.#context.signal)
        : givenAddresses(given);
    const source = given === undefined ? "resolver" : "coordinator";
    return { found, addresses: bothFamilies(found.usable), source };
  }

  async through(kind: ProxyKind, { proxies, resolve }: WireOutside): Promise<EndpointReport> {
    const proxy = proxies[kind];
    const { id } = this.#order;
    if (proxy === undefined) {
      const fault = { code: "ENOPROXY", detail: `the cluster file has no ${kind} proxy` };
      return { endpoint: id, attempts: this.#withoutAttempt(kind, this.#order.host, fault) };
    }
    const { found, addresses, source } = await this.#locate(proxy.host, givenFor(proxy.host, resolve));
    if (addresses.length === 0) {
      const { code = "ENODATA", detail = "" } = found ?? {};
      const fault = { code, detail: `this is the proxy; ${detail}` };
      return { endpoint: id, attempts: this.#withoutAttempt(kind, proxy.host, fault, "unresolved") };
    }
    const attempts = await this.#attemptAll(addresses.slice(0, maxProxyAddresses), (address, port) =>
      this.#attemptThrough(kind, proxy, { address, source }, port),
    );
    // Who opens TLS at the proxy shows a certificate that the host itself has not.
    const opened = attempts.find(({ tls }) => tls?.trust === "none");
    const direct = opened === undefined ? undefined : await this.#compareDirectly(opened.port);
    return { endpoint: id, attempts, ...(direct === undefined ? {} : { direct }) };
  }

  async #attemptAll(
    addresses: readonly string[],
    work: (address: string, port: number) => Promise<EndpointAttempt>,
  ): Promise<EndpointAttempt[]> {
    const all = addresses
      .flatMap((address) => this.#ports.map((port): [string, number] => [address, port]))
      .slice(0, maxAttempts);
    const attempts: EndpointAttempt[] = [];
    await forEachLimited(
      all,
      attemptsAtOnce,
      async ([address, port], index) => {
        attempts[index] = await work(address, port);
      },
      this.#context.signal,
    );
    return attempts.filter((each) => each !== undefined);
  }

  async #attemptDirectly(address: string, port: number, source: AddressSource): Promise<EndpointAttempt> {
    const way: Way = { route: "direct", address };
    const refusal = await this.#deps.policy.refusal(this.#target(port), address, source);
    return refusal === undefined
      ? attempt(this.#order, way, port, this.#context)
      : refused(way, port, refusal);
  }

  async #attemptThrough(
    kind: ProxyKind,
    proxy: NonNullable<WireOutside["proxies"][ProxyKind]>,
    { address, source }: { address: string; source: AddressSource },
    port: number,
  ): Promise<EndpointAttempt> {
    const { policy } = this.#deps;
    const target = this.#target(port);
    const { user, password = "" } = proxy;
    const login = user === undefined ? undefined : { user, password };
    const tunnelTo = (to: number): Tunnel => tunnels[kind]({ host: target.host, port: to }, login);
    const way: Way = { route: kind, address, proxy: { host: proxy.host, port: proxy.port, tunnelTo } };
    const refusal =
      policy.refusalOfProxy(proxy, address, source) ??
      (await policy.refusalBehindProxy(target, familyOf(target.host) !== undefined));
    return refusal === undefined
      ? attempt(this.#order, way, port, this.#context)
      : refused(way, port, refusal);
  }

  /** Undefined where this node may not or cannot get there by itself. */
  async #compareDirectly(port: number): Promise<EndpointAttempt | undefined> {
    const { addresses, source } = await this.#locate(this.#order.host, this.#order.addresses);
    let last: EndpointAttempt | undefined;
    for (const address of addresses.slice(0, maxProxyAddresses)) {
      if (this.#context.signal.aborted) break;
      const found = await this.#attemptDirectly(address, port, source);
      if (found.code === "EPOLICY") continue;
      last = found;
      if (found.tls !== undefined) break;
    }
    return last;
  }

  #target(port: number): EndpointTarget {
    return { host: this.#order.host, transport: this.#order.transport, port };
  }

  /** The same for each port. */
  #withoutAttempt(
    route: ProxyKind,
    address: string,
    fault: { code: string; detail: string },
    kind: "local-error" | "unresolved" = "local-error",
  ): EndpointAttempt[] {
    const phase = kind === "unresolved" ? "resolve" : "connect";
    return this.#ports.map((port) => notAttempted({ route, address }, port, { kind, phase, ...fault }));
  }
}

function refused(way: Way, port: number, detail: string): EndpointAttempt {
  return notAttempted(way, port, { kind: "local-error", phase: "connect", code: "EPOLICY", detail });
}

/** In turn, so that neither family crowds the other out. */
function bothFamilies(addresses: readonly string[]): string[] {
  const [v4, v6] = ([4, 6] as const).map((family) => addresses.filter((each) => familyOf(each) === family));
  return Array.from({ length: maxDialled }, (_, index) => [v4![index], v6![index]])
    .flat()
    .filter((address) => address !== undefined);
}

function shown({ usable: _usable, ...resolution }: Resolution): NonNullable<EndpointReport["resolution"]> {
  return resolution;
}
