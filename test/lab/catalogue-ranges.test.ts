/**
 * Ranges of ports that a firewall rejects. Linux sends about one ICMP error a second to each peer, so nearly all
 * rejected ports look dropped at first; and what is dropped beside them must not be taken for rejected.
 */
import t from "tap";
import type { Report } from "../../shared/report.ts";
import { runLabCheck } from "./check.ts";
import type { Fault } from "./faults.ts";
import { Lab, type FaultOptions } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(300_000);
// Most of the time of a check is spent waiting.
t.jobs = 2;

const roles = { probers: "in-cluster", targets: "in-cluster" } as const;
const spec = labSpec({
  roles,
  flows: [
    { name: "rejected-port", transport: "udp", ports: "20000-20299" },
    { name: "rejected-admin", transport: "udp", ports: "21000-21299" },
    { name: "rejected-admin-tcp", transport: "tcp", ports: "21000-21299" },
    { name: "half", transport: "udp", ports: "22000-22299" },
    { name: "half-tcp", transport: "tcp", ports: "22000-22299" },
    { name: "untouched", transport: "udp", ports: "23000-23299" },
  ],
});
const nodes = ["n1", "n2", "n3"].map((name) => ({ name, roles: [name === "n1" ? "probers" : "targets"] }));

const rules: readonly Omit<FaultOptions, "at" | "hook">[] = [
  { transport: "udp", ports: "20000-20299", action: "reject-port" },
  { transport: "udp", ports: "21000-21299", action: "reject-admin" },
  { transport: "tcp", ports: "21000-21299", action: "reject-admin" },
  { transport: "udp", ports: "22000-22149", action: "drop" },
  { transport: "udp", ports: "22150-22299", action: "reject-admin" },
  { transport: "tcp", ports: "22000-22149", action: "drop" },
  { transport: "tcp", ports: "22150-22299", action: "reject-admin" },
];
const half = (from: string, to: string): string[] => [
  `${from}>${to} half 22000-22149 dropped`,
  `${from}>${to} half 22150-22299 rejected`,
  `${from}>${to} half-tcp 22000-22149 dropped`,
  `${from}>${to} half-tcp 22150-22299 rejected`,
];
const whole = (from: string, to: string): string[] => [
  `${from}>${to} rejected-admin 21000-21299 rejected`,
  `${from}>${to} rejected-admin-tcp 21000-21299 rejected`,
  `${from}>${to} rejected-port 20000-20299 rejected`,
];

/** Every interval that is not green, also of paths that are red as a whole. */
function intervalsOf(report: Report): string[] {
  return report.paths
    .flatMap(({ from, to, flow, ports, reason, verdict, intervals = [{ ports, reason, verdict }] }) =>
      intervals
        .filter((interval) => interval.verdict !== "pass")
        .map((interval) => `${from}>${to} ${flow} ${interval.ports} ${interval.reason}`),
    )
    .toSorted();
}

for (const family of ["v4", "v6"] as const) {
  t.test(`rejected ranges are rejected to the last port, over IP${family}`, { buffered: true }, async (t) => {
    await using lab = await Lab.create({ hosts: nodes.map(({ name }) => ({ name, zone: "a" })) });
    const faults: Fault[] = [];
    for (const rule of rules) faults.push(await lab.fault({ ...rule, at: "n2", hook: "input" }));
    const { report, exitCode, sinceLastJoinMs } = await runLabCheck(lab, {
      specs: [{ spec }],
      nodes: nodes.map((node) => ({ ...node, families: [family] })),
      control: "n3",
    });
    const expected = [...half("n1", "n2"), ...whole("n1", "n2")].toSorted();
    if (!t.strictSame(intervalsOf(report), expected))
      for (const { flow, reason, evidence } of report.paths.filter(({ to }) => to === "n2"))
        t.comment(`${flow} ${reason} ${JSON.stringify(evidence)}`);
    t.equal(exitCode, 3);
    for (const fault of faults) t.ok((await fault.packets()) > 0, "met");
    t.comment(`${Math.round(sinceLastJoinMs)} ms since the last join`);
  });
}
