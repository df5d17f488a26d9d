/** Routes of the probing host itself that lead nowhere: its own fault, over every protocol, and nobody else's. */
import t from "tap";
import { smallSpec } from "../helpers/cli.ts";
import { zonePrefixes } from "./addresses.ts";
import { runLabCheck } from "./check.ts";
import { expectFindings } from "./expect.ts";
import { Lab, type Host } from "./lab.ts";
import { labSpec, type LabFlow } from "./spec.ts";

t.setTimeout(300_000);
// Most of the time of a check is spent waiting.
t.jobs = 2;

/** By the name of the host that has it. */
const kinds = {
  unreachable: "no-route",
  missing: "no-route",
  prohibit: "egress-blocked",
  blackhole: "egress-blocked",
} as const;
const probers = Object.keys(kinds) as (keyof typeof kinds)[];
const hosts = [
  ...["control", "healthy", ...probers].map((name) => ({ name, zone: "a" })),
  { name: "target", zone: "b" },
];
const nodes = [
  ...["healthy", ...probers].map((name) => ({ name, roles: ["probers"] })),
  { name: "target", roles: ["targets"] },
];
const flows = smallSpec.flows.map((flow) => ({ ...(flow as LabFlow), from: ["probers"], to: ["targets"] }));
const spec = labSpec({ roles: { probers: "in-cluster", targets: "in-cluster" }, flows });

for (const family of ["v4", "v6"] as const) {
  t.test(`over IP${family}`, { buffered: true }, async (t) => {
    await using lab = await Lab.create({ hosts });
    for (const kind of probers) await breakRoute(lab.host(kind), kind, lab.host("target"), family);
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ spec }],
      nodes: nodes.map((node) => ({ ...node, families: [family] })),
      control: "control",
    });
    expectFindings(
      t,
      report,
      probers.flatMap((kind) => flows.map(({ name }) => `${kind}>target ${name} ${kinds[kind]}`)),
    );
    t.equal(exitCode, 3);
  });
}

async function breakRoute(
  host: Host,
  kind: keyof typeof kinds,
  target: Host,
  family: "v4" | "v6",
): Promise<void> {
  const ip = (...args: string[]): Promise<string> =>
    host.run("ip", [family === "v4" ? "-4" : "-6", "route", ...args]);
  const address = family === "v4" ? target.address : target.address6;
  if (kind !== "missing") {
    await ip("add", kind, address);
    return;
  }
  // Only its own zone is left, where the coordinator is.
  const [, gateway] = /via (\S+)/.exec(await ip("show", "default"))!;
  await ip("del", "default");
  await ip("add", zonePrefixes(1)[family], "via", gateway!, "dev", "eth0");
}
