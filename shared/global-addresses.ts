/**
 * Whether the Internet can reach an address: IANA's special-purpose address registries, by RFC 6890, as of
 * 2026, and for IPv6 the one block that is given out for global unicast (RFC 4291, 2000::/3).
 */
import { addressToBytes } from "./addresses.ts";

/** What is not globally reachable, but for the exceptions within it. */
const special: readonly string[] = [
  "0.0.0.0/8", // this network, RFC 791
  "10.0.0.0/8", // private use, RFC 1918
  "100.64.0.0/10", // shared address space of carriers, RFC 6598
  "127.0.0.0/8", // loopback, RFC 1122
  "169.254.0.0/16", // link local, RFC 3927
  "172.16.0.0/12", // private use, RFC 1918
  "192.0.0.0/24", // protocol assignments, RFC 6890
  "192.0.2.0/24", // documentation, RFC 5737
  "192.88.99.0/24", // 6to4 relays, which are no more, RFC 7526
  "192.168.0.0/16", // private use, RFC 1918
  "198.18.0.0/15", // benchmarks, RFC 2544
  "198.51.100.0/24", // documentation, RFC 5737
  "203.0.113.0/24", // documentation, RFC 5737
  "224.0.0.0/4", // multicast, RFC 5771
  "240.0.0.0/4", // reserved, RFC 1112, and limited broadcast
  "2001::/23", // protocol assignments, RFC 2928
  "2001:db8::/32", // documentation, RFC 3849
  "2002::/16", // 6to4, RFC 3056
  "3fff::/20", // documentation, RFC 9637
];
const exceptions: readonly string[] = [
  "192.0.0.9/32", // Port Control Protocol anycast, RFC 7723
  "192.0.0.10/32", // TURN anycast, RFC 8155
  "2001:1::1/128", // Port Control Protocol anycast, RFC 7723
  "2001:1::2/128", // TURN anycast, RFC 8155
  "2001:1::3/128", // DNS-SD service registration anycast, RFC 9665
  "2001:3::/32", // AMT, RFC 7450
  "2001:4:112::/48", // AS112, RFC 7535
  "2001:20::/28", // ORCHIDv2, RFC 7343
  "2001:30::/28", // drone remote identification, RFC 9374
];

/** `address` must be canonical. */
export function isGlobal(address: string): boolean {
  if (address.includes(":") && !isWithin(address, "2000::/3")) return false;
  return (
    exceptions.some((block) => isWithin(address, block)) || !special.some((block) => isWithin(address, block))
  );
}

function isWithin(address: string, block: string): boolean {
  const [network, length] = block.split("/") as [string, string];
  if (network.includes(":") !== address.includes(":")) return false;
  const bits = Number(length) + (network.includes(":") ? 0 : 96);
  const [own, other] = [addressToBytes(address), addressToBytes(network)].map(
    (bytes) => BigInt(`0x${bytes.toString("hex")}`) >> BigInt(128 - bits),
  );
  return own === other;
}
