/**
 * Who owns a port that was already taken. The kernel's tables name the owner's user; the process is found
 * through its open sockets, which needs privilege for other users' processes.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { canonicalAddress } from "../shared/addresses.ts";
import type { Transport } from "../shared/names.ts";
import type { PortPlace } from "./claims.ts";
import { socketStates, socketTable } from "./socket-table.ts";

interface Entry {
  address: string;
  inode: string;
  uid: string;
}

/** Looks every occupied port of a reconciliation up in one pass over /proc. */
export class PortOwners {
  #entriesByPort: Map<string, Entry[]> | undefined;
  #processes: Map<string, string> | undefined;

  /** As `ownerOf`, of who listens at this very address or at all of them. */
  listenerAt({ transport, address, port }: PortPlace): string | undefined {
    const entry = this.#entryAt(transport, address, port);
    return entry === undefined ? undefined : this.#nameOf(entry);
  }

  /** `nginx (pid 812)` or `a process of uid 33`; undefined where /proc does not tell. */
  ownerOf({ transport, address, port }: PortPlace): string | undefined {
    // The same port of another address may be somebody else's. Behind a NAT the address is none of this host's.
    const entry = this.#entryAt(transport, address, port) ?? this.#entries(transport, port)[0];
    return entry === undefined ? undefined : this.#nameOf(entry);
  }

  #entryAt(transport: Transport, address: string, port: number): Entry | undefined {
    const wanted = canonicalAddress(address);
    const entries = this.#entries(transport, port);
    return (
      entries.find((each) => each.address === wanted) ?? entries.find((each) => wildcards.has(each.address))
    );
  }

  #entries(transport: Transport, port: number): readonly Entry[] {
    this.#entriesByPort ??= readSocketTables();
    return this.#entriesByPort.get(`${transport} ${port}`) ?? [];
  }

  #nameOf({ inode, uid }: Entry): string {
    const known = ownersByInode.get(inode);
    if (known !== undefined) return known;
    this.#processes ??= readProcessSockets();
    const name = this.#processes.get(inode) ?? `a process of uid ${uid}`;
    if (ownersByInode.size >= maxRemembered) ownersByInode.clear();
    ownersByInode.set(inode, name);
    return name;
  }
}

/** A listening socket keeps its inode; to find its process takes a walk over every descriptor of the host. */
const ownersByInode = new Map<string, string>();
const maxRemembered = 4_096;

const wildcards = new Set(["0.0.0.0", "::"].map(canonicalAddress));

function readSocketTables(): Map<string, Entry[]> {
  const owners = new Map<string, Entry[]>();
  for (const transport of ["tcp", "udp"] as const) {
    const state = transport === "tcp" ? socketStates.listening : undefined;
    for (const { localAddress, localPort, inode, uid } of socketTable(transport, state)) {
      const key = `${transport} ${localPort}`;
      const entries = owners.get(key) ?? [];
      entries.push({ address: canonicalAddress(localAddress), inode, uid });
      owners.set(key, entries);
    }
  }
  return owners;
}

function readProcessSockets(): Map<string, string> {
  const processes = new Map<string, string>();
  for (const pid of readdir("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    for (const fd of readdir(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[([0-9]+)\]$/.exec(readlink(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode === undefined || processes.has(inode)) continue;
      const name = readLines(`/proc/${pid}/comm`)[0] ?? "?";
      processes.set(inode, `${name} (pid ${pid})`);
    }
  }
  return processes;
}

// Processes end while they are looked at, and most of /proc is closed to most users: no answer is an answer.
function readdir(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}
