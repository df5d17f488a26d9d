/** Postfix: a mail server with STARTTLS (25 and 587), or with TLS from the first byte on (465). */
import { mkdirSync, writeFileSync } from "node:fs";
import type { Identity } from "../../helpers/lab-authority.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

const programs = "/usr/lib/postfix/sbin";

export interface PostfixOptions {
  name: string;
  identity?: Identity;
  ports: readonly number[];
}

/** It takes in no mail at all: `QUIT` is all that anybody wants of it here. */
export async function startPostfix(host: Host, { name, identity, ports }: PostfixOptions): Promise<Peer> {
  const peer = new Peer(host);
  for (const folder of ["queue", "data"]) mkdirSync(peer.path(folder));
  await host.run("chown", ["postfix:postfix", peer.path("data")]);
  const secured =
    identity === undefined
      ? { smtpd_tls_security_level: "none" }
      : {
          smtpd_tls_security_level: "may",
          smtpd_tls_cert_file: peer.write("cert.pem", identity.cert),
          smtpd_tls_key_file: peer.write("key.pem", identity.key),
        };
  const settings = {
    compatibility_level: "3.6",
    queue_directory: peer.path("queue"),
    data_directory: peer.path("data"),
    daemon_directory: programs,
    command_directory: "/usr/sbin",
    mail_owner: "postfix",
    setgid_group: "postdrop",
    inet_protocols: "all",
    myhostname: name,
    mydestination: "",
    alias_maps: "",
    smtpd_relay_restrictions: "reject",
    // Who asks need have no name, and there need be nobody to ask for it.
    smtpd_peername_lookup: "no",
    maillog_file: peer.path("mail.log"),
    maillog_file_prefixes: peer.path(""),
    ...secured,
  };
  writeFileSync(
    peer.path("main.cf"),
    Object.entries(settings)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(""),
  );
  const service = (
    address: string,
    type: string,
    isPrivate: string,
    limit: string,
    command: string,
  ): string => `${address} ${type} ${isPrivate} - n - ${limit} ${command}\n`;
  writeFileSync(
    peer.path("master.cf"),
    [
      ...ports.map((port) =>
        service(`${port}`, "inet", "n", "-", `smtpd${port === 465 ? " -o smtpd_tls_wrappermode=yes" : ""}`),
      ),
      service("cleanup", "unix", "n", "0", "cleanup"),
      service("rewrite", "unix", "-", "-", "trivial-rewrite"),
      service("proxymap", "unix", "-", "-", "proxymap"),
      service("tlsmgr", "unix", "-", "1", "tlsmgr"),
      service("anvil", "unix", "-", "1", "anvil"),
      service("postlog", "unix-dgram", "n", "1", "postlogd"),
    ].join(""),
  );
  await peer.run("postfix", ["-c", peer.path(""), "check"]);
  await peer.start(`${programs}/master`, ["-c", peer.path(""), "-d"], { tcp: ports });
  return peer;
}
