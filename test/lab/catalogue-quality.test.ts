/** Networks that lose or cut down packets: warned of where a threshold asks for it, never called a firewall. */
import t from "tap";
import { runLabCheck } from "./check.ts";
import { blackHole, clampedSegments } from "./black-hole.ts";
import { expectFindings } from "./expect.ts";
import { Lab } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(300_000);
// Most of the time of a check is spent waiting.
t.jobs = 2;

const names = ["n1", "n2", "n3"];
const flows = ["few", "few-udp"];
const spec = labSpec({
  flows: [
    { name: "few", transport: "tcp", ports: "31000-31009" },
    { name: "few-udp", transport: "udp", ports: "31000-31009" },
  ],
});
const createLab = (): Promise<Lab> => Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
const pairsOf = (name: string): [from: string, to: string][] =>
  names.flatMap((other): [string, string][] =>
    other === name
      ? []
      : [
          [name, other],
          [other, name],
        ],
  );
const everyFlow = (pairs: readonly (readonly [string, string])[], reason: string): string[] =>
  pairs.flatMap(([from, to]) => flows.map((flow) => `${from}>${to} ${flow} ${reason}`));

const families = ["v4", "v6"] as const;

for (const family of families) {
  const nodes = names.map((name) => ({ name, families: [family] }));

  t.test(
    `a host that loses 30 % is lossy and not blocked, over IP${family}`,
    { buffered: true },
    async (t) => {
      await using lab = await createLab();
      const lossy = await lab.loss("n3", 0.3);
      const { report, exitCode } = await runLabCheck(lab, {
        specs: [{ spec }],
        nodes,
        control: "n1",
        thresholds: { loss: "1%" },
      });
      expectFindings(t, report, everyFlow(pairsOf("n3"), "lossy"));
      t.equal(exitCode, 0, "a warning is no failure");
      t.ok((await lossy.packets()) > 50);
    },
  );
}

t.test("without thresholds 30 % of loss are no failure and no warning", { buffered: true }, async (t) => {
  await using lab = await createLab();
  await lab.loss("n3", 0.3);
  const { report, exitCode } = await runLabCheck(lab, {
    specs: [{ spec }],
    nodes: names.map((name) => ({ name, families: ["v4", "v6"] })),
    control: "n1",
  });
  expectFindings(t, report, []);
  t.equal(exitCode, 0);
});

for (const family of families) {
  const nodes = names.map((name) => ({ name, families: [family] }));

  t.test(`an MTU black hole is found with its figure, over IP${family}`, { buffered: true }, async (t) => {
    await using lab = await createLab();
    const mtu = family === "v4" ? 1_200 : 1_300; // IPv6 has no links under 1,280
    // The agents' own link has to pass, as it does where a site clamps it.
    await clampedSegments(lab, 7_717, mtu - 100);
    const lost = await blackHole(lab, "n3", mtu);
    const { report, exitCode } = await runLabCheck(lab, { specs: [{ spec }], nodes, control: "n1" });
    expectFindings(t, report, everyFlow(pairsOf("n3"), "small-mtu"));
    t.equal(exitCode, 0);
    t.ok((await lost.packets()) > 0, "the message that would have told was lost");
    for (const { from, to, flow, reason, evidence } of report.paths)
      if (reason === "small-mtu")
        t.match(
          JSON.stringify(evidence.source),
          new RegExp(`\\b${mtu}\\b`),
          `${from}>${to} ${flow} names the figure`,
        );
  });
}

t.test(
  "a TLS handshake that stalls in a black hole fails, and the figure says why",
  { buffered: true },
  async (t) => {
    await using lab = await createLab();
    await clampedSegments(lab, 7_717, 600);
    await blackHole(lab, "n3", 700);
    const secured = labSpec({
      flows: [{ name: "secured", transport: "tcp", ports: "31000", security: "tls" }],
    });
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ spec: secured }],
      nodes: names.map((name) => ({ name })),
      control: "n1",
    });
    expectFindings(
      t,
      report,
      pairsOf("n3").map(([from, to]) => `${from}>${to} secured app-filtered`),
    );
    t.equal(exitCode, 3);
    for (const { reason, evidence } of report.paths)
      if (reason === "app-filtered") t.equal(evidence.source.quality?.blackHole?.pathMtu, 700);
  },
);

t.test("of ten thousand probes through 1 % of loss none fails", { buffered: true }, async (t) => {
  await using lab = await createLab();
  const lossy = await lab.loss("n2", 0.01);
  const ten = labSpec({
    roles: { probers: "in-cluster", targets: "in-cluster" },
    flows: [
      { name: "wide", transport: "tcp", ports: "20000-24999" },
      { name: "wide-udp", transport: "udp", ports: "20000-24999" },
    ],
  });
  const { report, exitCode } = await runLabCheck(lab, {
    specs: [{ spec: ten }],
    nodes: [
      { name: "n1", roles: ["probers"] },
      { name: "n2", roles: ["targets"] },
    ],
    control: "n1",
  });
  expectFindings(t, report, []);
  t.equal(report.summary.probes, 10_000);
  t.equal(exitCode, 0);
  t.ok((await lossy.packets()) > 100);
});
