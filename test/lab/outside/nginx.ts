/** nginx: web servers by name, each with the certificate, the versions of TLS and the manners that a test wants. */
import type { Identity } from "../../helpers/lab-authority.ts";
import type { Host } from "../host.ts";
import { Peer } from "./peer.ts";

export interface WebServer {
  port: number;
  names: readonly string[];
  /** One of the host's, for this server alone; all of them where nothing is said. */
  address?: string;
  /** Without one it speaks in the clear. */
  identity?: Identity;
  /** `TLSv1.2 TLSv1.3` where nothing is said. What differs takes an address: OpenSSL chooses before it reads names. */
  protocols?: string;
  /** Whether clients are asked for a certificate; `on`: who has none gets no further than HTTP 400. */
  clientCertificates?: "on" | "optional";
  /** A port of the same host to which upgrades to WebSocket go on. */
  upstream?: number;
}

/** On an address that several servers share, whoever asks for no name, or another one, gets no TLS at all. */
export async function startNginx(host: Host, servers: readonly WebServer[]): Promise<Peer> {
  const peer = new Peer(host);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${peer.path(kind)};`,
  );
  const ports = [...new Set(servers.map(({ port }) => port))];
  const shared = servers.filter(({ address, identity }) => address === undefined && identity !== undefined);
  const securedPorts = new Set(shared.map(({ port }) => port));
  const configuration = `user nobody nogroup; worker_processes 1; daemon off; pid ${peer.path("pid")};
error_log ${peer.path("error.log")} info;
events { worker_connections 256; }
http {
log_format names '$host $server_port $request_method $status $ssl_protocol $ssl_server_name $http_upgrade';
ssl_protocols TLSv1.2 TLSv1.3; access_log ${peer.path("access.log")} names; ${temporary.join(" ")}
server_names_hash_bucket_size 128; server_names_hash_max_size 1024;
${Array.from(securedPorts, (port) => `server { ${listen({ port }, "ssl default_server")} ssl_reject_handshake on; }`).join("\n")}
${servers.map((server, index) => section(peer, server, index)).join("\n")}
}
`;
  const args = [
    "-p",
    peer.path(""),
    "-e",
    peer.path("error.log"),
    "-c",
    peer.write("nginx.conf", configuration),
  ];
  await peer.start("nginx", args, { tcp: ports });
  return peer;
}

function listen({ address, port }: Pick<WebServer, "address" | "port">, flags: string): string {
  if (address !== undefined)
    return `listen ${address.includes(":") ? `[${address}]` : address}:${port} ${flags};`;
  return `listen ${port} ${flags}; listen [::]:${port} ${flags};`;
}

function section(peer: Peer, server: WebServer, index: number): string {
  const { names, identity, protocols, clientCertificates, upstream } = server;
  const secured =
    identity === undefined
      ? []
      : [
          `ssl_certificate ${peer.write(`${index}.pem`, identity.cert)};`,
          `ssl_certificate_key ${peer.write(`${index}.key`, identity.key)};`,
          ...(protocols === undefined ? [] : [`ssl_protocols ${protocols};`]),
          // OpenSSL 3 speaks what is older than TLS 1.2 only at its lowest level.
          "ssl_ciphers DEFAULT@SECLEVEL=0;",
        ];
  const asked =
    clientCertificates === undefined || identity === undefined
      ? []
      : [
          `ssl_verify_client ${clientCertificates};`,
          `ssl_client_certificate ${peer.write(`${index}.clients.pem`, identity.cert)};`,
        ];
  const location =
    upstream === undefined
      ? "return 204;"
      : `if ($http_upgrade = "") { return 204; } proxy_pass http://127.0.0.1:${upstream}; proxy_http_version 1.1;
 proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;`;
  return `server { ${listen(server, identity === undefined ? "" : "ssl")} server_name ${names.join(" ")};
 ${[...secured, ...asked].join("\n ")}
 location / { ${location} } }`;
}
