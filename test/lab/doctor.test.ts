/** `portmesh doctor` on hosts that are not as they should be, and the commands that it prints to mend them. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import t from "tap";
import { hostChecks } from "../../shared/requirements/host-checks.ts";
import { contextOf, plannedNode } from "../helpers/host-fixtures.ts";
import { says, toolsOf } from "../helpers/tools.ts";
import type { LabCluster } from "./cluster.ts";
import { leaseAddress } from "./dhcp.ts";
import { Doctor, type Visit } from "./doctor.ts";
import { Lab } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(300_000);

const row = { on: ["nodes"], phase: "both", level: "required", doc: "guide:3", description: "Asked for." };
const cluster: LabCluster = {
  specs: [
    {
      spec: {
        ...labSpec({
          flows: [
            { name: "web", transport: "tcp", ports: "443" },
            { name: "data", transport: "tcp", ports: "33000-33010" },
          ],
        }),
        requirements: [
          { ...row, name: "ip-forward", kind: "sysctl", key: "net.ipv4.ip_forward", expected: "1" },
          { ...row, name: "bridge", kind: "kernel-module", key: "br_netfilter", expected: "loaded" },
          { ...row, name: "static-address", kind: "address", key: "static-ipv4", expected: "static" },
        ],
      },
    },
  ],
  nodes: [{ name: "n1" }, { name: "n2" }],
};
const reserve =
  "sysctl -w net.ipv4.ip_local_reserved_ports=33000-33010,40000 && echo 'net.ipv4.ip_local_reserved_ports = 33000-33010,40000' >>/etc/sysctl.d/99-portmesh.conf";

/** With a name server on n2. */
async function withLab(check: (lab: Lab, doctor: Doctor) => Promise<void>): Promise<void> {
  await using lab = await Lab.create({ hosts: ["n1", "n2"].map((name) => ({ name, zone: "a" })) });
  const n2 = lab.host("n2");
  using doctor = new Doctor(lab, cluster, n2.address);
  const pid = doctor.path("dnsmasq.pid");
  const names = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/#/", "--user=nobody"];
  await n2.run("dnsmasq", [
    ...names,
    `--listen-address=${n2.address}`,
    "--bind-interfaces",
    `--pid-file=${pid}`,
  ]);
  try {
    await check(lab, doctor);
  } finally {
    process.kill(Number(readFileSync(pid, "utf8")));
  }
}

const verdictsOf = ({ report }: Visit): Record<string, string> =>
  Object.fromEntries(report.checks.map(({ name, verdict }) => [name, verdict]));

t.test("what is wrong is found, the command that is printed mends it, and then all is met", async (t) => {
  await withLab(async (lab, doctor) => {
    const n1 = lab.host("n1");
    await n1.run("sysctl", ["-w", "net.ipv4.ip_forward=0", "net.ipv4.ip_local_reserved_ports=40000"]);
    // What time service this machine has is not the subject.
    const env = {
      PATH: `${toolsOf(t, { chronyc: "exit 1", timedatectl: says("NTPSynchronized=yes") })}:${process.env["PATH"]}`,
    };
    const before = await doctor.visit(n1, { env });
    t.equal(before.exitCode, 3);
    t.match(before.report, {
      apiVersion: "portmesh/v1",
      kind: "Doctor",
      node: "n1",
      cluster: "lab",
      specs: [{ id: "lab", version: "1.0.0" }],
      phase: "install",
      summary: { fail: 2, unknown: 0, warn: 0, verdict: "fail" },
      held: [],
      notes: [],
    });
    t.strictSame(verdictsOf(before), {
      "interface-mtu": "pass",
      "ephemeral-range": "fail",
      "conntrack-room": "pass",
      "open-files": "pass",
      "low-ports": "pass",
      "held-ports": "pass",
      "name-server": "pass",
      "time-service": "pass",
      "firewall-readable": "pass",
      "ip-forward": "fail",
      bridge: "pass",
      "static-address": "pass",
    });
    t.match(before.check("ip-forward"), {
      spec: "lab",
      kind: "sysctl",
      reason: "unmet",
      expected: "net.ipv4.ip_forward = 1",
      actual: "0",
      from: "/proc/sys/net/ipv4/ip_forward",
      doc: "guide:3",
      remedy: "sysctl -w net.ipv4.ip_forward=1 && echo 'net.ipv4.ip_forward = 1' >>/etc/sysctl.d/99-lab.conf",
    });
    t.match(before.check("ephemeral-range"), { actual: "11 are: 33000-33010", remedy: reserve });

    t.equal(await doctor.mend(n1, before.check("ip-forward")), "net.ipv4.ip_forward = 1\n");
    t.equal(
      await doctor.mend(n1, before.check("ephemeral-range")),
      "net.ipv4.ip_local_reserved_ports = 33000-33010,40000\n",
    );
    const after = await doctor.visit(n1, { env });
    t.strictSame([...new Set(Object.values(verdictsOf(after)))], ["pass"]);
    t.equal(after.exitCode, 0);
    t.match(after.check("ephemeral-range"), { actual: "all 11 of them are reserved" });
  });
});

t.test(
  "one link that is narrower than the others shows when nodes are compared, and is mended",
  async (t) => {
    await withLab(async (lab, doctor) => {
      const [n1, n2] = [lab.host("n1"), lab.host("n2")];
      await n2.run("ip", ["link", "set", "dev", "eth0", "mtu", "1400"]);
      const compare = async () => {
        const facts = (await Promise.all([n1, n2].map((host) => doctor.visit(host)))).map(
          ({ report }) => report.facts,
        );
        const nodes = [n1, n2].map(({ address }, index) => plannedNode(index, [], { addresses: [address] }));
        const check = hostChecks(contextOf(nodes, { facts }));
        return nodes.map((node) => check(node).find(({ name }) => name === "interface-mtu")!);
      };
      const [wide, narrow] = await compare();
      t.match(wide, { verdict: "pass", actual: "MTU 1500" });
      t.match(narrow, { verdict: "fail", expected: "MTU 1500, as most nodes have", actual: "MTU 1400" });
      await doctor.mend(n2, narrow!);
      t.strictSame(
        (await compare()).map(({ verdict }) => verdict),
        ["pass", "pass"],
      );

      await n2.run("ip", ["link", "set", "dev", "eth0", "mtu", "1200"]);
      const alone = (await doctor.visit(n2)).check("interface-mtu");
      t.match(alone, {
        verdict: "fail",
        expected: "MTU 1280 or more",
        from: `eth0, which has ${n2.address}`,
      });
      await doctor.mend(n2, alone);
      t.match((await doctor.visit(n2)).check("interface-mtu"), { verdict: "pass", actual: "MTU 1280" });
    });
  },
);

for (const lifetime of ["told to the kernel", "kept to itself"] as const)
  t.test(`an address of a DHCP server is leased, its lifetime ${lifetime} by the client`, async (t) => {
    await withLab(async (lab, doctor) => {
      const n1 = lab.host("n1");
      t.match((await doctor.visit(n1)).check("static-address"), {
        verdict: "pass",
        actual: `${n1.address}, not leased`,
      });
      await using _lease = await leaseAddress(lab, n1, (name) => doctor.path(name), lifetime);
      const { exitCode, check } = await doctor.visit(n1);
      t.equal(exitCode, 3);
      t.match(check("static-address"), {
        verdict: "fail",
        actual: `${n1.address} is leased by DHCP`,
        from:
          lifetime === "told to the kernel"
            ? /^ip addr: valid for another \d+ s$/
            : /^udhcpc \(pid \d+\) runs for eth0$/,
      });
    });
  });

t.test("a silent name server, a process on a port and a firewall are told", async (t) => {
  await withLab(async (lab, doctor) => {
    const n1 = lab.host("n1");
    await using silent = await lab.fault({
      at: "n2",
      hook: "input",
      transport: "udp",
      ports: "53",
      action: "drop",
    });
    await lab.rules(
      "n1",
      "chain input { type filter hook input priority 0; tcp dport 22 counter accept; tcp dport 23 drop; }",
    );
    const listen = 'require("net").createServer().listen(33005, () => console.log("listens"))';
    const holder = n1.spawn(process.execPath, ["-e", listen]);
    await once(holder.stdout!, "data", { signal: AbortSignal.timeout(20_000) });
    const visit = await doctor.visit(n1);
    t.equal(visit.exitCode, 3);
    t.match(visit.check("name-server"), { verdict: "fail", actual: /^silent/, from: "/etc/resolv.conf" });
    t.match(visit.check("firewall-readable"), { verdict: "pass", actual: /^2 rules in 1 table$/ });
    t.match(visit.check("held-ports"), {
      verdict: "fail",
      expected: "tcp/33005 is free",
      actual: new RegExp(`^node\\S* \\(pid ${holder.pid}\\) has it$`),
    });
    t.match(visit.report.held, [{ transport: "tcp", ports: "33005" }]);
    await silent[Symbol.asyncDispose]();
    const running = await doctor.visit(n1, { args: ["--phase", "runtime"] });
    t.match(running.check("name-server"), { verdict: "pass" });
    t.match(running.check("held-ports"), {
      verdict: "pass",
      actual: new RegExp(`^tcp/33005 node\\S* \\(pid ${holder.pid}\\)$`),
    });
  });
});

t.test("to another user than root, what only root may see is unknown, and no error", async (t) => {
  await withLab(async (lab, doctor) => {
    const as = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    await lab.host("n1").run("chmod", ["-R", "a+rX", doctor.path("")]);
    const { check, exitCode } = await doctor.visit(lab.host("n1"), { as });
    t.equal(exitCode, 3);
    t.match(check("firewall-readable"), {
      verdict: "unknown",
      actual: "only root may",
      remedy: "run this as root",
    });
    t.match(check("low-ports"), {
      verdict: "fail",
      expected: "443 can be bound",
      remedy: /^sysctl -w net\.ipv4\.ip_unprivileged_port_start=443 && /,
    });
    await doctor.mend(lab.host("n1"), check("low-ports"));
    t.match((await doctor.visit(lab.host("n1"), { as })).check("low-ports"), { verdict: "pass" });
  });
});
