import t from "tap";
import type { NodeFacts } from "../../../shared/node-facts.ts";
import type { PortSet } from "../../../shared/ports.ts";
import { hostChecks, type HostFinding } from "../../../shared/requirements/host-checks.ts";
import { contextOf, plannedNode, type ContextParts } from "../../helpers/host-fixtures.ts";

/** What one check finds on each of these nodes, which all hold the same ports. */
function findings(name: string, ports: PortSet, parts: ContextParts): (HostFinding | undefined)[] {
  const count = parts.facts?.length ?? parts.clock?.length ?? 1;
  const nodes = Array.from({ length: count }, (_, index) => plannedNode(index, ports));
  const check = hostChecks(contextOf(nodes, parts));
  return nodes.map((node) => check(node).find((finding) => finding.name === name));
}

function withMtu(mtu: number, index: number): Partial<NodeFacts> {
  const addresses = [{ address: `10.0.0.${index + 1}`, prefix: 24 }];
  return { interfaces: [{ name: "eth0", mtu, addresses }] };
}

const mtusOf = (...values: readonly number[]): unknown[] =>
  findings("interface-mtu", [], { facts: values.map(withMtu) }).map((finding) => [
    finding?.verdict,
    finding?.remedy,
  ]);

t.test("an ordinary host has nothing to complain of", async (t) => {
  const nodes = [plannedNode(0, [[443, 443]]), plannedNode(1, [[443, 443]])];
  const offset = { aheadMs: 0, errorMs: 1 };
  const check = hostChecks(contextOf(nodes, { clock: [offset, offset] }));
  for (const node of nodes)
    t.strictSame(
      check(node).map(({ name, kind, verdict, node: about }) => [name, kind, verdict, about]),
      ["interface-mtu", "ephemeral-range", "conntrack-room", "open-files", "clock-offset"].map((name) => [
        name,
        "host",
        "pass",
        node.name,
      ]),
    );
});

t.test("what a host does not tell or does not have is no finding", async (t) => {
  const bare: Partial<NodeFacts> = {
    interfaces: [],
    ephemeral: undefined,
    conntrack: undefined,
    descriptors: undefined,
  } as never;
  const node = plannedNode(0, [[443, 443]]);
  t.strictSame(hostChecks(contextOf([node], { facts: [bare] }))(node), []);
  t.strictSame(hostChecks(contextOf([node], { facts: [undefined] }))(node), []);
});

t.test("the MTU is what most nodes have, of two the larger one, and never too small for IPv6", async (t) => {
  const set = (value: number): string => `ip link set dev eth0 mtu ${value}`;
  t.strictSame(mtusOf(1_500, 1_500, 1_400), [
    ["pass", undefined],
    ["pass", undefined],
    ["fail", set(1_500)],
  ]);
  t.strictSame(mtusOf(1_400, 1_500), [
    ["fail", set(1_500)],
    ["pass", undefined],
  ]);
  t.strictSame(mtusOf(9_000, 1_500, 1_500), [
    ["fail", set(1_500)],
    ["pass", undefined],
    ["pass", undefined],
  ]);
  t.strictSame(mtusOf(1_200, 1_200), [
    ["fail", set(1_280)],
    ["fail", set(1_280)],
  ]);
  t.strictSame(mtusOf(1_280, 1_280, 1_500).at(-1), ["fail", set(1_280)]);
  t.strictSame(mtusOf(1_400), [["pass", undefined]], "alone there is nothing to compare with");
});

t.test("who stands outside of the cluster is compared with none of its nodes", async (t) => {
  const nodes = [plannedNode(0), plannedNode(1), plannedNode(2, [], { outside: true })];
  const facts = [9_000, 9_000, 1_500].map(withMtu);
  const clock = [0, 1, 5_000].map((aheadMs) => ({ aheadMs, errorMs: 1 }));
  const check = hostChecks(contextOf(nodes, { facts, clock }));
  const compared = nodes.map((node) =>
    check(node)
      .filter(({ name }) => name === "interface-mtu" || name === "clock-offset")
      .map(({ verdict, expected }) => `${verdict}: ${expected}`),
  );
  const member = ["pass: MTU 9000, as most nodes have", "pass: within 300 ms of the other nodes"];
  t.strictSame(compared, [member, member, ["pass: MTU 1280 or more"]]);
});

t.test(
  "networks of a node are compared each with its own, and a hostile name does not reach a shell",
  async (t) => {
    const nodes = [0, 1].map((index) => {
      const addresses = [`10.0.0.${index + 1}`, `10.1.0.${index + 1}`];
      return plannedNode(index, [], { addresses });
    });
    const facts = nodes.map(({ addresses }, index) => ({
      interfaces: [
        { name: "eth0", mtu: 1_500, addresses: [{ address: addresses[0]!, prefix: 24 }] },
        {
          name: index === 0 ? "eth1" : "$(reboot)",
          mtu: 9_000 - index,
          addresses: [{ address: addresses[1]!, prefix: 24 }],
        },
      ],
    }));
    const check = hostChecks(contextOf(nodes, { facts }));
    const [good, bad] = nodes.map((node) => check(node).find(({ name }) => name === "interface-mtu"));
    t.match(good, { verdict: "pass" });
    t.match(bad, { verdict: "fail", actual: "MTU 8999", remedy: "ip link set dev '$(reboot)' mtu 9000" });
  },
);

const ephemeral = (reserved: string, first = 32_768, last = 60_999): Partial<NodeFacts> => ({
  ephemeral: { first, last, reserved },
});

t.test("ports to listen on are reserved together with what is reserved already", async (t) => {
  const ports: PortSet = [
    [443, 443],
    [32_700, 32_770],
    [50_070, 50_070],
    [60_990, 61_010],
  ];
  const [finding] = findings("ephemeral-range", ports, { facts: [ephemeral("33000,50070")] });
  t.match(finding, {
    verdict: "fail",
    expected: "no port to listen on is among 32768-60999, unless reserved",
    actual: "13 are: 32768-32770,60990-60999",
    remedy:
      "sysctl -w net.ipv4.ip_local_reserved_ports=32768-32770,33000,50070,60990-60999 && echo 'net.ipv4.ip_local_reserved_ports = 32768-32770,33000,50070,60990-60999' >>/etc/sysctl.d/99-portmesh.conf",
  });
  const [mended] = findings("ephemeral-range", ports, {
    facts: [ephemeral("32768-32770,33000,50070,60990-60999")],
  });
  t.match(mended, { verdict: "pass", actual: "all 14 of them are reserved" });
  t.match(findings("ephemeral-range", [[443, 443]], { facts: [ephemeral("")] }), [
    { verdict: "pass", actual: "none is" },
  ]);
});

t.test("a list of reserved ports that is none ends in no command", async (t) => {
  t.strictSame(findings("ephemeral-range", [[40_000, 40_000]], { facts: [ephemeral("$(reboot)")] }), [
    undefined,
  ]);
});

t.test("the table of connections has room for what is in it and for a check", async (t) => {
  const room = (count: number, max: number, ports: PortSet, nodes: number): HostFinding | undefined => {
    const facts = Array.from({ length: nodes }, () => ({ conntrack: { count, max } }));
    return findings("conntrack-room", ports, { facts })[0];
  };
  t.match(room(100, 1_000, [], 1), { verdict: "pass", expected: "less than 80 % in use" });
  t.match(room(800, 1_000, [], 1), {
    verdict: "fail",
    actual: "800 of 1000 in use",
    remedy: /^sysctl -w net\.netfilter\.nf_conntrack_max=2048 && /,
  });
  // Three nodes with 100 ports each: 200 probes come, 200 go.
  t.match(room(100, 500, [[1_000, 1_099]], 3), {
    verdict: "pass",
    expected: "less than 80 % in use, and room for 400 more",
  });
  t.match(room(101, 500, [[1_000, 1_099]], 3), { verdict: "fail", remedy: /nf_conntrack_max=1024 / });
  t.match(
    room(0, 120_000, [[1, 65_535]], 40),
    { verdict: "pass" },
    "no more than is sent before it is forgotten",
  );
});

t.test("an agent may open as many files as it holds ports, and the host has them", async (t) => {
  const limits = (soft: number, hostUsed = 1_000, hostMax = 100_000) => ({
    facts: [{ descriptors: { soft, hard: soft, hostUsed, hostMax } }],
  });
  const ports: PortSet = [[30_000, 30_999]];
  t.match(findings("open-files", ports, limits(1_256)), [{ verdict: "pass" }]);
  t.match(findings("open-files", ports, limits(1_255)), [
    { verdict: "fail", expected: "1256 or more", actual: "1255 for the agent", remedy: "ulimit -n 2048" },
  ]);
  t.match(findings("open-files", ports, limits(4_096, 99_000)), [
    {
      verdict: "fail",
      actual: "1000 left of the host's 100000",
      remedy: /^sysctl -w fs\.file-max=102048 && /,
    },
  ]);
});

t.test("clocks are compared, and a node that was not is no finding", async (t) => {
  const at = (aheadMs: number) => ({ aheadMs, errorMs: 2 });
  t.match(findings("clock-offset", [], { clock: [at(0), at(1), at(900)] }), [
    { verdict: "pass", actual: "1 ms (± 4 ms) behind n2" },
    { verdict: "pass" },
    { verdict: "fail", actual: "900 ms (± 4 ms) ahead of n1", expected: "within 300 ms of the other nodes" },
  ]);
  t.strictSame(findings("clock-offset", [], { clock: [at(0), undefined] }), [undefined, undefined]);
});
