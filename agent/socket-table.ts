/** The kernel's own tables of sockets (/proc/net/tcp, udp and their IPv6 twins): the same for every user. */
import { readFileSync } from "node:fs";
import { addressFromBytes } from "../shared/addresses.ts";
import type { Transport } from "../shared/names.ts";

/** As in include/net/tcp_states.h. */
export const socketStates = { halfOpen: "03", listening: "0A" } as const;

export interface TableEntry {
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  state: string;
  uid: string;
  inode: string;
}

/** All entries of a transport in this network namespace, both families; none where there is no /proc. */
export function* socketTable(transport: Transport, state?: string): Iterable<TableEntry> {
  for (const table of [transport, `${transport}6`]) yield* readSocketTable(`/proc/net/${table}`, state);
}

/** The entries of one table of the kernel. */
export function* readSocketTable(path: string, state?: string): Iterable<TableEntry> {
  // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
  for (const line of readLines(path)) {
    if (state !== undefined && !line.includes(` ${state} `)) continue;
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10 || (state !== undefined && fields[3] !== state)) continue;
    const [local, localPort] = fields[1]!.split(":") as [string, string];
    const [remote] = fields[2]!.split(":") as [string];
    yield {
      localAddress: addressOf(local),
      localPort: parseInt(localPort, 16),
      remoteAddress: addressOf(remote),
      state: fields[3]!,
      uid: fields[7]!,
      inode: fields[9]!,
    };
  }
}

/** The tables hold an address as 32-bit words in the order of the host's bytes: every word is reversed. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  if (littleEndian) bytes.swap32();
  if (bytes.length === 16) return addressFromBytes(bytes);
  return bytes.join(".");
}

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(1);
  } catch {
    return [];
  }
}
