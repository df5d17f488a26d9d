/** Which endpoints a node allows itself, whatever a coordinator that somebody has stolen may order. */
import t from "tap";
import { EndpointPolicy } from "../../../agent/endpoints/endpoint-policy.ts";
import { readShipped } from "../../../agent/endpoints/shipped.ts";
import { AddressPolicy, defaultPolicy } from "../../../agent/policy.ts";
import { eachPort, parsePorts, type PortSet } from "../../../shared/ports.ts";
import { readSpecFolder } from "../../../shared/spec-folder.ts";

function policy(endpoints: string[] = [], allow = defaultPolicy.allow, loopback = false): EndpointPolicy {
  return new EndpointPolicy(new AddressPolicy({ ...defaultPolicy, allow }, { loopback }), endpoints);
}
const somewhere = { host: "somewhere.example", transport: "tcp", port: 443 } as const;
const shippedHost = "anypoint.mulesoft.com";
const shipped = { ...somewhere, host: shippedHost };
const publicAddress = "198.51.100.7";

t.test("what the specs that ship print is allowed, at public addresses and on its own ports", async (t) => {
  const bare = policy();
  t.equal(await bare.refusal(shipped, publicAddress, "resolver"), undefined);
  t.equal(await bare.refusal(shipped, "2600:1f18::7", "resolver"), undefined);
  for (const other of [
    { ...shipped, port: 22 },
    { ...shipped, transport: "udp" as const },
    { ...shipped, host: `evil.${shippedHost}` },
    { ...shipped, host: "__proto__" },
    somewhere,
  ])
    t.match(await bare.refusal(other, publicAddress, "resolver"), /outside of this agent's policy; add /);
  // A name that leads into the own network is somebody's trick, unless the policy allows the address anyway.
  const narrow = policy([], ["10.1.0.0/16"]);
  for (const inside of [
    "10.2.0.1",
    "192.168.0.1",
    "198.18.0.1",
    "2002:a00:1::1",
    "fd00::1",
    "::ffff:10.2.0.1",
  ])
    t.match(await narrow.refusal(shipped, inside, "resolver"), /outside/, inside);
  t.equal(await narrow.refusal(shipped, "10.1.2.3", "resolver"), undefined);
});

t.test("what the coordinator says of an address counts for nothing", async (t) => {
  t.match(await policy().refusal(shipped, publicAddress, "coordinator"), /add 198\.51\.100\.7:443 to /);
  const named = policy(["somewhere.example:443"]);
  t.match(await named.refusal(somewhere, publicAddress, "coordinator"), /outside/);
  t.equal(await named.refusal(somewhere, publicAddress, "resolver"), undefined);
  const exact = policy(["198.51.100.7:443"]);
  t.equal(await exact.refusal(somewhere, publicAddress, "coordinator"), undefined);
  t.match(await exact.refusal({ ...somewhere, port: 444 }, publicAddress, "coordinator"), /outside/);
  t.equal(await policy().refusal(somewhere, "10.0.0.1", "coordinator"), undefined, "private ranges are");
});

t.test("a node without IPv4 gets to a public address by NAT64", async (t) => {
  const translated = "64:ff9b::c633:6407";
  t.equal(await policy(["somewhere.example:443"]).refusal(somewhere, translated, "resolver"), undefined);
  t.match(await policy().refusal(somewhere, translated, "resolver"), /outside/);
  t.equal(await policy([], ["64:ff9b::/96"]).refusal(somewhere, translated, "coordinator"), undefined);
});

t.test("no policy allows what is never allowed", async (t) => {
  const everything = policy(
    ["somewhere.example:443", "169.254.169.254:443", "127.0.0.1:443"],
    ["0.0.0.0/0", "::/0"],
  );
  for (const address of [
    "169.254.169.254",
    "fd00:ec2::254",
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "224.0.0.1",
    "fe80::1",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "100.100.100.200",
    "0.0.0.0",
    "::",
    "not an address",
  ]) {
    t.match(await everything.refusal(somewhere, address, "resolver"), /no policy allows/, address);
    t.match(
      everything.refusalOfProxy({ host: "somewhere.example", port: 443 }, address, "resolver"),
      /no policy allows/,
    );
    if (address !== "not an address")
      t.match(await everything.refusalBehindProxy({ ...somewhere, host: address }, true), /no policy allows/);
  }
  // Of a demo: its own loopback, and still nobody's metadata.
  const demo = policy([], ["10.0.0.0/8"], true);
  t.equal(await demo.refusal(somewhere, "127.0.0.1", "coordinator"), undefined);
  t.match(await demo.refusal(somewhere, "169.254.169.254", "coordinator"), /no policy allows/);
});

t.test("a proxy has a private address, or is named", async (t) => {
  const proxy = { host: "proxy.example", port: 3128 };
  t.equal(policy().refusalOfProxy(proxy, "10.0.0.1", "resolver"), undefined);
  t.match(policy().refusalOfProxy(proxy, publicAddress, "resolver"), /add proxy\.example:3128 to endpoints/);
  t.equal(policy(["proxy.example:3128"]).refusalOfProxy(proxy, publicAddress, "resolver"), undefined);
  t.equal(policy(["198.51.100.7:3128"]).refusalOfProxy(proxy, publicAddress, "resolver"), undefined);
  const given = policy(["proxy.example:3128"]).refusalOfProxy(proxy, publicAddress, "coordinator");
  t.match(given, /add 198\.51\.100\.7:3128 to endpoints/, "of an address that the resolver did not give");
  t.equal(policy(["198.51.100.7:3128"]).refusalOfProxy(proxy, publicAddress, "coordinator"), undefined);
  t.match(policy(["proxy.example:443"]).refusalOfProxy(proxy, publicAddress, "resolver"), /outside/);
});

t.test("behind a proxy a name is shipped or named, an address as without a proxy", async (t) => {
  t.equal(await policy().refusalBehindProxy(shipped, false), undefined);
  t.match(await policy().refusalBehindProxy(somewhere, false), /in no spec that this agent has/);
  t.equal(await policy(["somewhere.example:443"]).refusalBehindProxy(somewhere, false), undefined);
  t.equal(await policy().refusalBehindProxy({ ...somewhere, host: "10.0.0.1" }, true), undefined);
  t.match(await policy().refusalBehindProxy({ ...somewhere, host: publicAddress }, true), /outside/);
});

t.test("ping has no port that a policy could name", async (t) => {
  const icmp = { host: "somewhere.example", transport: "icmp", port: 0 } as const;
  t.match(await policy().refusal(icmp, publicAddress, "resolver"), /add 198\.51\.100\.7 to allow in/);
});

t.test("what the agent reads of the specs is what they say", async (t) => {
  const isShipped = readShipped();
  let rows = 0;
  for (const { id, endpoints } of readSpecFolder()) {
    for (const row of endpoints) {
      for (const host of [...(row.hosts ?? []), ...(row.addresses ?? [])]) {
        rows++;
        if (row.transport === "icmp") t.ok(isShipped(host, "icmp", 0), `${id}/${row.name}`);
        else
          for (const port of eachPort(
            parsePorts(row.ports ?? row.anyOf ?? row.configurable!.recommended) as PortSet,
          ))
            t.ok(isShipped(host, row.transport, port), `${id}/${row.name}: ${host}:${port}`);
      }
    }
  }
  t.ok(rows > 20);
});
