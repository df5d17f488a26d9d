/** Squid: an HTTP proxy that lets pass, refuses, asks who one is, or opens TLS. */
import type { LabAuthority } from "../../helpers/lab-authority.ts";
import { run } from "../command.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

export const squidPort = 3128;
const helpers = "/usr/lib/squid";

export interface SquidOptions {
  /** Whoever cannot say this is asked to (407). */
  credentials?: { user: string; password: string };
  /** Hosts, or domains with a dot before them, to which it refuses to connect (403). */
  blocked?: readonly string[];
  inspection?: SquidInspection;
}

export interface SquidInspection {
  /** Signs the certificates that clients get to see. */
  authority: LabAuthority;
  /** Whose certificates of servers the proxy accepts. */
  trust: readonly LabAuthority[];
  /** Hosts that get their TLS unopened. */
  passthrough?: readonly string[];
  /** Lets upgrades to WebSocket pass, which Squid does not by itself. */
  webSockets?: boolean;
}

/** Names are resolved by the resolver of its host. */
export async function startSquid(host: Host, options: SquidOptions = {}): Promise<Peer> {
  const peer = new Peer(host, { user: "nobody" });
  const { credentials, blocked = [], inspection } = options;
  const configuration = [
    `http_port ${squidPort}${inspection === undefined ? "" : await opening(peer, inspection)}`,
    ...(inspection === undefined ? [] : inspectionRules(peer, inspection)),
    "acl safe port 443 5044 8443",
    ...(blocked.length === 0
      ? []
      : [`acl blocked dstdomain ${blocked.join(" ")}`, "http_access deny blocked"]),
    ...(credentials === undefined ? [] : await authentication(peer, credentials)),
    `http_access allow safe${credentials === undefined ? "" : " known"}`,
    "http_access deny all",
    "hosts_file none",
    `access_log stdio:${peer.path("access.log")}`,
    `cache_log ${peer.path("cache.log")}`,
    `pid_filename ${peer.path("pid")}`,
    `coredump_dir ${peer.path("")}`,
    "cache deny all",
    "cache_mem 4 MB",
    "max_filedescriptors 1024",
    "pinger_enable off",
    "visible_hostname proxy.lab",
    "shutdown_lifetime 0 seconds",
    "dns_timeout 3 seconds",
    "connect_timeout 3 seconds",
  ];
  const file = peer.write("squid.conf", `${configuration.join("\n")}\n`);
  await peer.start("squid", ["-N", "-f", file], { tcp: [squidPort] });
  return peer;
}

async function authentication(
  peer: Peer,
  { user, password }: { user: string; password: string },
): Promise<string[]> {
  const hash = await run("openssl", ["passwd", "-6", "-stdin"], { input: `${password}\n` });
  const file = peer.write("users", `${user}:${hash.trim()}\n`);
  return [
    `auth_param basic program ${helpers}/basic_ncsa_auth ${file}`,
    "auth_param basic children 1 startup=1",
    "auth_param basic realm lab",
    "acl known proxy_auth REQUIRED",
  ];
}

async function opening(peer: Peer, { authority }: SquidInspection): Promise<string> {
  await peer.run(`${helpers}/security_file_certgen`, ["-c", "-s", peer.path("certificates"), "-M", "4MB"]);
  const file = peer.write("authority.pem", authority.certificatePem + authority.keyPem);
  return ` ssl-bump tls-cert=${file} generate-host-certificates=on dynamic_cert_mem_cache_size=4MB`;
}

function inspectionRules(peer: Peer, { trust, passthrough = [], webSockets }: SquidInspection): string[] {
  return [
    `sslcrtd_program ${helpers}/security_file_certgen -s ${peer.path("certificates")} -M 4MB`,
    "sslcrtd_children 2 startup=1 idle=1",
    `tls_outgoing_options cafile=${peer.write("trust.pem", trust.map(({ certificatePem }) => certificatePem).join(""))}`,
    "acl hello at_step SslBump1",
    "ssl_bump peek hello",
    ...(passthrough.length === 0
      ? []
      : [`acl unopened ssl::server_name ${passthrough.join(" ")}`, "ssl_bump splice unopened"]),
    "ssl_bump bump all",
    ...(webSockets === true ? ["http_upgrade_request_protocols websocket allow all"] : []),
  ];
}
