/** Dante: a SOCKS5 proxy that lets pass, blocks by rule, or asks who one is. */
import { readFileSync } from "node:fs";
import { run } from "../command.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

export const dantePort = 1080;

export interface DanteOptions {
  credentials?: { user: string; password: string };
  /** Names and addresses to which its ruleset blocks. */
  blocked?: readonly string[];
}

/** Names are resolved by the resolver of its host. Dante knows users by /etc/shadow: the host gets one of its own. */
export async function startDante(
  host: Host,
  { credentials, blocked = [] }: DanteOptions = {},
): Promise<Peer> {
  const peer = new Peer(host);
  if (credentials !== undefined) await addUser(host, credentials);
  const anywhere = ["0.0.0.0/0", "::/0"];
  const configuration = [
    "logoutput: stderr",
    `internal: eth0 port = ${dantePort}`,
    "external: eth0",
    "user.privileged: root",
    "user.unprivileged: nobody",
    "clientmethod: none",
    `socksmethod: ${credentials === undefined ? "none" : "username"}`,
    "timeout.connect: 3",
    ...anywhere.map((from) => `client pass { from: ${from} to: ${from} }`),
    ...blocked.map((to) => `socks block { from: 0.0.0.0/0 to: ${to} }`),
    ...anywhere.map((all) => `socks pass { from: ${all} to: ${all} protocol: tcp }`),
  ];
  const file = peer.write("danted.conf", `${configuration.join("\n")}\n`);
  await peer.start("danted", ["-f", file, "-p", peer.path("pid")], { tcp: [dantePort] });
  return peer;
}

async function addUser(host: Host, { user, password }: { user: string; password: string }): Promise<void> {
  const hash = await run("openssl", ["passwd", "-6", "-stdin"], { input: `${password}\n` });
  const account = `${user}:x:65533:65534::/nonexistent:/usr/sbin/nologin\n`;
  host.writeEtc("passwd", readFileSync("/etc/passwd", "utf8") + account);
  host.writeEtc("shadow", `root:*:19000::::::\nnobody:*:19000::::::\n${user}:${hash.trim()}:19000::::::\n`);
}
