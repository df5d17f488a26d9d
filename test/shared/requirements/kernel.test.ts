import t from "tap";
import { checkFor } from "../../../shared/requirements/index.ts";
import type { Requirement } from "../../../shared/spec.ts";
import { contextOf, plannedNode, plannedRequirement } from "../../helpers/host-fixtures.ts";

const nodes = [plannedNode(0), plannedNode(1), plannedNode(2), plannedNode(3)];

function judged(
  row: Pick<Requirement, "kind" | "expected"> & Partial<Requirement>,
  facts: Parameters<typeof contextOf>[1],
): unknown {
  const planned = plannedRequirement(row, nodes);
  return checkFor(planned.row)!.judge(planned, contextOf(nodes, facts));
}

t.test(
  "a setting is met, unmet with the command that mends it, unknown, or the agent is missing",
  async (t) => {
    const row = { kind: "sysctl", key: "net.ipv4.ip_forward", expected: "1" } as const;
    const planned = plannedRequirement(row, nodes);
    t.strictSame(checkFor(planned.row)!.needs!(planned), { sysctls: ["net.ipv4.ip_forward"] });
    const told = (value: string) => ({ sysctls: { "net.ipv4.ip_forward": value } });
    const about = { expected: "net.ipv4.ip_forward = 1" };
    const from = "/proc/sys/net/ipv4/ip_forward";
    t.strictSame(judged(row, { facts: [told("1"), told("0"), {}, undefined] }), [
      { verdict: "pass", reason: "met", node: "n1", ...about, from, actual: "1" },
      {
        verdict: "fail",
        reason: "unmet",
        node: "n2",
        ...about,
        from,
        actual: "0",
        remedy:
          "sysctl -w net.ipv4.ip_forward=1 && echo 'net.ipv4.ip_forward = 1' >>/etc/sysctl.d/99-made-up.conf",
      },
      { verdict: "unknown", reason: "never-probed", node: "n3", ...about, actual: "it could not be read" },
      { verdict: "unknown", reason: "agent-missing", node: "n4", ...about, actual: "not known" },
    ]);
  },
);

t.test("a setting that a module brings is mended by loading that first", async (t) => {
  const key = "net.bridge.bridge-nf-call-iptables";
  const row = { kind: "sysctl", key, expected: "1" } as const;
  t.match(judged(row, { facts: [{ sysctls: { [key]: null } }] }), [
    {
      verdict: "fail",
      actual: "the host has no such setting",
      remedy: /^modprobe br_netfilter && .* && sysctl -w net\.bridge\.bridge-nf-call-iptables=1 && /,
    },
  ]);
});

t.test("a minimum is enough, and several figures are compared whatever is between them", async (t) => {
  const count = (value: string) => ({ facts: [{ sysctls: { "vm.max_map_count": value } }] });
  const atLeast = {
    kind: "sysctl",
    key: "vm.max_map_count",
    expected: "262144 or more",
    minimum: { value: 262_144, unit: "maps" },
  } as const;
  t.match(judged(atLeast, count("262144")), [
    { verdict: "pass", expected: "vm.max_map_count = 262144 or more" },
  ]);
  t.match(judged(atLeast, count("65530")), [
    { verdict: "fail", remedy: /^sysctl -w vm\.max_map_count=262144 / },
  ]);
  t.match(judged(atLeast, count("many")), [{ verdict: "fail" }]);
  const range = { kind: "sysctl", key: "net.ipv4.ip_local_port_range", expected: "1024  65000" } as const;
  const told = (value: string) => ({ facts: [{ sysctls: { [range.key]: value } }] });
  t.match(judged(range, told("1024\t65000")), [{ verdict: "pass" }]);
  t.match(judged(range, told("1024 60999")), [
    { verdict: "fail", remedy: /^sysctl -w 'net\.ipv4\.ip_local_port_range=1024 65000' / },
  ]);
});

t.test("a row without a name that can be read is for people", async (t) => {
  for (const row of [
    { kind: "sysctl", expected: "1" },
    { kind: "sysctl", expected: "1", key: "../etc/passwd" },
    { kind: "kernel-module", expected: "loaded" },
  ] as const) {
    t.match(judged(row, {}), { stated: String });
    const planned = plannedRequirement(row, nodes);
    t.strictSame(checkFor(planned.row)!.needs!(planned), {});
    t.match(checkFor(planned.row)!.how(planned.row), { stated: String });
  }
});

t.test("a module is there loaded or built in, and what a host does not tell is unknown", async (t) => {
  const row = { kind: "kernel-module", key: "br_netfilter", expected: "loaded" } as const;
  const told = (state: "loaded" | "built-in" | "absent" | "unknown") => ({
    modules: { br_netfilter: state },
  });
  const facts = { facts: [told("loaded"), told("built-in"), told("absent"), told("unknown")] };
  t.match(judged(row, facts), [
    { verdict: "pass", actual: "loaded" },
    { verdict: "pass", actual: "built-in" },
    { verdict: "fail", actual: "absent", remedy: /^modprobe br_netfilter && / },
    { verdict: "unknown", reason: "never-probed" },
  ]);
  t.match(judged(row, { facts: [{}, undefined] }), [
    { verdict: "unknown", reason: "never-probed" },
    { verdict: "unknown", reason: "agent-missing" },
  ]);
});
