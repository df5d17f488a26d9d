/**
 * An MTU black hole: a link of the way carries less than both ends believe, and the ICMP message that would tell them
 * is lost. Hosts keep their 1,500 bytes.
 */
import type { Fault } from "./faults.ts";
import type { Lab } from "./lab.ts";

/** Until the lab ends. The packets that the fault has met are the messages that were lost. */
export async function blackHole(lab: Lab, name: string, mtu: number): Promise<Fault> {
  const { router } = lab;
  const host = lab.host(name);
  await router.run("ip", ["link", "set", host.link, "mtu", `${mtu}`]);
  // Without this one packet on a link of the lab is up to 64 kB, cut only where it leaves the machine: never.
  for (const each of lab.hosts) await each.run("ip", ["link", "set", "eth0", "gso_max_segs", "1"]);
  return lab.rules(
    "router",
    `chain output {
      type filter hook output priority 0; policy accept;
      icmp type destination-unreachable icmp code frag-needed counter drop
      icmpv6 type packet-too-big counter drop
    }`,
  );
}

/** What sites do about it, for one TCP port only: connections to and from it agree on smaller segments. */
export function clampedSegments(lab: Lab, port: number, bytes: number): Promise<Fault> {
  const clamp = `tcp flags syn tcp option maxseg size set ${bytes}`;
  return lab.rules(
    "router",
    `chain forward {
      type filter hook forward priority mangle; policy accept;
      tcp dport ${port} ${clamp}
      tcp sport ${port} ${clamp}
    }`,
  );
}
