/** What stands between the hosts and answers, translates or inspects: it is named, and what works passes. */
import t from "tap";
import type { ReportPath } from "../../shared/report.ts";
import { runLabCheck } from "./check.ts";
import { expectFindings } from "./expect.ts";
import type { Fault } from "./faults.ts";
import { Lab } from "./lab.ts";
import { endpointOf, intercept, startBox } from "./middlebox.ts";
import { labSpec, type LabFlow } from "./spec.ts";
import { strangeIssuer } from "./strange-identity.ts";
import { dnatChain, masqueradeChain, redirectChain } from "./translation.ts";

t.setTimeout(300_000);
// Most of the time of a check is spent waiting.
t.jobs = 2;

const roles = { probers: "in-cluster", targets: "in-cluster" } as const;
const nodes = [
  { name: "n1", roles: ["probers"] },
  { name: "n2", roles: ["targets"] },
  { name: "n3", roles: ["targets"] },
];
const transports = ["tcp", "udp"] as const;

const bothTransports = (name: string, ports: string, more: Partial<LabFlow> = {}): LabFlow[] =>
  transports.map((transport) => ({ name: `${name}-${transport}`, transport, ports, ...more }));
const spec = labSpec({
  roles,
  flows: [
    ...bothTransports("untouched", "31000"),
    ...bothTransports("to-other-port", "31001"),
    ...bothTransports("to-other-port-at-home", "31002"),
    ...bothTransports("to-other-host", "31003"),
    ...bothTransports("redirected", "31004", { redirectTo: 31_104 }),
    ...bothTransports("from-other-address", "31005"),
    ...bothTransports("to-stranger", "31006"),
    { name: "inspected", transport: "tcp", ports: "31007", security: "tls" },
    { name: "mutual-inspected", transport: "tcp", ports: "31007", security: "mtls" },
    { name: "plain-where-only-tls-passes", transport: "tcp", ports: "31008" },
    { name: "tls-where-only-tls-passes", transport: "tcp", ports: "31008", security: "tls" },
    { name: "cut-by-name", transport: "tcp", ports: "31009", security: "tls" },
    { name: "relayed", transport: "tcp", ports: "31010", security: "mtls" },
  ],
});

/** Everything is broken towards n2; n3 is there to be mistaken for it. */
async function breakAll(lab: Lab): Promise<Map<string, Fault>> {
  const [n2, n3, stranger] = ["n2", "n3", "stranger"].map((name) => endpointOf(lab.host(name)));
  const faults = new Map<string, Fault>();
  for (const transport of transports) {
    const to = (port: number): Parameters<typeof masqueradeChain>[0] => ({
      to: n2!,
      transport,
      ports: `${port}`,
    });
    const add = async (name: string, at: string, chains: string): Promise<void> =>
      void faults.set(`${name}-${transport}`, await lab.rules(at, chains));
    await add("to-other-port", "router", dnatChain({ ...to(31_001), newTo: n2!, newPort: 31_000 }));
    await add("to-other-port-at-home", "n2", redirectChain({ ...to(31_002), toPort: 31_000 }));
    await add("to-other-host", "router", dnatChain({ ...to(31_003), newTo: n3!, newPort: 31_003 }));
    await add("redirected", "n2", redirectChain({ ...to(31_004), toPort: 31_104 }));
    await add("from-other-address", "router", masqueradeChain(to(31_005)));
    await add("to-stranger", "router", dnatChain({ ...to(31_006), newTo: stranger!, newPort: 4_000 }));
  }
  const target = "n2";
  faults.set("inspected", await intercept(lab, { box: "tls-inspector", target, port: 31_007 }));
  faults.set("only-tls", await intercept(lab, { box: "tls-only", target, port: 31_008 }));
  faults.set(
    "cut-by-name",
    await intercept(lab, { box: "tls-only", target, port: 31_009, blockedName: "n2.node.portmesh" }),
  );
  faults.set("relayed", await intercept(lab, { box: "delay", target, port: 31_010, delayMs: 1 }));
  return faults;
}

const expected = [
  ...transports.flatMap((transport) => [
    `to-other-port-${transport} misrouted`,
    `to-other-port-at-home-${transport} misrouted`,
    `to-other-host-${transport} misrouted`,
    `to-stranger-${transport} stranger`,
  ]),
  "inspected intercepted",
  "mutual-inspected intercepted",
  "plain-where-only-tls-passes app-filtered",
  "cut-by-name app-filtered",
].map((line) => `n1>n2 ${line}`);

for (const family of ["v4", "v6"] as const) {
  t.test(`over IP${family}`, { buffered: true }, async (t) => {
    await using lab = await Lab.create({
      hosts: ["n1", "n2", "n3", "stranger"].map((name) => ({ name, zone: "a" })),
    });
    await startBox(lab.host("stranger"), "stranger", { port: 4_000, upstream: { v4: "", v6: "", port: 0 } });
    const faults = await breakAll(lab);
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ spec }],
      nodes: nodes.map((node) => ({ ...node, families: [family] })),
      control: "n3",
    });
    expectFindings(t, report, expected);
    t.equal(exitCode, 3);
    for (const [name, fault] of faults) t.ok((await fault.packets()) > 0, `${name} was met`);

    const sourceOf = (flow: string): ReportPath["evidence"]["source"] =>
      report.paths.find((path) => path.flow === flow && path.to === "n2")!.evidence.source;
    for (const transport of transports) {
      t.strictSame(sourceOf(`to-other-port-${transport}`).answeredBy, { node: "n2", port: 31_000 });
      t.strictSame(sourceOf(`to-other-host-${transport}`).answeredBy, { node: "n3", port: 31_003 });
      const seen = sourceOf(`from-other-address-${transport}`).seenAs ?? "";
      const router = family === "v4" ? /^10\.1\.0\./ : /^fd00:1:/;
      t.match(seen, router, "a translated source shows its address");
      const { address, address6 } = lab.host("n1");
      t.notOk([address, address6].includes(seen));
    }
    t.match(sourceOf("inspected").detail, strangeIssuer, "whoever ended TLS is named");
  });
}
