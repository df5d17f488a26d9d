/** The way to hosts outside: names, addresses, firewalls, routes, policies, and clocks that are compared there. */
import t from "tap";
import { dayMs, LabAuthority } from "../helpers/lab-authority.ts";
import { SteppedClock } from "./clock.ts";
import { checkCases, hostOf, type EndpointCases, type WantedEndpoint } from "./endpoint-cases.ts";
import { startChrony } from "./outside/chrony.ts";
import { startNginx } from "./outside/nginx.ts";
import { outsideLab } from "./outside/outside-lab.ts";
import { startPostfix } from "./outside/postfix.ts";
import { startUnbound, useResolver } from "./outside/unbound.ts";

t.setTimeout(110_000);

/** n2 has no route for IPv6, and the clock of n3 is ahead by five seconds. */
const nodes = ["n1", "n2", "n3"];
const lab = await outsideLab(t, nodes, ["world"]);
const world = lab.host("world");
const both = [world.address, world.address6];
const authority = await LabAuthority.create("CN=Lab Public CA");

/** More addresses of the world's, for one purpose each. */
const own = {
  another: "10.99.0.1",
  elsewhere: "10.99.0.2",
  dropped: "10.99.0.3",
  rejected: "10.99.0.4",
  prohibited: "10.99.0.5",
  unrouted: "10.99.0.6",
  mailOn587: "10.99.0.7",
  mailOnNeither: "10.99.0.8",
};

const served: WantedEndpoint = { reason: "served", decisive: { status: 204, tls: { trust: "declared" } } };
const mail = { anyOf: [25, 587], application: "smtp" };
const cases: EndpointCases = {
  "both-families": { addresses: both, wanted: served },
  "v6-alone": {
    addresses: [world.address6],
    wanted: served,
    except: { n2: { reason: "no-route", decisive: { code: "ENETUNREACH" } } },
  },
  "one-dropped": {
    addresses: [world.address, own.dropped],
    wanted: { reason: "dropped", decisive: { address: own.dropped, kind: "silent", phase: "connect" } },
  },
  "one-rejected": {
    addresses: [own.rejected, world.address],
    wanted: {
      reason: "rejected",
      decisive: { address: own.rejected, kind: "refused", code: "ECONNREFUSED" },
    },
  },
  "nobody-listens": {
    addresses: [world.address],
    endpoint: { ports: "4444" },
    wanted: { reason: "rejected", decisive: { code: "ECONNREFUSED" } },
  },
  prohibited: {
    addresses: [own.prohibited],
    wanted: { reason: "rejected", decisive: { kind: "unreachable" } },
    except: { n1: { reason: "egress-blocked", decisive: { code: "EACCES" } } },
  },
  unrouted: {
    addresses: [own.unrouted],
    wanted: { reason: "rejected", decisive: { kind: "unreachable" } },
    except: { n1: { reason: "no-route" } },
  },
  "echo-dropped": {
    addresses: [own.dropped],
    endpoint: { transport: "icmp", application: "icmp", security: "none" },
    wanted: { reason: "dropped" },
  },
  "mail-on-587": {
    addresses: [own.mailOn587],
    endpoint: mail,
    wanted: { reason: "served", decisive: { port: 587, detail: /220 mail\.example/ } },
  },
  "mail-on-neither": {
    addresses: [own.mailOnNeither],
    endpoint: mail,
    wanted: { reason: "dropped", decisive: { port: 25 } },
  },
  time: {
    addresses: both,
    endpoint: { transport: "udp", application: "ntp", security: "unstated", ports: "123" },
    wanted: { reason: "served", decisive: { clock: { stratum: 5 } } },
  },
  "beyond-policy": {
    addresses: ["198.51.100.7"],
    wanted: { reason: "denied", detail: /add 198\.51\.100\.7:443 to endpoints in the policy file/ },
  },
  // Without an address in the cluster file: what the resolver of the nodes says of them.
  many: { wanted: served },
  missing: { wanted: { reason: "unresolved", detail: /10\.2\.0\.6: ENOTFOUND/ } },
  sunk: { wanted: { reason: "unresolved", detail: /0\.0\.0\.0.*an address of nobody/ } },
  broken: { wanted: { reason: "unresolved", detail: /10\.2\.0\.6: ESERVFAIL/ } },
  mute: { wanted: { reason: "unresolved", detail: /10\.2\.0\.6: no answer/ } },
  lied: { wanted: { reason: "misrouted", detail: /elsewhere\.example/ } },
};

await lab.addAddresses("world", Object.values(own));
const web = ["both-families", "v6-alone", "one-dropped", "one-rejected", "many", "expiring"];
const expiringSoon = { notAfter: new Date(Date.now() + 5 * dayMs) };
const servers = await Promise.all(
  web.map(async (row) => ({
    port: 443,
    names: [hostOf(row)],
    identity: await authority.issue([hostOf(row)], row === "expiring" ? expiringSoon : {}),
  })),
);
const elsewhere = {
  port: 443,
  names: ["elsewhere.example"],
  address: own.elsewhere,
  identity: await authority.issue(["elsewhere.example"]),
};
const mailIdentity = await authority.issue([hostOf("mail-on-587")]);
const peers = await Promise.all([
  startNginx(world, [...servers, elsewhere]),
  startPostfix(world, { name: "mail.example", identity: mailIdentity, ports: [25, 587] }),
  startChrony(world),
  startUnbound(world, {
    names: { [hostOf("many")]: [...both, own.another], [hostOf("lied")]: [own.elsewhere] },
    sunk: [hostOf("sunk")],
    broken: [hostOf("broken")],
    silent: [hostOf("mute")],
  }),
]);
t.teardown(() => Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]())));
for (const name of nodes) useResolver(lab.host(name), world);
await lab.rules(
  "router",
  `chain forward {
    type filter hook forward priority 0; policy accept;
    ip daddr ${own.dropped} counter drop
    ip daddr ${own.rejected} counter reject with tcp reset
    ip daddr { ${own.prohibited}, ${own.unrouted} } counter reject with icmp admin-prohibited
    ip daddr { ${own.mailOn587}, ${own.mailOnNeither} } tcp dport 25 counter drop
    ip daddr ${own.mailOnNeither} tcp dport 587 counter reject with tcp reset
  }`,
);
await lab.host("n1").run("ip", ["route", "add", "prohibit", `${own.prohibited}/32`]);
await lab.host("n1").run("ip", ["route", "add", "unreachable", `${own.unrouted}/32`]);
await lab.host("n2").run("ip", ["-6", "route", "del", "default"]);

t.test("each fault on the way out has its own reason", async (t) => {
  const clock = new SteppedClock(t.testdir(), "n3");
  clock.step("+5s");
  const { report, exitCode, text } = await checkCases(t, lab, cases, {
    nodes,
    trust: [authority],
    requirements: [{ name: "clock", kind: "clock" }],
    env: { n3: clock.env },
  });
  t.equal(exitCode, 3);

  const evidenceOf = (from: string, row: string) =>
    report.endpoints.find((each) => each.from === from && each.row === row)!.evidence;
  t.strictSame(
    evidenceOf("n1", "many")
      .attempts.map(({ address }) => address)
      .toSorted(),
    [...both, own.another].toSorted(),
  );
  t.match(evidenceOf("n2", "both-families").attempts, [
    { kind: "open" },
    { kind: "local-error", code: "ENETUNREACH" },
  ]);
  t.match(evidenceOf("n1", "sunk").resolution, { code: "ESINKHOLE", resolvers: [world.address] });

  const aheadMs = (from: string): number => evidenceOf(from, "time").decisive!.clock!.aheadMs;
  t.ok(Math.abs(aheadMs("n1")) < 300, `n1 is right: ${aheadMs("n1")} ms`);
  t.ok(Math.abs(aheadMs("n3") - 5_000) < 300, `n3 is ahead by what it was set: ${aheadMs("n3")} ms`);
  const clocks = report.requirements.filter(({ name }) => name === "clock");
  t.match(
    clocks.find(({ node }) => node === "n3"),
    { verdict: "fail", reason: "unmet", actual: /ahead of time\.lab\.example/ },
  );
  t.notOk(clocks.some(({ node, verdict }) => node !== "n3" && verdict === "fail"));

  for (const line of [
    /● {2}both-families +tcp\/443 +https +both-families\.lab\.example +3\/3/,
    /● {2}mail-on-587 +tcp\/25,587 \(587 open\) +smtp +mail-on-587\.lab\.example +3\/3/,
    /no answer after 4\.0 s \(10\.99\.0\.8 port 25\); port 587 does not do either/,
    /dropped {2}no answer after 4\.0 s \(10\.99\.0\.3\)/,
    /rejected {2}refused \(ECONNREFUSED\) after .* \(10\.99\.0\.4\): a firewall rejects it, or nothing listens there/,
    /unresolved {2}the name has no address \(ENOTFOUND\); 10\.2\.0\.6: ENOTFOUND/,
    /misrouted {2}somebody else answered: its certificate is for elsewhere\.example/,
  ])
    t.match(text, line);
});

t.test("a certificate that ends soon is a warning, and an exit code where that is asked for", async (t) => {
  const expiring: EndpointCases = { expiring: { addresses: both, wanted: { reason: "expiring" } } };
  const options = { nodes: ["n1"], trust: [authority] };
  const { exitCode } = await checkCases(t, lab, expiring, { ...options, args: ["--fail-on", "warn"] });
  t.equal(exitCode, 4);
});

t.test("what a node may not look at leaves the check incomplete", async (t) => {
  const { exitCode } = await checkCases(
    t,
    lab,
    { "beyond-policy": cases["beyond-policy"]! },
    { nodes: ["n1"], trust: [authority] },
  );
  t.equal(exitCode, 5);
});
