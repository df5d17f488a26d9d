/** The name servers of this host (resolv.conf(5)), and whether they answer. */
import { join } from "node:path";
import { canonicalAddress, familyOf } from "../../shared/addresses.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { dns } from "../protocols/services/dns.ts";
import { runDatagram } from "../protocols/services/run-datagram.ts";
import { eagerDatagrams } from "../protocols/udp.ts";
import { readText, type HostRoots } from "./host-files.ts";

/** Resolvers ask no more than this (MAXNS). */
const maxServers = 3;
const dnsPort = 53;

/** Canonical addresses, in order; those with a zone (`fe80::1%eth0`) are left out. */
export function readNameServers({ etc }: HostRoots): string[] {
  const text = readText(join(etc, "resolv.conf")) ?? "";
  return Array.from(text.matchAll(/^nameserver\s+(\S+)/gm), ([, address]) => address!)
    .filter((address) => familyOf(address) !== undefined)
    .map(canonicalAddress)
    .slice(0, maxServers);
}

/** `open` for any answer, also a refusal: it is there. */
export function askNameServer(address: string, timeoutMs: number): Promise<Outcome> {
  const context = { timeoutMs, source: {}, datagrams: eagerDatagrams, open: new Set<never>() };
  return runDatagram(dns.datagram!(), { address, port: dnsPort }, context);
}
