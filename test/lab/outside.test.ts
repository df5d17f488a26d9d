/** What stands outside of a cluster in the lab is real, and does what the tests of endpoints take it to do. */
import t from "tap";
import { dayMs, LabAuthority } from "../helpers/lab-authority.ts";
import { startChrony } from "./outside/chrony.ts";
import { dantePort, startDante } from "./outside/dante.ts";
import { startNginx } from "./outside/nginx.ts";
import { startAmqpWebsocket, startLumberjack } from "./outside/own-servers.ts";
import { outsideLab } from "./outside/outside-lab.ts";
import { startPostfix } from "./outside/postfix.ts";
import { startSlapd } from "./outside/slapd.ts";
import { squidPort, startSquid } from "./outside/squid.ts";
import { startSshd } from "./outside/sshd.ts";
import { startUnbound, useResolver } from "./outside/unbound.ts";
import { visit, type Found, type Visit } from "./outside/visit.ts";

t.setTimeout(110_000);

const authority = await LabAuthority.create("CN=Amazon RSA 2048 M02, O=Amazon");
const ca = authority.certificatePem;
const lab = await outsideLab(t, ["n1", "proxy"], ["world"]);
const world = lab.host("world");
const proxy = lab.host("proxy");
const old = "203.0.113.11";
const aside = "203.0.113.12";
await lab.addAddresses("world", [old, aside, "2001:db8::11"]);
const resolver = await startUnbound(world, {
  names: {
    "a.example": [world.address],
    "broker.example": [world.address],
    "closed.example": [world.address],
    "blocked.example": [aside],
    "many.example": ["203.0.113.1", "203.0.113.2", "2001:db8::1"],
  },
  sunk: ["sunk.example"],
  broken: ["broken.example"],
  silent: ["silent.example"],
});
t.teardown(() => resolver[Symbol.asyncDispose]());
useResolver(lab.host("n1"), world);
useResolver(proxy, world);
const from = (what: Visit): Promise<Found> => visit(lab.host("n1"), what);
const head = (name: string): string => `HEAD / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`;

t.test("nginx: names, versions of TLS, dates, client certificates", async (t) => {
  const now = Date.now();
  await using server = await startNginx(world, [
    { port: 443, names: ["a.example"], identity: await authority.issue(["a.example"]) },
    { port: 443, names: ["b.example"], identity: await authority.issue(["other.example"]) },
    {
      port: 443,
      names: ["c.example"],
      identity: await authority.issue(["c.example"], { notAfter: new Date(now - dayMs) }),
    },
    {
      port: 443,
      names: ["m.example"],
      identity: await authority.issue(["m.example"]),
      clientCertificates: "on",
    },
    {
      port: 443,
      address: old,
      names: ["o.example"],
      identity: await authority.issue(["o.example"]),
      protocols: "TLSv1.1",
    },
    { port: 80, names: ["_"] },
  ]);
  const web = (host: string, name: string): Promise<Found> =>
    from({ host, port: 443, steps: [{ tls: name, ca }, { say: head(name) }, { hear: "\r\n\r\n" }] });
  const issuer = "Amazon RSA 2048 M02";
  const good = { tls: { protocol: "TLSv1.3", issuer }, heard: [/^HTTP\/1\.1 204/] };
  t.match(await web(world.address, "a.example"), good);
  t.match(await web(world.address6, "a.example"), good);
  t.match(await web(world.address, "b.example"), { tls: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } });
  t.match(await web(world.address, "c.example"), { tls: { code: "CERT_HAS_EXPIRED" } });
  t.match(await web(world.address, "m.example"), { heard: [/^HTTP\/1\.1 400/] });
  t.match(await web(old, "o.example"), { tls: { protocol: "TLSv1.1" }, heard: [/^HTTP\/1\.1 204/] });
  t.match(await web(world.address, "d.example"), { error: /UNRECOGNIZED_NAME/ });
  t.match(await from({ host: world.address, port: 80, steps: [{ say: head("x") }, { hear: "\r\n\r\n" }] }), {
    heard: [/^HTTP\/1\.1 204/],
  });
  t.match(server.log("access.log"), [/^a\.example 443 HEAD 204 TLSv1\.3 a\.example/]);
});

const upgrade = (name: string, protocol: string): string =>
  `GET / HTTP/1.1\r\nHost: ${name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Protocol: ${protocol}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
/** Masked with zeroes (RFC 6455 section 5.3), which changes nothing. */
const amqpFrame = "\x82\x88\0\0\0\0AMQP\0\x01\0\0";
const sasl = "AMQP\x03\x01\x00\x00";

t.test(
  "a broker behind nginx speaks AMQP over WebSocket, and one that wants a certificate says so",
  async (t) => {
    await using _broker = await startAmqpWebsocket(world, { port: 15672 });
    await using _strict = await startAmqpWebsocket(world, {
      port: 8443,
      identity: await authority.issue(["strict.example"]),
      clientAuthority: ca,
    });
    await using _server = await startNginx(world, [
      {
        port: 443,
        names: ["broker.example"],
        identity: await authority.issue(["broker.example"]),
        upstream: 15672,
      },
    ]);
    const broker = (port: number, protocol: string, rest: { hear: string }[]): Promise<Found> =>
      from({
        host: world.address,
        port,
        steps: [
          { tls: "broker.example", ca },
          { say: upgrade("broker.example", protocol) },
          { hear: "\r\n\r\n" },
          { say: amqpFrame },
          ...rest,
        ],
      });
    t.match(await broker(443, "amqp", [{ hear: sasl }]), {
      heard: [/^HTTP\/1\.1 101 .*Sec-WebSocket-Protocol: amqp\r\n/s, sasl],
    });
    t.match(await broker(443, "chat", [{ hear: "only amqp" }]), { heard: [/^HTTP\/1\.1 101/, "only amqp"] });
    t.match(await broker(8443, "amqp", []), { error: /CERTIFICATE_REQUIRED/ });
  },
);

t.test("a receiver of Beats acknowledges, and hangs up on others", async (t) => {
  await using _secured = await startLumberjack(world, {
    port: 5044,
    identity: await authority.issue(["beats.example"]),
  });
  await using _plain = await startLumberjack(world, { port: 5045 });
  const event = "2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}";
  const talk = (port: number, words: string): Promise<Found> =>
    from({
      host: world.address,
      port,
      steps: [...(port === 5044 ? [{ tls: "beats.example", ca }] : []), { say: words }, { hear: "2A...." }],
    });
  t.match(await talk(5044, event), { heard: ["2A\0\0\0\x01"] });
  t.match(await talk(5045, event), { heard: ["2A\0\0\0\x01"] });
  t.match(await talk(5045, "GET / HTTP/1.1\r\n"), { heard: ["<end>"] });
});

t.test("Squid: connects, asks who one is, refuses, and resolves by itself", async (t) => {
  await using _web = await startNginx(world, [
    { port: 443, names: ["a.example"], identity: await authority.issue(["a.example"]) },
  ]);
  const options = { blocked: ["blocked.example"] };
  const connectTo = (name: string, extra = ""): Promise<Found> =>
    from({
      host: proxy.address,
      port: squidPort,
      steps: [
        { say: `CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n${extra}\r\n` },
        { hear: "\r\n\r\n" },
        ...(name === "a.example" && extra !== "none"
          ? [{ tls: name, ca }, { say: head(name) }, { hear: "\r\n\r\n" }]
          : []),
      ],
    });
  const good = { tls: { protocol: "TLSv1.3" }, heard: [/^HTTP\/1\.1 200/, /^HTTP\/1\.1 204/] };
  {
    await using squid = await startSquid(proxy, options);
    t.match(await connectTo("a.example"), good);
    t.match(await connectTo("blocked.example"), { heard: [/^HTTP\/1\.1 403/] });
    t.match(await connectTo("nobody.example"), { heard: [/^HTTP\/1\.1 50[03]/] });
    t.match(squid.log("access.log"), [/TCP_TUNNEL\/200/, /TCP_DENIED\/403/, /NONE_NONE\/50[03]/]);
  }
  await using _asking = await startSquid(proxy, {
    credentials: { user: "lab", password: "se:cret" },
  });
  const login = (text: string): string =>
    `Proxy-Authorization: Basic ${Buffer.from(text).toString("base64")}\r\n`;
  t.match(await connectTo("a.example", login("lab:se:cret")), good);
  const refused = { heard: [/^HTTP\/1\.1 407 .*Proxy-Authenticate: Basic realm="lab"/s] };
  t.match(await connectTo("blocked2.example"), refused);
  t.match(await connectTo("blocked2.example", login("lab:wrong")), refused);
});

t.test("Squid opens TLS for all but some, and takes the upgrade out of what it reads", async (t) => {
  await using _broker = await startAmqpWebsocket(world, { port: 15672 });
  const names = ["broker.example", "closed.example"];
  await using _web = await startNginx(
    world,
    await Promise.all(
      names.map(async (name) => ({
        port: 443,
        names: [name],
        identity: await authority.issue([name]),
        upstream: 15672,
      })),
    ),
  );
  const own = await LabAuthority.create("CN=Company Inspection");
  const inspection = { authority: own, trust: [authority], passthrough: ["closed.example"] };
  const through = (name: string): Promise<Found> =>
    from({
      host: proxy.address,
      port: squidPort,
      steps: [
        { say: `CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n` },
        { hear: "\r\n\r\n" },
        { tls: name, ca: ca + own.certificatePem },
        { say: upgrade(name, "amqp") },
        { hear: "\r\n\r\n" },
      ],
    });
  {
    await using _squid = await startSquid(proxy, { inspection });
    t.match(await through("closed.example"), {
      tls: { issuer: "Amazon RSA 2048 M02" },
      heard: [/200/, / 101 /],
    });
    t.match(await through("broker.example"), {
      tls: { issuer: "Company Inspection" },
      heard: [/200/, / 204 /],
    });
  }
  await using _squid = await startSquid(proxy, {
    inspection: { ...inspection, webSockets: true },
  });
  t.match(await through("broker.example"), {
    tls: { issuer: "Company Inspection" },
    heard: [/200/, / 101 /],
  });
});

t.test("Dante: connects by name, blocks by rule, asks who one is", async (t) => {
  await using _web = await startNginx(world, [{ port: 5044, names: ["_"] }]);
  const socks = (name: string, greeting: string, login?: string): Promise<Found> =>
    from({
      host: proxy.address,
      port: dantePort,
      steps: [
        { say: greeting },
        { hear: "^.." },
        ...(login === undefined ? [] : [{ say: login }, { hear: "^.." }]),
        { say: `\x05\x01\0\x03${String.fromCharCode(name.length)}${name}\x13\xb4` },
        { hear: "^.{10}" },
      ],
    });
  const open = "\x05\x01\0";
  {
    await using _dante = await startDante(proxy, { blocked: ["blocked.example"] });
    t.match(await socks("a.example", open), { heard: ["\x05\0", /^\x05\0\0\x01/] });
    t.match(await socks("blocked.example", open), { heard: ["\x05\0", /^\x05\x02/] });
    t.match(await socks("nobody.example", open), { heard: ["\x05\0", /^\x05[\x01\x04]/] });
  }
  await using _asking = await startDante(proxy, { credentials: { user: "lab", password: "secret" } });
  t.match(await socks("a.example", open), { heard: ["\x05\xff"] });
  const login = (password: string): string => `\x01\x03lab${String.fromCharCode(password.length)}${password}`;
  t.match(await socks("a.example", "\x05\x02\0\x02", login("secret")), {
    heard: ["\x05\x02", "\x01\0", /^\x05\0\0\x01/],
  });
  t.match(await socks("a.example", "\x05\x02\0\x02", login("wrong")), { heard: ["\x05\x02", /^\x01[^\0]/] });
});

t.test("mail, directory, time and shells answer as they do everywhere", async (t) => {
  const identity = await authority.issue(["mail.example", "ldap.example"]);
  await using _mail = await startPostfix(world, { name: "mail.example", identity, ports: [25, 587] });
  await using _directory = await startSlapd(world, identity);
  await using _shell = await startSshd(world);
  for (const port of [25, 587]) {
    const mail = await from({
      host: world.address,
      port,
      steps: [
        { hear: "\r\n" },
        { say: "EHLO n1\r\n" },
        { hear: "250 .*\r\n" },
        { say: "STARTTLS\r\n" },
        { hear: "\r\n" },
        { tls: "mail.example", ca },
        { say: "QUIT\r\n" },
        { hear: "\r\n" },
      ],
    });
    t.match(mail, {
      heard: [/^220 mail\.example/, /250-STARTTLS/, /^220/, /^221/],
      tls: { protocol: "TLSv1.3" },
    });
  }
  // A search of the root entry: message 1, base object, scope base, filter (objectClass=*).
  const search = "0%\x02\x01\x01c \x04\0\n\x01\0\n\x01\0\x02\x01\0\x02\x01\0\x01\x01\0\x87\x0bobjectClass0\0";
  t.match(
    await from({ host: world.address, port: 389, steps: [{ say: search }, { hear: "e\x07\n\x01\0" }] }),
    {
      heard: [/objectClass/],
    },
  );
  t.match(
    await from({
      host: world.address,
      port: 636,
      steps: [{ tls: "ldap.example", ca }, { say: search }, { hear: "e\x07\n\x01\0" }],
    }),
    { heard: [/objectClass/], tls: { protocol: "TLSv1.3" } },
  );
  t.match(await from({ host: world.address, port: 22, steps: [{ hear: "\r\n" }] }), {
    heard: [/^SSH-2\.0-OpenSSH/],
  });
});

t.test("chrony serves time, and says so where nobody set its own", async (t) => {
  const request = { host: world.address, port: 123, datagram: `\x23${"\0".repeat(47)}` };
  const secondsSince1900 = (bytes: string): number => Buffer.from(bytes, "latin1").readUInt32BE(40);
  const before = readClock();
  {
    await using _time = await startChrony(world);
    const { heard } = await from(request);
    t.match(heard, [/^[\x24]\x05/], "version 4, server, stratum 5");
    t.ok(Math.abs(secondsSince1900(heard[0]!) - 2_208_988_800 - Date.now() / 1_000) < 5, "the time is ours");
  }
  await using _lost = await startChrony(world, { isSynchronised: false });
  t.match((await from(request)).heard, [/^\xe4/], "leap indicator 3: unsynchronised");
  t.ok(Math.abs(readClock() - before) < 1_000, "and nobody set the clock of the machine");
});

/** How far the wall clock is from the monotonic one, in milliseconds. */
function readClock(): number {
  return Date.now() - performance.now();
}

t.test("Unbound tells hosts of a lab, and no others, what it was told", async (t) => {
  const ask = (lookup: string): Promise<Found> => from({ lookup });
  t.strictSame((await ask("many.example")).addresses.toSorted(), [
    "2001:db8::1",
    "203.0.113.1",
    "203.0.113.2",
  ]);
  t.match(await ask("nobody.example"), { error: "ENOTFOUND" });
  t.match((await ask("sunk.example")).addresses, ["0.0.0.0", "::"]);
  t.match(await ask("broken.example"), { error: "EAI_AGAIN" });
  t.match(await ask("silent.example"), { error: "EAI_AGAIN" });
});
