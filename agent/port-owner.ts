/**
 * Who owns a port that was already taken. The kernel's tables name the owner's user; the process is found
 * through its open sockets, which needs privilege for other users' processes.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Transport } from "../shared/names.ts";
import { socketStates, socketTable } from "./socket-table.ts";

/** Looks every occupied port of a reconciliation up in one pass over /proc. */
export class PortOwners {
  #inodesByPort: Map<string, { inode: string; uid: string }> | undefined;
  #processes: Map<string, string> | undefined;

  /** `nginx (pid 812)` or `a process of uid 33`; undefined where /proc does not tell. */
  ownerOf(transport: Transport, port: number): string | undefined {
    this.#inodesByPort ??= readSocketTables();
    const entry = this.#inodesByPort.get(`${transport} ${port}`);
    if (entry === undefined) return undefined;
    this.#processes ??= readProcessSockets();
    return this.#processes.get(entry.inode) ?? `a process of uid ${entry.uid}`;
  }
}

function readSocketTables(): Map<string, { inode: string; uid: string }> {
  const owners = new Map<string, { inode: string; uid: string }>();
  for (const transport of ["tcp", "udp"] as const) {
    const state = transport === "tcp" ? socketStates.listening : undefined;
    for (const { localPort, inode, uid } of socketTable(transport, state))
      owners.set(`${transport} ${localPort}`, { inode, uid });
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
