/** Without a coordinator, with real firewalls: the merged bundles say what a check says of the same network. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Report } from "../../shared/report.ts";
import { launcher, portmesh, smallSpec } from "../helpers/cli.ts";
import { findings, runLabCheck } from "./check.ts";
import { Lab } from "./lab.ts";

t.setTimeout(300_000);

const names = ["n1", "n2", "n3"];

/** What both ways of checking must agree on. */
function verdictsOf(report: Report): object[] {
  return report.paths.map(({ from, to, flow, verdict, reason, intervals, coverage }) => ({
    from,
    to,
    flow,
    verdict,
    reason,
    intervals,
    coverage,
  }));
}

t.test(
  "a merge finds what a check finds, wherever it was blocked, though agents start one by one",
  async (t) => {
    await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
    const folder = t.testdir({ "small.yaml": JSON.stringify(smallSpec) });
    await lab.fault({
      at: "n2",
      hook: "input",
      from: "n3",
      transport: "tcp",
      ports: "31804",
      action: "drop",
    });
    await lab.fault({ at: "n1", hook: "input", transport: "tcp", ports: "31811", action: "reject-reset" });
    await lab.fault({
      at: "router",
      hook: "forward",
      from: "n2",
      to: "n1",
      transport: "udp",
      ports: "31801",
      replies: true,
      action: "drop",
    });
    const online = await runLabCheck(lab, {
      specs: [{ file: join(folder, "small.yaml") }],
      nodes: names.map((name) => ({ name })),
      control: "n1",
    });
    t.equal(online.exitCode, 3);
    t.equal(findings(online.report).length, 4, findings(online.report).join("; "));

    const nodes = names.map((name) => ({ name, addresses: [lab.host(name).address], zone: "a" }));
    const cluster = join(folder, "cluster.yaml");
    writeFileSync(cluster, JSON.stringify({ name: "lab", specs: [{ file: "./small.yaml" }], nodes }));
    const plans = join(folder, "plans");
    t.equal((await portmesh("spec", "render", cluster, "--offline", plans)).exitCode, 0);
    const bundle = (name: string): string => join(folder, `${name}.bundle`);
    const start = (name: string): ChildProcess =>
      lab
        .host(name)
        .spawn(launcher, [
          "agent",
          "--offline",
          join(plans, `${name}.plan`),
          "--for",
          "50s",
          "--bundle",
          bundle(name),
        ]);
    const agents = [start("n1"), start("n2")];
    // The third comes when the first has tried them all.
    await says(agents[0]!, /probes answered/);
    agents.push(start("n3"));
    for (const agent of agents) {
      if (agent.exitCode === null) await once(agent, "exit");
      t.equal(agent.exitCode, 0);
    }
    const merged = await portmesh("merge", "-o", "json", ...names.map(bundle));
    t.equal(merged.exitCode, online.exitCode, merged.err);
    const report = JSON.parse(merged.out) as Report;
    t.strictSame(verdictsOf(report), verdictsOf(online.report));
    t.strictSame(
      report.nodes.map(({ listeners }) => listeners),
      online.report.nodes.map(({ listeners }) => listeners),
    );

    const tampered = join(folder, "tampered.bundle");
    writeFileSync(tampered, readFileSync(bundle("n3"), "utf8").replace("BundleContent", "BundleContenT"));
    const refused = await portmesh("merge", bundle("n1"), bundle("n2"), tampered);
    t.equal(refused.exitCode, 2);
    t.match(refused.err, /tampered\.bundle: its signature does not match: it was altered/);
  },
);

t.test("without room for the bundle no window begins", async (t) => {
  await using lab = await Lab.create({ hosts: [{ name: "n1", zone: "a" }] });
  const host = lab.host("n1");
  const folder = t.testdir({ "small.yaml": JSON.stringify(smallSpec), full: {} });
  const cluster = join(folder, "cluster.yaml");
  const nodes = [{ name: "n1", address: host.address }];
  writeFileSync(cluster, JSON.stringify({ name: "lab", specs: [{ file: "./small.yaml" }], nodes }));
  t.equal((await portmesh("spec", "render", cluster, "--offline", join(folder, "plans"))).exitCode, 0);
  const full = join(folder, "full");
  const agent = `${launcher} agent --offline ${join(folder, "plans", "n1.plan")} --bundle ${full}/n1.bundle`;
  // A file system of 16 KB, seen by this process alone.
  const child = host.spawn("unshare", [
    "-m",
    "sh",
    "-c",
    `mount -t tmpfs -o size=16k none ${full} && ${agent}; code=$?; ls -A ${full}; exit $code`,
  ]);
  let out = "";
  let err = "";
  child.stdout!.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr!.on("data", (chunk: Buffer) => (err += chunk.toString()));
  await once(child, "close");
  t.equal(child.exitCode, 1);
  t.match(err, /^error: cannot write the bundle .*n1\.bundle: ENOSPC\n/);
  t.equal(out, "", "and nothing is left there");
});

async function says(process: ChildProcess, what: RegExp): Promise<void> {
  let said = "";
  while (!what.test(said)) {
    const [chunk] = (await once(process.stderr!, "data")) as [Buffer];
    said += chunk.toString();
  }
}
