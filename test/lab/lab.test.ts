import t from "tap";
import { actions, type FaultAction } from "./faults.ts";
import type { Host } from "./host.ts";
import { Lab } from "./lab.ts";
import { connect, listen, type Target } from "./tcp.ts";

const port = 2379;

interface Fixture {
  lab: Lab;
  n1: Host;
  n2: Host;
  n3: Host;
  /** n1's open port over both families. */
  service: Target[];
}

async function startLab(ports: readonly number[] = [port]): Promise<Fixture> {
  const places = { n1: "a", n2: "b", n3: "b" };
  const lab = await Lab.create({ hosts: Object.entries(places).map(([name, zone]) => ({ name, zone })) });
  const [n1, n2, n3] = [lab.host("n1"), lab.host("n2"), lab.host("n3")];
  await listen(n1, ports);
  const service = [n1.address, n1.address6].map((address) => ({ address, port }));
  return { lab, n1, n2, n3, service };
}

t.test("hosts reach one another over both families, and every packet crosses the router", async (t) => {
  const { lab, n2, n3, service } = await startLab();
  await using _ = lab;
  const count = (family: string): string => `meta nfproto ${family} tcp dport ${port} counter\n`;
  const hook = "type filter hook forward priority 0;";
  await using v4 = await lab.rules("router", `chain forward { ${hook} ${count("ipv4")} }`);
  await using v6 = await lab.rules("router", `chain forward { ${hook} ${count("ipv6")} }`);
  t.strictSame(await connect(n2, service), ["open", "open"], "from the other zone");
  t.ok((await v4.packets()) >= 2 && (await v6.packets()) >= 2, "SYN and ACK were forwarded");
  await listen(n3, [port]);
  const neighbour = [n3.address, n3.address6].map((address) => ({ address, port }));
  const before = await v4.packets();
  t.strictSame(await connect(n2, neighbour), ["open", "open"], "within a zone");
  t.ok((await v4.packets()) > before, "there is no way around the router");
});

t.test("a TCP prober sees of every action what failures.md says", async (t) => {
  const seen: Record<FaultAction, [v4: string, v6: string]> = {
    drop: ["silent", "silent"],
    "reject-reset": ["ECONNREFUSED", "ECONNREFUSED"],
    "reject-port": ["ECONNREFUSED", "ECONNREFUSED"],
    "reject-admin": ["EHOSTUNREACH", "EACCES"],
    "reject-host": ["EHOSTUNREACH", "EHOSTUNREACH"],
    "reject-net": ["ENETUNREACH", "ENETUNREACH"],
  };
  const all = Object.keys(actions) as FaultAction[];
  // All at once, on a port each: the errors of IPv6 take a second (the head of lab.ts says why).
  const { lab, n1, n2 } = await startLab(all.map((_action, index) => port + index));
  await using _ = lab;
  const breakAt = async (where: { at: string; hook: "input" | "forward" }): Promise<AsyncDisposableStack> => {
    const faults = new AsyncDisposableStack();
    for (const [index, action] of all.entries()) {
      faults.use(await lab.fault({ ...where, transport: "tcp", ports: `${port + index}`, action }));
    }
    return faults;
  };
  const targetsAt = (address: string): Target[] =>
    all.map((_action, index) => ({ address, port: port + index }));
  const [v4, v6] = [targetsAt(n1.address), targetsAt(n1.address6)];
  {
    await using _target = await breakAt({ at: "n1", hook: "input" });
    const outcomes = await connect(n2, [...v4, ...v6], 1_300);
    t.strictSame(
      outcomes.slice(0, all.length),
      all.map((action) => seen[action][0]),
      "IPv4, at the target",
    );
    t.strictSame(
      outcomes.slice(all.length),
      all.map((action) => seen[action][1]),
      "IPv6, at the target",
    );
  }
  {
    await using _between = await breakAt({ at: "router", hook: "forward" });
    t.strictSame(
      await connect(n2, v4),
      all.map((action) => seen[action][0]),
      "IPv4, on the way",
    );
  }
  t.ok(
    (await connect(n2, v4)).every((outcome) => outcome === "open"),
    "disposed of, all are gone",
  );
});

t.test("the prober's own firewall is silent on TCP and says EPERM on UDP", async (t) => {
  const { lab, n1, n2, service } = await startLab();
  await using _ = lab;
  const own = { at: "n2", hook: "output", to: "n1", action: "drop" } as const;
  await using tcp = await lab.fault({ ...own, transport: "tcp", ports: `${port}` });
  await using udp = await lab.fault({ ...own, transport: "udp", ports: "30500-30599" });
  t.strictSame(await connect(n2, service), ["silent", "silent"]);
  const send = `const socket = require("node:dgram").createSocket("udp4");
    socket.connect(30550, "${n1.address}", () => socket.send("x", (error) => { console.log(error?.code); socket.close(); }));`;
  t.equal((await n2.run(process.execPath, ["-e", send])).trim(), "EPERM");
  t.ok((await tcp.packets()) >= 2 && (await udp.packets()) === 1);
});

t.test("a lost reply leaves a half-open connection at the target", async (t) => {
  const { lab, n1, n2, service } = await startLab();
  await using _ = lab;
  const reply = { at: "n1", hook: "output", to: "n2", transport: "tcp", ports: `${port}` } as const;
  await using fault = await lab.fault({ ...reply, replies: true, action: "drop" });
  const attempt = connect(n2, service);
  while ((await fault.packets()) < 2);
  const halfOpen = (await n1.run("cat", ["/proc/net/tcp", "/proc/net/tcp6"])).match(/^ *\d+: \S+ \S+ 03 /gm);
  t.equal(halfOpen?.length, 2, "SYN_RECV, one a family");
  t.strictSame(await attempt, ["silent", "silent"]);
});

t.test("a fault meets only the hosts or zones it names", async (t) => {
  const { lab, n2, n3, service } = await startLab();
  await using _ = lab;
  const at = { at: "router", hook: "forward", to: "n1", transport: "tcp", action: "reject-reset" } as const;
  const bothRefused = ["ECONNREFUSED", "ECONNREFUSED"];
  {
    await using fault = await lab.fault({ ...at, from: "n2" });
    t.strictSame(await connect(n2, service), bothRefused);
    t.strictSame(await connect(n3, service), ["open", "open"]);
    t.equal(await fault.packets(), 2);
  }
  await using zone = await lab.fault({ ...at, from: { zone: "b" } });
  t.strictSame([await connect(n2, service), await connect(n3, service)], [bothRefused, bothRefused]);
  t.equal(await zone.packets(), 4);
});

t.test("a link that is down or lossy comes back", async (t) => {
  const { lab, n2, service } = await startLab();
  await using _ = lab;
  {
    await using _down = await lab.linkDown("n2");
    t.strictSame(await connect(n2, service), ["ENETUNREACH", "ENETUNREACH"], "no route at home");
  }
  {
    await using _lossy = await lab.loss("n2", 1);
    t.strictSame(await connect(n2, service), ["silent", "silent"]);
  }
  t.strictSame(await connect(n2, service), ["open", "open"]);
});
