/** What answers outside is looked at: certificates, versions of TLS, and whether it speaks what it should. */
import t from "tap";
import { keyPinOf } from "../helpers/key-pin.ts";
import { dayMs, LabAuthority, type Identity, type Lifetime } from "../helpers/lab-authority.ts";
import {
  checkCases,
  hostOf,
  type EndpointCase,
  type EndpointCases,
  type WantedEndpoint,
} from "./endpoint-cases.ts";
import { startChrony } from "./outside/chrony.ts";
import { startNginx, type WebServer } from "./outside/nginx.ts";
import { startAmqpWebsocket, startLumberjack } from "./outside/own-servers.ts";
import { outsideLab } from "./outside/outside-lab.ts";
import { startPostfix } from "./outside/postfix.ts";
import { startSlapd } from "./outside/slapd.ts";
import { startSshd } from "./outside/sshd.ts";

t.setTimeout(110_000);

const lab = await outsideLab(t, ["n1"], ["world", "other"]);
const world = lab.host("world");
const other = lab.host("other");
const addresses = [world.address, world.address6];

const authority = await LabAuthority.create("CN=Lab Public CA");
const amazon = await LabAuthority.create("CN=Amazon RSA 2048 M02, O=Amazon");
const stranger = await LabAuthority.create("CN=Company Inspection");
const identityOf = (row: string): Promise<Identity> => authority.issue([hostOf(row)]);

// ---- Certificates and versions of TLS ---------------------------------------------------------------------

interface WebCase extends EndpointCase {
  by?: LabAuthority;
  lifetime?: Lifetime;
  /** Instead of the host's own. */
  certificateFor?: string;
  server?: Partial<WebServer>;
  pin?: "its key" | "another";
}

const now = Date.now();
const inDays = (days: number): Date => new Date(now + days * dayMs);
let addressesGiven = 0;
/** A server with an address of its own, for what is decided before a client has said any name. */
const alone = (protocols: string): Partial<WebServer> => ({
  address: `10.99.0.${++addressesGiven}`,
  protocols,
});

const served: WantedEndpoint = { reason: "served", decisive: { tls: { trust: "declared" } } };
const intercepted = (detail: RegExp): WantedEndpoint => ({ reason: "intercepted", detail });
const failed = (detail: RegExp): WantedEndpoint => ({ reason: "tls-failed", detail });
const certificates: Readonly<Record<string, WebCase>> = {
  good: {
    wanted: {
      reason: "served",
      decisive: {
        exchange: "http",
        status: 204,
        tls: { protocol: "TLSv1.3", issuers: ["CN=Lab Public CA"] },
      },
    },
  },
  "tls12-alone": {
    server: alone("TLSv1.2"),
    endpoint: { tlsMinimum: "1.2" },
    wanted: { reason: "served", decisive: { tls: { protocol: "TLSv1.2" } } },
  },
  "tls12-too-old": {
    server: alone("TLSv1.2"),
    endpoint: { tlsMinimum: "1.3" },
    wanted: failed(/it speaks TLSv1\.2, and TLS 1\.3 is the least/),
  },
  "tls13-alone": { server: alone("TLSv1.3"), endpoint: { tlsMinimum: "1.2" }, wanted: served },
  "tls11-too-old": {
    server: alone("TLSv1.1"),
    endpoint: { tlsMinimum: "1.2" },
    wanted: failed(/it speaks TLSv1\.1, and TLS 1\.2 is the least/),
  },
  expired: {
    lifetime: { notBefore: inDays(-9), notAfter: inDays(-1) },
    wanted: failed(/its certificate is valid until/),
  },
  "not-yet-valid": {
    lifetime: { notBefore: inDays(2) },
    wanted: failed(/its certificate is not valid yet, by the clock of this node/),
  },
  expiring: {
    lifetime: { notAfter: inDays(5) },
    wanted: { reason: "expiring", detail: /its certificate is valid until/ },
  },
  "foreign-name": {
    certificateFor: "somebody.example",
    wanted: { reason: "misrouted", detail: /its certificate is for somebody\.example/ },
  },
  "issued-by-amazon": { by: amazon, endpoint: { issuer: "Amazon" }, wanted: served },
  "issued-by-another": {
    endpoint: { issuer: "Amazon" },
    wanted: intercepted(/issued by CN=Lab Public CA, and Amazon is expected/),
  },
  "authority-unknown": {
    by: stranger,
    wanted: intercepted(/issued by CN=Company Inspection, which no trusted authority stands for/),
  },
  "authority-unknown-but-pinned": { by: stranger, pin: "its key", wanted: { reason: "served" } },
  "pinned-to-another": { pin: "another", wanted: intercepted(/was pinned/) },
  "mtls-asks": {
    endpoint: { security: "mtls" },
    server: { clientCertificates: "on" },
    wanted: { reason: "served", decisive: { status: 400, tls: { requestsCertificate: true } } },
  },
  "mtls-asks-over-tls12": {
    endpoint: { security: "mtls" },
    server: { clientCertificates: "optional", ...alone("TLSv1.2") },
    wanted: { reason: "served", decisive: { status: 204, tls: { requestsCertificate: true } } },
  },
  "mtls-does-not-ask": {
    endpoint: { security: "mtls" },
    wanted: intercepted(/it does not ask for a client certificate/),
  },
};
const cases: Record<string, EndpointCase> = {};
const servers: WebServer[] = [{ port: 8080, names: ["_"] }];
const pins: Record<string, string> = {};
for (const [row, { by, lifetime, certificateFor, server, pin, ...rest }] of Object.entries(certificates)) {
  const identity = await (by ?? authority).issue([certificateFor ?? hostOf(row)], lifetime);
  servers.push({ port: 443, names: [hostOf(row)], identity, ...server });
  cases[row] = { addresses: server?.address === undefined ? addresses : [server.address], ...rest };
  if (pin !== undefined)
    pins[hostOf(row)] = keyPinOf(pin === "its key" ? identity.cert : stranger.certificatePem);
}

// ---- Protocols --------------------------------------------------------------------------------------------

const amqp = { application: "amqp-over-websocket" };
const unstated = { security: "unstated" } as const;
const plain = { security: "none" } as const;
const time = { transport: "udp", application: "ntp", ports: "123", ...unstated } as const;
const protocols: EndpointCases = {
  "name-unknown": { addresses, wanted: failed(/TLS alert: unrecognized name/) },
  "no-tls-at-all": {
    addresses,
    endpoint: { ports: "8080" },
    wanted: { reason: "stranger", detail: /not TLS as it should be/ },
  },
  "mtls-insists": {
    addresses,
    endpoint: { ...amqp, security: "mtls", ports: "5671" },
    wanted: { reason: "served", decisive: { tls: { requestsCertificate: true } } },
  },
  broker: {
    addresses,
    endpoint: amqp,
    wanted: {
      reason: "served",
      decisive: { exchange: "amqp-websocket", status: 101, detail: /AMQP 1\.0\.0 with SASL/ },
    },
  },
  // Within TLS that nobody opened it is the server that wants to know first who one is.
  "broker-that-refuses": {
    addresses,
    endpoint: amqp,
    wanted: { reason: "served", decisive: { status: 403 } },
  },
  "upgrade-refused-in-the-clear": {
    addresses,
    endpoint: { application: "ws", ...plain, ports: "15673" },
    wanted: { reason: "upgrade-refused", decisive: { status: 403 } },
  },
  beats: {
    addresses,
    endpoint: { application: "lumberjack", ...unstated, ports: "5044" },
    wanted: { reason: "served", decisive: { exchange: "lumberjack", kind: "open" } },
  },
  "beats-secured": {
    addresses,
    endpoint: { application: "lumberjack", ...unstated, ports: "5045" },
    wanted: { reason: "served", decisive: { exchange: "lumberjack", tls: { trust: "declared" } } },
  },
  "beats-is-a-web-server": {
    addresses,
    endpoint: { application: "lumberjack", ...unstated, ports: "8080" },
    wanted: { reason: "stranger", decisive: { exchange: "lumberjack" }, detail: /HTTP\/1\.1 400/ },
  },
  shell: {
    addresses,
    endpoint: { application: "ssh", ...unstated, ports: "22" },
    wanted: { reason: "served", decisive: { exchange: "ssh", detail: /SSH-2\.0-OpenSSH/ } },
  },
  "shell-is-a-web-server": {
    addresses,
    endpoint: { application: "ssh", ...unstated, ports: "8080" },
    wanted: { reason: "stranger", detail: /HTTP\/1\.1 400/ },
  },
  directory: {
    addresses,
    endpoint: { application: "ldap", ...unstated, ports: "389" },
    wanted: { reason: "served", decisive: { exchange: "ldap" } },
  },
  "directory-secured": {
    addresses,
    endpoint: { application: "ldap", ...unstated, ports: "636" },
    wanted: { reason: "served", decisive: { exchange: "ldap", tls: { trust: "declared" } } },
  },
  mail: {
    addresses,
    endpoint: { application: "smtp", ports: "25" },
    wanted: { reason: "served", decisive: { exchange: "smtp-starttls", tls: { trust: "declared" } } },
  },
  "mail-without-tls": {
    addresses: [other.address],
    endpoint: { application: "smtp", ports: "25" },
    wanted: failed(/it does not offer STARTTLS/),
  },
  time: {
    addresses,
    endpoint: time,
    wanted: { reason: "served", decisive: { exchange: "ntp", clock: { stratum: 5 } } },
  },
  "time-of-nobody": {
    addresses: [other.address],
    endpoint: time,
    wanted: { reason: "stranger", detail: /its own clock is not synchronised/ },
  },
  echo: {
    addresses,
    endpoint: { transport: "icmp", application: "icmp", ...plain },
    wanted: { reason: "served" },
  },
};
Object.assign(cases, protocols);

t.test("what answers is told apart by its certificate, its TLS and its first words", async (t) => {
  for (const [row, upstream] of [
    ["broker", 15672],
    ["broker-that-refuses", 15673],
  ] as const)
    servers.push({ port: 443, names: [hostOf(row)], identity: await identityOf(row), upstream });
  await lab.addAddresses(
    "world",
    Array.from({ length: addressesGiven }, (_, index) => `10.99.0.${index + 1}`),
  );
  await using running = new AsyncDisposableStack();
  const started = await Promise.all([
    startNginx(world, servers),
    startAmqpWebsocket(world, {
      port: 5671,
      identity: await identityOf("mtls-insists"),
      clientAuthority: authority.certificatePem,
    }),
    startAmqpWebsocket(world, { port: 15672 }),
    startAmqpWebsocket(world, { port: 15673, refuseUpgrades: 403 }),
    startLumberjack(world, { port: 5044 }),
    startLumberjack(world, { port: 5045, identity: await identityOf("beats-secured") }),
    startPostfix(world, { name: "mail.example", identity: await identityOf("mail"), ports: [25] }),
    startPostfix(other, { name: "plain.example", ports: [25] }),
    startSlapd(world, await identityOf("directory-secured")),
    startSshd(world),
    startChrony(world),
    startChrony(other, { isSynchronised: false }),
  ]);
  for (const peer of started) running.use(peer);

  const { exitCode, text } = await checkCases(t, lab, cases, {
    nodes: ["n1"],
    trust: [authority, amazon],
    pins,
  });
  t.equal(exitCode, 3);
  for (const line of [
    /● {2}good +tcp\/443 +https +good\.lab\.example +1\/1/,
    /× {2}expired +tcp\/443 +https +expired\.lab\.example +0\/1 +1 fail/,
    /× n1 → expired\.lab\.example {2}tls-failed {2}TLS failed: its certificate is valid until \S+Z \(10\.2\.0\.6\)/,
    /! n1 → expiring\.lab\.example {2}expiring {2}its certificate is valid until/,
    /× n1 → issued-by-another\.lab\.example {2}intercepted {2}TLS is not the endpoint's own: .* Amazon is expected/,
  ])
    t.match(text, line);
});
