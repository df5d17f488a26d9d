/** Ports that must be shut: found open they are exposed, found shut they pass, and where nobody listened nothing is said. */
import t from "tap";
import { runLabCheck } from "./check.ts";
import { expectFindings } from "./expect.ts";
import { Lab } from "./lab.ts";
import { startBox } from "./middlebox.ts";
import { labSpec, type LabFlow } from "./spec.ts";

t.setTimeout(300_000);
// Most of the time of a check is spent waiting.
t.jobs = 2;

const transports = ["tcp", "udp"] as const;
/** One flow left open, one dropped, one rejected; which is which is in the name. */
const kinds = { open: 0, dropped: 1, rejected: 2 } as const;
const kindNames = Object.keys(kinds) as (keyof typeof kinds)[];
const shut = (name: string, first: number, more: Partial<LabFlow>): LabFlow[] =>
  kindNames.flatMap((kind) =>
    transports.map((transport) => ({
      name: `${name}-${kind}-${transport}`,
      transport,
      ports: `${first + kinds[kind]}`,
      ...more,
    })),
  );
const spec = labSpec({
  roles: { members: "in-cluster", desks: "outside" },
  flows: [
    ...shut("installer", 31_000, {
      from: ["members"],
      to: ["members"],
      phase: "install",
      closed: { after: "install" },
    }),
    ...shut("inner", 31_010, { from: ["members"], to: ["members"], closed: { from: "outside" } }),
    // What a document calls local to a host is shut for everybody else.
    ...shut("local", 31_020, { from: ["members"], to: ["members"], scope: "localhost" }),
  ],
});
const nodes = [
  { name: "n1", roles: ["members"] },
  { name: "n2", roles: ["members"] },
  { name: "gone", roles: ["members"] },
  { name: "desk", roles: ["desks"] },
];
const named = (name: string): string[] =>
  kindNames.flatMap((kind) => transports.map((transport) => `${name}-${kind}-${transport}`));

for (const family of ["v4", "v6"] as const) {
  t.test(
    `after the installation, seen from members and from outside, over IP${family}`,
    { buffered: true },
    async (t) => {
      await using lab = await Lab.create({ hosts: nodes.map(({ name }) => ({ name, zone: "a" })) });
      await shutPorts(lab);
      const { report, exitCode } = await runLabCheck(lab, {
        specs: [{ spec }],
        nodes: nodes.map((node) => ({ ...node, families: [family] })),
        control: "desk",
        absent: ["gone"],
        args: ["--phase", "runtime", "--wait", "8s"],
      });
      const open = transports.flatMap((transport) => [
        `n1>n2 installer-open-${transport} exposed`,
        `n2>n1 installer-open-${transport} exposed`,
        `n1>n2 local-open-${transport} exposed`,
        `n2>n1 local-open-${transport} exposed`,
        ...["n1", "n2"].flatMap((to) => [
          `desk>${to} inner-open-${transport} exposed`,
          `desk>${to} local-open-${transport} exposed`,
        ]),
      ]);
      const all = ["installer", "inner", "local"].flatMap(named);
      const absent = [
        ...["n1", "n2"].flatMap((member) =>
          all.flatMap((flow) => [
            `${member}>gone ${flow} agent-missing`,
            `gone>${member} ${flow} agent-missing`,
          ]),
        ),
        ...named("local").map((flow) => `gone>gone ${flow} agent-missing`),
        ...[...named("inner"), ...named("local")].map((flow) => `desk>gone ${flow} agent-missing`),
      ];
      expectFindings(t, report, [...open, ...absent]);
      t.equal(exitCode, 3);
      const asRequired = report.paths.filter(({ reason }) => reason === "blocked-as-required");
      t.equal(asRequired.length, 8 + 8 + 16, "installer, inner from outside, local from both");
    },
  );
}

async function shutPorts(lab: Lab): Promise<void> {
  for (const at of ["n1", "n2"]) {
    // A service that its document calls local, and that listens to everybody.
    await startBox(lab.host(at), "stranger", { port: 31_020, upstream: { v4: "", v6: "", port: 0 } });
    for (const transport of transports) {
      const rule = { at, hook: "input", transport } as const;
      await lab.fault({ ...rule, ports: "31001", action: "drop" });
      await lab.fault({ ...rule, ports: "31002", action: "reject-admin" });
      await lab.fault({ ...rule, from: "desk", ports: "31011", action: "drop" });
      await lab.fault({ ...rule, from: "desk", ports: "31012", action: "reject-port" });
      await lab.fault({ ...rule, from: { zone: "a" }, ports: "31021", action: "drop" });
      await lab.fault({ ...rule, from: { zone: "a" }, ports: "31022", action: "reject-port" });
    }
  }
}
