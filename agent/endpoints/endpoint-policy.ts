/**
 * Which endpoints this node allows itself to reach, whatever the coordinator says. Orders name hosts that lie
 * outside of the cluster; without the rules here, who has stolen a coordinator could have the fleet scan anybody.
 */
import { formatEndpoint } from "../../shared/addresses.ts";
import type { EndpointTransport } from "../../shared/names.ts";
import { isPublic, type AddressPolicy } from "../policy.ts";
import type { IsShipped } from "./shipped.ts";

export interface EndpointTarget {
  /** A name, or an address. */
  host: string;
  transport: EndpointTransport;
  /** 0 for icmp. */
  port: number;
}

/** Who said that the host has this address: the node's own resolver, or the coordinator. */
export type AddressSource = "resolver" | "coordinator";

export class EndpointPolicy {
  readonly #addresses: AddressPolicy;
  readonly #endpoints: ReadonlySet<string>;
  readonly #shipped: () => Promise<IsShipped>;

  /** `endpoints` as in the policy; `shipped` is asked only where nothing else allows a target. */
  constructor(
    addresses: AddressPolicy,
    endpoints: readonly string[],
    shipped: () => Promise<IsShipped> = readShippedOnce,
  ) {
    this.#addresses = addresses;
    this.#endpoints = new Set(endpoints);
    this.#shipped = shipped;
  }

  /** Why this address of the host may not be dialled, with what to do about it; undefined where it may. */
  async refusal(target: EndpointTarget, address: string, source: AddressSource): Promise<string | undefined> {
    const { host, transport, port } = target;
    if (this.#addresses.neverPermits(address)) return never(address);
    if (this.#addresses.permits(address) || this.#names(address, port)) return undefined;
    // A name says nothing of an address that the resolver of this node has not given for it.
    if (source === "coordinator")
      return `${address} is outside of this agent's policy; ${advice(address, target)}`;
    if (this.#names(host, port)) return undefined;
    const isShipped = isPublic(address) && (await this.#shipped())(host, transport, port);
    return isShipped
      ? undefined
      : `${address} is outside of this agent's policy; ${advice(transport === "icmp" ? address : host, target)}`;
  }

  /** Why the target may not be asked of a proxy, which resolves and dials itself. */
  async refusalBehindProxy(target: EndpointTarget, isAddress: boolean): Promise<string | undefined> {
    const { host, transport, port } = target;
    if (isAddress) return this.refusal(target, host, "resolver");
    if (this.#names(host, port) || (await this.#shipped())(host, transport, port)) return undefined;
    return `${host} is in no spec that this agent has, nor in its policy; ${advice(host, target)}`;
  }

  /** Why this address of a proxy may not be dialled. */
  refusalOfProxy(
    proxy: { host: string; port: number },
    address: string,
    source: AddressSource,
  ): string | undefined {
    if (this.#addresses.neverPermits(address)) return never(address);
    const isNamed =
      (source === "resolver" && this.#names(proxy.host, proxy.port)) || this.#names(address, proxy.port);
    if (isNamed || this.#addresses.permits(address)) return undefined;
    const what = formatEndpoint(source === "resolver" ? proxy.host : address, proxy.port);
    return `the proxy's ${address} is outside of this agent's policy; add ${what} to endpoints in its file`;
  }

  #names(host: string, port: number): boolean {
    return this.#endpoints.has(formatEndpoint(host, port));
  }
}

/** Ping has no port to name. */
function advice(host: string, { transport, port }: EndpointTarget): string {
  return transport === "icmp"
    ? `add ${host} to allow in the policy file`
    : `add ${formatEndpoint(host, port)} to endpoints in the policy file`;
}

function never(address: string): string {
  return `${address} is of a range that no policy allows: loopback, link-local, metadata or multicast`;
}

let shippedOnce: Promise<IsShipped> | undefined;
function readShippedOnce(): Promise<IsShipped> {
  return (shippedOnce ??= import("./shipped.ts").then(({ readShipped }) => readShipped()));
}
