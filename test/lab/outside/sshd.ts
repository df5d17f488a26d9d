/** OpenSSH's server on port 22; nobody can log in. */
import { mkdirSync } from "node:fs";
import { run } from "../command.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

export async function startSshd(host: Host): Promise<Peer> {
  const peer = new Peer(host);
  // Where sshd locks up its unprivileged half; a boot makes it, a package that starts nothing does not.
  mkdirSync("/run/sshd", { recursive: true });
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", peer.path("key")]);
  const configuration = `Port 22
HostKey ${peer.path("key")}
PidFile ${peer.path("pid")}
UsePAM no
AuthenticationMethods none
PermitEmptyPasswords no
`;
  await peer.start("sshd", ["-D", "-e", "-f", peer.write("sshd_config", configuration)], { tcp: [22] });
  return peer;
}
