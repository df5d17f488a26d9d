/**
 * Counters of this host's network stack (RFC 1213 and Linux's own, in /proc/net): they tell what a socket is
 * never told. Readable by every user; all zero where there is no /proc.
 */
import { readFileSync } from "node:fs";

export interface KernelCounters {
  /** ICMP and ICMPv6 "destination unreachable" messages that arrived; UDP sockets hear of only some of them. */
  unreachablesIn: number;
  /** TCP segments that this host's own firewall or route kept from being sent again (TcpExt TCPRetransFail). */
  retransmitsRefused: number;
  /** Packets that arrived on the loopback interface: answers of this host to itself. */
  loopbackPackets: number;
}

export function readKernelCounters(): KernelCounters {
  return {
    unreachablesIn:
      pairedRow(read("/proc/net/snmp"), "Icmp:", "InDestUnreachs") +
      Number(/^Icmp6InDestUnreachs\s+([0-9]+)/m.exec(read("/proc/net/snmp6"))?.[1] ?? 0),
    retransmitsRefused: pairedRow(read("/proc/net/netstat"), "TcpExt:", "TCPRetransFail"),
    loopbackPackets: Number(/^\s*lo:\s*[0-9]+\s+([0-9]+)/m.exec(read("/proc/net/dev"))?.[1] ?? 0),
  };
}

export function grown(before: KernelCounters, now: KernelCounters): KernelCounters {
  return {
    unreachablesIn: now.unreachablesIn - before.unreachablesIn,
    retransmitsRefused: now.retransmitsRefused - before.retransmitsRefused,
    loopbackPackets: now.loopbackPackets - before.loopbackPackets,
  };
}

/** `Icmp: A B C` above `Icmp: 1 2 3`. */
function pairedRow(text: string, prefix: string, name: string): number {
  const [names, values] = text.split("\n").filter((line) => line.startsWith(prefix));
  const at = names?.split(" ").indexOf(name) ?? -1;
  return at < 0 ? 0 : Number(values?.split(" ")[at] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
