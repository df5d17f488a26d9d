/** Unbound: a resolver that knows what a test tells it, and lies or fails where a test wants that. */
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

export interface UnboundOptions {
  /** Addresses of both families by name; every other name does not exist. */
  names?: Readonly<Record<string, readonly string[]>>;
  /** Names with the answer of a sinkhole: 0.0.0.0 and ::. */
  sunk?: readonly string[];
  /** Names for which the server that it asks in turn refuses: SERVFAIL. */
  broken?: readonly string[];
  /** Names to which it does not answer. */
  silent?: readonly string[];
}

export async function startUnbound(host: Host, options: UnboundOptions): Promise<Peer> {
  const { names = {}, sunk = [], broken = [], silent = [] } = options;
  const peer = new Peer(host);
  const record = (name: string, address: string): string =>
    `local-data: "${name}. 60 IN ${address.includes(":") ? "AAAA" : "A"} ${address}"`;
  const zone = (kind: string) => (name: string) => `local-zone: "${name}." ${kind}`;
  const server = [
    "interface: 0.0.0.0",
    "interface: ::0",
    "access-control: 0.0.0.0/0 allow",
    "access-control: ::0/0 allow",
    // It is itself the server that refuses.
    "access-control: 127.0.0.0/8 refuse",
    "do-daemonize: no",
    'username: ""',
    'chroot: ""',
    `directory: "${peer.path("")}"`,
    `pidfile: "${peer.path("pid")}"`,
    "use-syslog: no",
    "log-queries: yes",
    "do-not-query-localhost: no",
    "module-config: iterator",
    'local-zone: "." static',
    ...Object.entries(names).flatMap(([name, addresses]) =>
      addresses.map((address) => record(name, address)),
    ),
    ...sunk.map(zone("always_null")),
    ...silent.map(zone("always_deny")),
    ...broken.map(zone("transparent")),
  ];
  const forwards = broken.map((name) => `forward-zone:\n name: "${name}."\n forward-addr: 127.0.0.1@53\n`);
  const configuration = `server:\n${server.map((line) => ` ${line}\n`).join("")}remote-control:\n control-enable: no\n${forwards.join("")}`;
  const args = ["-d", "-p", "-c", peer.write("unbound.conf", configuration)];
  await peer.start("unbound", args, { tcp: [53], udp: [53] });
  return peer;
}

/** Has what starts on this host from now on ask that one for names. */
export function useResolver(host: Host, resolver: Host): void {
  host.writeEtc("resolv.conf", `nameserver ${resolver.address}\noptions timeout:1 attempts:2\n`);
}
