/** chrony as a time server. It only reads the clock of the machine, and never sets it. */
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

/** A server whose own clock nobody set says so in its answers (RFC 5905: leap indicator 3, stratum 16 or 0). */
export async function startChrony(
  host: Host,
  { isSynchronised = true }: { isSynchronised?: boolean } = {},
): Promise<Peer> {
  const peer = new Peer(host);
  const configuration = [
    "allow all",
    ...(isSynchronised ? ["local stratum 5"] : []),
    "cmdport 0",
    "bindcmdaddress /",
    `pidfile ${peer.path("pid")}`,
  ];
  const file = peer.write("chrony.conf", `${configuration.join("\n")}\n`);
  await peer.start("chronyd", ["-x", "-d", "-u", "root", "-f", file], { udp: [123] });
  return peer;
}
