/** OpenLDAP's slapd: a directory in the clear (389) and over TLS (636). */
import { mkdirSync } from "node:fs";
import type { Identity } from "../../helpers/lab-authority.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

export async function startSlapd(host: Host, identity: Identity): Promise<Peer> {
  const peer = new Peer(host);
  mkdirSync(peer.path("database"));
  const configuration = `include /etc/ldap/schema/core.schema
pidfile ${peer.path("pid")}
argsfile ${peer.path("args")}
TLSCertificateFile ${peer.write("cert.pem", identity.cert)}
TLSCertificateKeyFile ${peer.write("key.pem", identity.key)}
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 1048576
suffix "dc=lab"
directory ${peer.path("database")}
`;
  const args = ["-f", peer.write("slapd.conf", configuration), "-h", "ldap:/// ldaps:///", "-d", "stats"];
  await peer.start("slapd", args, { tcp: [389, 636] });
  return peer;
}
