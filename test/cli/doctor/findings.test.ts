import t from "tap";
import {
  firewall,
  groupHeld,
  heldPorts,
  lowPorts,
  nameServers,
  timeService,
} from "../../../cli/doctor/findings.ts";
import type { Outcome } from "../../../shared/outcome.ts";
import { plannedNode } from "../../helpers/host-fixtures.ts";

const bare = plannedNode(0);
const web = plannedNode(0, [
  [80, 80],
  [443, 443],
  [8_080, 8_080],
]);

t.test("low ports matter only to a product that has some", async (t) => {
  t.match(lowPorts(web, undefined, 1_024), { verdict: "pass", expected: "80,443 can be bound" });
  t.match(lowPorts(web, "EACCES", 1_024), {
    verdict: "fail",
    actual: "not permitted to this user (EACCES), only from 1024 on",
    remedy: /^sysctl -w net\.ipv4\.ip_unprivileged_port_start=80 && /,
  });
  t.match(lowPorts(web, "EACCES", 80), { verdict: "pass", actual: "no port is under 80" });
  t.match(lowPorts(web, "EACCES", 100), { verdict: "fail", expected: "80 can be bound" });
  t.match(lowPorts(bare, undefined, 1_024), { verdict: "pass" });
  t.match(lowPorts(bare, "EACCES", 1_024), { verdict: "unknown", remedy: /--spec or --cluster/ });
});

t.test("before the installation ports are free, but for what belongs there", async (t) => {
  const port = (number: number, owner: string, belongs?: "agent" | "host") =>
    ({ transport: "tcp", port: number, owner, belongs }) as const;
  const agent = groupHeld([port(443, "node (pid 1)", "agent"), port(80, "node (pid 1)", "agent")]);
  t.strictSame(agent, [{ transport: "tcp", ports: "80,443", owner: "node (pid 1)", belongs: "agent" }]);
  t.match(heldPorts(web, [], "install"), [
    { verdict: "pass", expected: "3 ports are free", actual: "all are free" },
  ]);
  t.match(heldPorts(web, agent, "install"), [{ verdict: "pass", actual: "tcp/80,443 node (pid 1)" }]);
  const foreign = groupHeld([port(443, "nginx (pid 2)"), port(8_080, "java (pid 3)")]);
  t.match(heldPorts(web, [...agent, ...foreign], "install"), [
    {
      verdict: "fail",
      expected: "tcp/443 is free",
      actual: "nginx (pid 2) has it",
      remedy: /--phase runtime/,
    },
    { verdict: "fail", expected: "tcp/8080 is free", actual: "java (pid 3) has it" },
  ]);
  t.match(heldPorts(web, foreign, "runtime"), [
    { verdict: "pass", actual: "tcp/443 nginx (pid 2); tcp/8080 java (pid 3)" },
  ]);
  t.match(
    heldPorts(web, groupHeld([port(22, "sshd (pid 4)", "host")]), "runtime"),
    [{ verdict: "unknown", actual: "tcp/22 sshd (pid 4)" }],
    "what a host has anyway shows nothing of the product",
  );
  t.match(heldPorts(web, [], "runtime"), [{ verdict: "unknown", actual: "nobody holds any of them" }]);
  t.strictSame(heldPorts(bare, [], "install"), []);
});

t.test("a name server answers, is silent, or there is none", async (t) => {
  const outcome = (parts: Partial<Outcome>): Outcome => ({
    kind: "open",
    phase: "answer",
    elapsedMs: 3.4,
    attempts: 1,
    ...parts,
  });
  t.match(
    nameServers([
      { address: "10.0.0.53", outcome: outcome({ detail: "DNS REFUSED" }) },
      { address: "fd00::53", outcome: outcome({ kind: "refused", code: "ECONNREFUSED" }) },
      { address: "127.0.0.53", outcome: outcome({ kind: "silent" }) },
      { address: "127.0.0.1", outcome: outcome({ kind: "refused" }) },
    ]),
    [
      { verdict: "pass", expected: "10.0.0.53 answers", actual: "DNS REFUSED after 3 ms" },
      { verdict: "fail", actual: "refused (ECONNREFUSED)", remedy: "portmesh probe '[fd00::53]:53' -p udp" },
      { verdict: "fail", actual: "silent", remedy: "systemctl restart systemd-resolved" },
      { verdict: "fail", remedy: "portmesh probe 127.0.0.1:53 -p udp" },
    ],
  );
  t.match(nameServers([]), [{ verdict: "unknown", actual: "none is named" }]);
});

t.test("a firewall that cannot be read is unknown, with the reason", async (t) => {
  t.match(firewall({ rules: 1, tables: 2, legacy: [] }), { verdict: "pass", actual: "1 rule in 2 tables" });
  t.match(firewall({ rules: 0, tables: 0, legacy: ["filter", "nat"] }), {
    actual: "0 rules in 0 tables; iptables-legacy has filter, nat, too",
  });
  t.match(firewall("nft list ruleset: Operation not permitted (you must be root)"), {
    verdict: "unknown",
    actual: "only root may",
    remedy: "run this as root",
  });
  const absent = firewall("nft is not installed");
  t.match(absent, { verdict: "unknown", actual: "nft is not installed" });
  t.equal(absent.remedy, undefined);
});

t.test("the time service says whether it keeps the clock", async (t) => {
  t.match(timeService({ synchronized: true, from: "timedatectl" }), { verdict: "pass", from: "timedatectl" });
  t.match(timeService({ synchronized: false, from: "chronyc tracking", detail: "Not synchronised" }), {
    verdict: "fail",
    actual: "not synchronized, Not synchronised",
    remedy: "chronyc makestep",
  });
  t.match(timeService({}), { verdict: "unknown", remedy: "timedatectl set-ntp true" });
});
