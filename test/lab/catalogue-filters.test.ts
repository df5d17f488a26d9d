/** Every firewall of the catalogue in one check, over both transports and both families: each gets its own name. */
import t from "tap";
import { runLabCheck } from "./check.ts";
import { expectFindings } from "./expect.ts";
import type { Fault } from "./faults.ts";
import { appliesTo, filters, flowOf, ruleOf } from "./filters.ts";
import { Lab } from "./lab.ts";
import { labSpec, type LabFlow } from "./spec.ts";

t.setTimeout(300_000);
// Most of the time of a check is spent waiting.
t.jobs = 2;

const roles = { probers: "in-cluster", targets: "in-cluster" } as const;
const nodes = [
  { name: "n1", roles: ["probers"] },
  { name: "n2", roles: ["targets"] },
  // Nothing is wrong with it: what is said of n2 must not spread.
  { name: "n3", roles: ["targets"] },
];
const between = { prober: "n1", target: "n2" };

const lines = (["tcp", "udp"] as const).flatMap((transport) =>
  filters.flatMap((line, index) => {
    const flow: LabFlow = { name: flowOf(line, transport), transport, ports: `${31_000 + 2 * index}` };
    return appliesTo(line, transport) ? [{ ...line, transport, flow }] : [];
  }),
);
const untouched: LabFlow[] = [
  { name: "untouched-tcp", transport: "tcp", ports: "30999" },
  { name: "untouched-udp", transport: "udp", ports: "30999" },
];
const spec = labSpec({ roles, flows: [...untouched, ...lines.map(({ flow }) => flow)] });

for (const family of ["v4", "v6"] as const) {
  t.test(`over IP${family}`, { buffered: true }, async (t) => {
    await using lab = await Lab.create({ hosts: nodes.map(({ name }) => ({ name, zone: "a" })) });
    const faults: [name: string, fault: Fault][] = [];
    for (const { flow, ...line } of lines) {
      const rule = ruleOf(line, { ...between, transport: line.transport, ports: flow.ports });
      faults.push([flow.name, await lab.fault(rule)]);
    }
    const { report, exitCode, sinceLastJoinMs } = await runLabCheck(lab, {
      specs: [{ spec }],
      nodes: nodes.map((node) => ({ ...node, families: [family] })),
      control: "n3",
    });
    expectFindings(
      t,
      report,
      lines.map(({ flow, reason }) => `n1>n2 ${flow.name} ${reason}`),
    );
    t.equal(exitCode, 3);
    for (const [name, fault] of faults) t.ok((await fault.packets()) > 0, `${name} was met`);
    t.comment(`${Math.round(sinceLastJoinMs)} ms since the last join`);
  });
}
