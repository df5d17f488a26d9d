/**
 * A network in a box: hosts as network namespaces, each on a link of its own to one router. Real kernels,
 * real firewalls, real silence. The address plan stands in addresses.ts.
 *
 * One thing is unlike a real network: no time passes on the way. An ICMPv6 error arrives while connect() still
 * holds the socket, the kernel passes over it, and the prober learns of a reject only from the answer to its
 * second SYN, after one second. IPv4 is not affected.
 */
import { linkAddresses, zonePrefixes } from "./addresses.ts";
import { ipBatch } from "./command.ts";
import { chainOf, Fault, lossChain, type Endpoint, type FaultRule } from "./faults.ts";
import { Host, type HostOptions } from "./host.ts";
import { nextLabName, removeNamespaces, sweepLeftovers } from "./leftovers.ts";
import { Namespace } from "./namespace.ts";
import { requireLab } from "./requires.ts";

export type { Host, HostOptions } from "./host.ts";

/** A host by its name, or all hosts of a zone. */
export type Place = string | { zone: string };

export interface FaultOptions extends Omit<FaultRule, "from" | "to"> {
  /** The host whose firewall it is, or `router`. */
  at: string;
  from?: Place;
  to?: Place;
}

export class Lab implements AsyncDisposable {
  readonly router: Namespace;
  readonly #hosts = new Map<string, Host>();
  readonly #zones: readonly string[];
  #disposed: Promise<void> | undefined;

  private constructor(hosts: readonly HostOptions[]) {
    const name = nextLabName();
    this.router = new Namespace("router", `${name}-router`);
    this.#zones = [...new Set(hosts.map(({ zone }) => zone))];
    const hostsOfZone = new Map<string, number>();
    for (const [index, options] of hosts.entries()) {
      if (options.name === "router" || this.#hosts.has(options.name))
        throw new Error(`${options.name} is taken`);
      const inZone = (hostsOfZone.get(options.zone) ?? 0) + 1;
      hostsOfZone.set(options.zone, inZone);
      const addresses = linkAddresses(this.#zoneNumber(options.zone), inZone);
      this.#hosts.set(options.name, new Host(options, `${name}-${options.name}`, `h${index + 1}`, addresses));
    }
  }

  static async create(options: { hosts: readonly HostOptions[] }): Promise<Lab> {
    requireLab();
    await sweepLeftovers();
    const lab = new Lab(options.hosts);
    try {
      await lab.#build();
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host !== undefined) return host;
    throw new Error(`the lab has no host ${name}; it has ${[...this.#hosts.keys()].join(", ")}`);
  }

  /** Breaks something until the returned handle (or the lab) is disposed of. */
  fault({ at, from, to, ...rule }: FaultOptions): Promise<Fault> {
    const ends = { ...(from && { from: this.#endpoint(from) }), ...(to && { to: this.#endpoint(to) }) };
    return Fault.install(this.#at(at), chainOf({ ...rule, ...ends }));
  }

  /** Any other firewall: `chains` is what stands inside an nft table of family inet. */
  rules(at: string, chains: string): Promise<Fault> {
    return Fault.install(this.#at(at), chains);
  }

  /** Loses this share of the packets on the host's link, each way for itself. */
  loss(host: string, ratio: number): Promise<Fault> {
    return Fault.install(this.router, lossChain(this.host(host).link, ratio));
  }

  /** Gives a host more addresses, of any network: the router sends there what is for them. */
  async addAddresses(name: string, addresses: readonly string[]): Promise<void> {
    const { namespace, address, address6 } = this.host(name);
    const isV6 = (each: string): boolean => each.includes(":");
    const prefix = (each: string): string => `${each}/${isV6(each) ? 128 : 32}`;
    const nodad = (each: string): string => (isV6(each) ? " nodad" : "");
    await ipBatch(
      addresses.map((each) => `addr replace ${prefix(each)} dev lo${nodad(each)}`),
      namespace,
    );
    await ipBatch(
      addresses.map((each) => `route replace ${prefix(each)} via ${isV6(each) ? address6 : address}`),
      this.router.namespace,
    );
  }

  /**
   * Lets the host's link carry this many bits per second, from the host and to it (tc-tbf(8)). The queue is as
   * short as that of a switch, and holds the largest packet that a kernel hands to a link.
   */
  async shape(name: string, { from, to }: { from: number; to: number }): Promise<void> {
    const host = this.host(name);
    const shaper = (rate: number): string[] => [
      "tbf",
      "rate",
      `${rate}bit`,
      "burst",
      "128kb",
      "latency",
      "20ms",
    ];
    await host.run("tc", ["qdisc", "replace", "dev", "eth0", "root", ...shaper(from)]);
    await this.router.run("tc", ["qdisc", "replace", "dev", host.link, "root", ...shaper(to)]);
  }

  /** Bytes that the host's link has carried, as its interface counts them. */
  async carried(name: string): Promise<{ from: number; to: number }> {
    const folder = "/sys/class/net/eth0/statistics";
    const text = await this.host(name).run("cat", [`${folder}/tx_bytes`, `${folder}/rx_bytes`]);
    const [from, to] = text.split("\n").map(Number) as [number, number];
    return { from, to };
  }

  /** Takes the host's own link down: no route at home, and no answer for the others. */
  async linkDown(name: string): Promise<AsyncDisposable> {
    const host = this.host(name);
    await ipBatch(["link set eth0 down"], host.namespace);
    return {
      async [Symbol.asyncDispose]() {
        if (!host.isClosed) await ipBatch(host.linkCommands(), host.namespace);
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    const all = [...this.hosts, this.router];
    await Promise.all(all.map((namespace) => namespace.close()));
    await removeNamespaces(all.map(({ namespace }) => namespace));
  }

  async #build(): Promise<void> {
    const { router, hosts } = this;
    await ipBatch([
      ...[router, ...hosts].map(({ namespace }) => `netns add ${namespace}`),
      ...hosts.map(
        ({ namespace, link }) =>
          `link add eth0 netns ${namespace} type veth peer name ${link} netns ${router.namespace}`,
      ),
    ]);
    const forwarding = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];
    await router.run("sh", ["-c", `for file in ${forwarding.join(" ")}; do echo 1 >$file; done`]);
    await ipBatch(["link set lo up", ...hosts.flatMap((host) => host.routerCommands())], router.namespace);
    await Promise.all(hosts.map((host) => ipBatch(host.linkCommands(), host.namespace)));
  }

  #at(name: string): Namespace {
    return name === "router" ? this.router : this.host(name);
  }

  #endpoint(place: Place): Endpoint {
    if (typeof place !== "string") return zonePrefixes(this.#zoneNumber(place.zone));
    const { address, address6 } = this.host(place);
    return { v4: address, v6: address6 };
  }

  #zoneNumber(zone: string): number {
    const index = this.#zones.indexOf(zone);
    if (index === -1) throw new Error(`the lab has no zone ${zone}; it has ${this.#zones.join(", ")}`);
    return index + 1;
  }
}
