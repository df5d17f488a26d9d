/** Anypoint Runtime Fabric on six hosts in three zones: the whole port table, every port of the ranges. */
import t from "tap";
import { findings, runLabCheck, type LabCheckOptions } from "../check.ts";
import { Lab } from "../lab.ts";

// Thousands of real probes by real processes on however few cores there are.
t.setTimeout(300_000);

const names = ["n1", "n2", "n3", "n4", "n5", "n6"];
const controllers = new Set(["n1", "n2", "n3"]);
const zoneOf = (name: string): string => ["a", "b", "c"][(Number(name.slice(1)) - 1) % 3]!;

const options: LabCheckOptions = {
  specs: [{ id: "anypoint-runtime-fabric", options: { region: "us" } }],
  nodes: names.map((name) => ({ name, roles: controllers.has(name) ? ["controller-nodes"] : [] })),
  control: "n1",
};

t.test("with nothing blocked every path passes, to the last port", async (t) => {
  await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: zoneOf(name) })) });
  const { report, exitCode, sinceLastJoinMs, peakRss } = await runLabCheck(lab, options);
  t.strictSame(findings(report), []);
  t.equal(exitCode, 0);
  t.equal(report.summary.verdict, "pass");
  const ranges = report.paths.filter(({ ports }) => ports === "30000-32767");
  t.equal(ranges.length, 2 * 6 * 5, "TCP and UDP, between all nodes");
  t.ok(ranges.every(({ coverage }) => coverage === "2768/2768"));
  t.comment(`${report.summary.probes} probes, ${Math.round(sinceLastJoinMs)} ms since the last join`);
  t.comment(`largest agent ${Math.round(Math.max(...peakRss.values()) / 1e6)} MB`);
});

t.test("faults are found exactly, and nothing else", async (t) => {
  await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: zoneOf(name) })) });
  await lab.fault({ at: "n5", hook: "input", transport: "udp", ports: "30500-30599", action: "drop" });
  await lab.fault({
    at: "router",
    hook: "forward",
    from: "n3",
    to: "n1",
    transport: "tcp",
    ports: "2379",
    action: "drop",
  });
  await lab.fault({
    at: "n2",
    hook: "input",
    from: "n4",
    transport: "tcp",
    ports: "6443",
    action: "reject-reset",
  });
  await lab.fault({
    at: "router",
    hook: "forward",
    from: { zone: "b" },
    to: { zone: "c" },
    transport: "udp",
    ports: "8472",
    action: "drop",
  });
  const { report, exitCode } = await runLabCheck(lab, options);
  const intoN5 = names
    .filter((name) => name !== "n5")
    .map((from) => `${from}>n5 application-services-udp dropped 30500-30599`);
  const zoneBtoC = ["n2", "n5"].flatMap((from) =>
    ["n3", "n6"].map((to) => `${from}>${to} overlay-network dropped`),
  );
  t.strictSame(
    findings(report),
    [...intoN5, ...zoneBtoC, "n3>n1 etcd dropped 2379", "n4>n2 kubernetes-api-https rejected"].toSorted(),
  );
  t.equal(exitCode, 3);
});
