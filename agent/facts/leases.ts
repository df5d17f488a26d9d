/**
 * Which addresses of this host a DHCP server has leased to it (RFC 2131). No single place tells: the kernel
 * knows how long an address is valid, if the client said so; clients keep files; and a client that renews has
 * its port open.
 */
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { canonicalAddress, familyOf } from "../../shared/addresses.ts";
import { readSocketTable } from "../socket-table.ts";
import { namesIn, readText, type HostRoots } from "./host-files.ts";
import type { KernelInterface } from "./kernel-addresses.ts";

export interface Lease {
  leased?: boolean;
  /** Where that was read. */
  from?: string;
}

/** An interface of this host with its addresses of IPv4. */
export interface LeasePlace {
  name: string;
  addresses: readonly string[];
}

const clientPort = 68;
const clients = new Set(["udhcpc", "dhclient", "dhcpcd", "dhcpcd5", "pump"]);

export class Leases {
  readonly #roots: HostRoots;
  readonly #kernel: ReadonlyMap<string, KernelInterface> | undefined;
  readonly #now: Date;
  /** Addresses at which a client has its port open; all of them as `0.0.0.0`. */
  readonly #openAt: ReadonlySet<string>;
  readonly #running: readonly RunningClient[];
  /** Whether the kernel asked DHCP itself as it started (`ip=dhcp`, nfsroot.rst): it says neither for which address nor how long. */
  readonly #isKernels: boolean;

  /** `kernel`: its interfaces by name; undefined where it could not be asked. */
  constructor(roots: HostRoots, kernel: ReadonlyMap<string, KernelInterface> | undefined, now: Date) {
    this.#roots = roots;
    this.#kernel = kernel;
    this.#now = now;
    this.#openAt = new Set(
      Array.from(readSocketTable(join(roots.proc, "net/udp"))).flatMap(({ localAddress, localPort }) =>
        localPort === clientPort ? [canonicalAddress(localAddress)] : [],
      ),
    );
    this.#running = runningClients(roots);
    this.#isKernels = /^#PROTO: /m.test(readText(join(roots.proc, "net/pnp")) ?? "");
  }

  of(address: string, place: LeasePlace): Lease {
    const link = this.#kernel?.get(place.name);
    const kernel = link?.addresses.get(address);
    if (kernel?.validSeconds !== undefined)
      return { leased: true, from: `ip addr: valid for another ${kernel.validSeconds} s` };
    if (familyOf(address) === 4) {
      const file = this.#fileOf(address, place.name, link?.index);
      if (file !== undefined) return { leased: true, from: file };
      if (this.#openAt.has(address))
        return {
          leased: true,
          from: `${this.#roots.proc}/net/udp: a DHCP client has port ${clientPort} of it`,
        };
      const client = this.#running.find(({ words }) => words.includes(place.name));
      // Which one of several it has brought nobody knows.
      if (client !== undefined)
        return place.addresses.length === 1
          ? { leased: true, from: `${client.name} (pid ${client.pid}) runs for ${place.name}` }
          : {};
      // A client that names no interface may have brought any address.
      if (this.#openAt.has("0.0.0.0") || this.#running.some(({ isForAll }) => isForAll)) return {};
      if (this.#isKernels) return {};
    }
    return kernel === undefined ? {} : { leased: false, from: "ip addr: valid for ever, and no DHCP client" };
  }

  /** The lease file that names this address, of a lease that is not over. */
  #fileOf(address: string, name: string, index: number | undefined): string | undefined {
    const { run, var: state } = this.#roots;
    const inFolder = (folder: string, pattern: RegExp): string[] =>
      namesIn(folder)
        .filter((file) => pattern.test(file))
        .slice(0, maxFiles)
        .map((file) => join(folder, file));
    const literal = RegExp.escape(name);
    const assigned = [
      ...(index === undefined ? [] : [join(run, `systemd/netif/leases/${index}`)]),
      // What fetched the system over the network may be gone since.
      join(run, `net-${name}.conf`),
    ];
    const found = assigned.find((file) => isAssigned(address, file));
    if (found !== undefined) return found;
    const managed = inFolder(
      join(state, "lib/NetworkManager"),
      new RegExp(`^internal-.*-${literal}\\.lease$`),
    );
    const classic = ["lib/dhcp", "lib/dhclient", "lib/NetworkManager"].flatMap((folder) =>
      inFolder(join(state, folder), new RegExp(`^dhclient.*${literal}\\.leases?$|^dhclient\\.leases$`)),
    );
    // These outlive a change to a static address, so they count only where the client is at work.
    return (
      managed.find((file) => this.#openAt.size > 0 && isAssigned(address, file)) ??
      classic.find((file) => holdsLease(readText(file) ?? "", name, address, this.#now))
    );
  }
}

const maxFiles = 32;

/** `ADDRESS=` of systemd-networkd and NetworkManager, `IPV4ADDR=` of klibc's ipconfig, which says beside it whether by DHCP. */
function isAssigned(address: string, file: string): boolean {
  const text = readText(file) ?? "";
  const [, word, assigned] = /^(ADDRESS|IPV4ADDR)='?([\d.]+)/m.exec(text) ?? [];
  return assigned === address && (word === "ADDRESS" || /^(?:IPV4)?PROTO='?dhcp/m.test(text));
}

/** dhclient.leases(5): the newest is last; `expire` counts in UTC, or says `never`, or `epoch SECONDS`. */
function holdsLease(text: string, name: string, address: string, now: Date): boolean {
  const leases = Array.from(text.matchAll(/^lease\s*\{([^}]*)\}/gm), ([, body]) => body!);
  const last = leases.findLast((body) => body.includes(`interface "${name}";`));
  if (last === undefined || !last.includes(`fixed-address ${address};`)) return false;
  const [, epoch, day, time] = /^\s*expire (?:epoch (\d+)|\d ([\d/]{8,10}) ([\d:]{8}))/m.exec(last) ?? [];
  if (epoch !== undefined) return Number(epoch) * 1_000 > now.getTime();
  return day === undefined || Date.parse(`${day.replaceAll("/", "-")}T${time}Z`) > now.getTime();
}

interface RunningClient {
  name: string;
  pid: string;
  words: readonly string[];
  /** It was given no interface: it takes every one. */
  isForAll: boolean;
}

/** DHCP clients of this network namespace. */
function runningClients({ proc, sys }: HostRoots): RunningClient[] {
  const own = namespaceOf(proc, "self");
  const interfaces = new Set(namesIn(sys, "class/net"));
  return namesIn(proc)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid): RunningClient[] => {
      const command = readText(join(proc, pid, "comm"), 32)?.trim() ?? "";
      if (!clients.has(command) && command !== "busybox") return [];
      const namespace = namespaceOf(proc, pid);
      if (own !== undefined && namespace !== undefined && namespace !== own) return [];
      // Who is dead and not buried yet has none.
      const words = (readText(join(proc, pid, "cmdline"), 4_096) ?? "").split("\0");
      const name = command === "busybox" ? (words[1] ?? "") : command;
      if (words[0] === "" || !clients.has(name)) return [];
      return [{ name, pid, words, isForAll: !words.some((word) => interfaces.has(word)) }];
    });
}

function namespaceOf(proc: string, pid: string): string | undefined {
  try {
    return readlinkSync(join(proc, pid, "ns/net"));
  } catch {
    return undefined;
  }
}
