/**
 * What this node allows itself to probe, whatever the coordinator says. Every address is checked just before
 * it is dialled. The built-in refusals cannot be lifted by any file; without a file only private addresses
 * are allowed, because a cluster's nodes have those and the rest of the world did not ask to be probed.
 */
import { BlockList } from "node:net";
import { addressToBytes, familyOf } from "../shared/addresses.ts";
import { defaultLimits } from "./prober.ts";

export interface Policy {
  /** CIDR ranges that may be probed. */
  allow: readonly string[];
  /** `name:port` and `address:port` outside of these ranges that may be reached nevertheless, as `formatEndpoint` writes them. */
  endpoints: readonly string[];
  probesPerSecond: number;
  /** Whether peers that cannot reach the coordinator may do so through this node. */
  relay: boolean;
}

export const defaultPolicy: Policy = {
  // RFC 1918, RFC 6598, RFC 4193.
  allow: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"],
  endpoints: [],
  probesPerSecond: defaultLimits.ratePerSecond,
  relay: true,
};

/** Metadata services, link-local, multicast, broadcast, "this network", and no address at all, which leads to loopback. */
const neverAllowed = [
  "::/128",
  "0.0.0.0/8",
  "100.100.100.200/32",
  "169.254.0.0/16",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "fe80::/10",
  "ff00::/8",
  "fd00:ec2::254/128",
];
const loopback = ["127.0.0.0/8", "::1/128"];

export class AddressPolicy {
  readonly #allowed: BlockList;
  readonly #refused: BlockList;

  /** Loopback is allowed only to an agent whose coordinator is on loopback too: a demo. */
  constructor(policy: Policy, options: { loopback: boolean }) {
    this.#allowed = blockListOf([...policy.allow, ...(options.loopback ? loopback : [])]);
    this.#refused = blockListOf([...neverAllowed, ...(options.loopback ? [] : loopback)]);
  }

  permits(address: string): boolean {
    const family = familyOf(address);
    if (family === undefined) return false;
    const type = family === 4 ? "ipv4" : "ipv6";
    return this.#allowed.check(address, type) && !this.neverPermits(address);
  }

  /** Whether no policy can allow it. */
  neverPermits(address: string): boolean {
    const family = familyOf(address);
    if (family === undefined || this.#refused.check(address, family === 4 ? "ipv4" : "ipv6")) return true;
    if (family === 4 || !nat64.check(address, "ipv6")) return false;
    // RFC 6052 section 3.1: through this prefix nobody reaches an IPv4 address that is not global.
    const embedded = addressToBytes(address).subarray(12).join(".");
    return !isPublic(embedded) || this.#refused.check(embedded);
  }
}

/** What NAT64 turns into IPv4: nodes without IPv4 get such addresses for names that have no others (RFC 6147). */
const nat64 = blockListOf(["64:ff9b::/96"]);

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address, prefix] = range.split("/") as [string, string];
    list.addSubnet(address, Number(prefix), familyOf(address) === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** What an organisation uses within itself, or what leads there: RFC 2544, RFC 6890, RFC 3879, RFC 3056, RFC 4380. */
const internal = blockListOf([
  ...defaultPolicy.allow,
  ...loopback,
  "198.18.0.0/15",
  "192.0.0.0/24",
  "fec0::/10",
  "2002::/16",
  "2001::/32",
]);

/** Whether it belongs to the world outside, as far as that shows in an address. */
export function isPublic(address: string): boolean {
  const family = familyOf(address);
  return family !== undefined && !internal.check(address, family === 4 ? "ipv4" : "ipv6");
}
