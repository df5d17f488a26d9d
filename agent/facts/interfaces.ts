/** Interfaces of this host that are up, their MTU, and their addresses, leased or not. */
import type { NetworkInterfaceInfo } from "node:os";
import { join } from "node:path";
import { canonicalAddress, familyOf } from "../../shared/addresses.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { printable } from "../protocols/services/exchange.ts";
import type { RunCommand } from "./command.ts";
import { readText, type HostRoots } from "./host-files.ts";
import { addressArguments, readKernelInterfaces } from "./kernel-addresses.ts";
import { Leases } from "./leases.ts";

export type ListInterfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

const maxInterfaces = 256;
const maxAddresses = 64;
/** Hosts of thousands of containers have as many interfaces. */
const answerBytes = 8 * 1024 * 1024;

export async function readInterfaces(
  list: ListInterfaces,
  roots: HostRoots,
  run: RunCommand,
  now: Date,
  signal: AbortSignal,
): Promise<NodeFacts["interfaces"]> {
  const kernel = readKernelInterfaces(await run("ip", addressArguments, signal, answerBytes));
  const leases = new Leases(roots, kernel, now);
  return Array.from(byInterface(list()), ([name, addresses]) => {
    // The tool knows the interfaces of this network namespace; /sys may be that of another.
    const mtu = kernel?.get(name)?.mtu ?? readMtu(name, roots);
    const own = addresses.flatMap(({ address }) => (familyOf(address) === 4 ? [address] : []));
    return {
      name: printable(name),
      ...(mtu === undefined ? {} : { mtu }),
      addresses: addresses.slice(0, maxAddresses).map(({ address, prefix }) => ({
        address,
        prefix,
        ...leases.of(address, { name, addresses: own }),
      })),
    };
  }).slice(0, maxInterfaces);
}

interface Address {
  address: string;
  prefix: number;
}

/** `eth0:1` is a label of an address and no interface of its own. */
function byInterface(found: NodeJS.Dict<NetworkInterfaceInfo[]>): Map<string, Address[]> {
  const interfaces = new Map<string, Address[]>();
  for (const [label, infos = []] of Object.entries(found)) {
    const [name] = label.split(":") as [string];
    const addresses = interfaces.get(name) ?? [];
    for (const { address, cidr } of infos) {
      const bare = address.split("%")[0]!;
      const prefix = Number(cidr?.split("/")[1]);
      if (familyOf(bare) !== undefined && Number.isInteger(prefix))
        addresses.push({ address: canonicalAddress(bare), prefix });
    }
    interfaces.set(name, addresses);
  }
  return interfaces;
}

function readMtu(name: string, { sys }: HostRoots): number | undefined {
  const text = readText(join(sys, "class/net", name, "mtu"))?.trim();
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
