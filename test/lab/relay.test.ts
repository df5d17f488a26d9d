/** A node whose way to the coordinator is shut takes part all the same, through a peer. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { smallSpec } from "../helpers/cli.ts";
import { findings, runLabCheck } from "./check.ts";
import { Lab } from "./lab.ts";

t.setTimeout(200_000);

const names = ["n1", "n2", "n3"];
const nodes = names.map((name) => ({ name }));

async function labWithoutControlPath(): Promise<Lab> {
  const lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
  await lab.fault({
    at: "router",
    hook: "forward",
    from: "n3",
    to: "n1",
    transport: "tcp",
    ports: "7717",
    action: "drop",
  });
  return lab;
}

function specFile(t: Test): { file: string } {
  const file = join(t.testdir(), "small.yaml");
  writeFileSync(file, JSON.stringify(smallSpec));
  return { file };
}

t.test("it joins through a peer, its faults are found, and the report says how it came", async (t) => {
  await using lab = await labWithoutControlPath();
  await lab.fault({ at: "n2", hook: "input", from: "n3", transport: "tcp", ports: "31804", action: "drop" });
  const { report, exitCode, progress } = await runLabCheck(lab, {
    specs: [specFile(t)],
    nodes,
    control: "n1",
  });
  t.equal(exitCode, 3, progress);
  t.strictSame(findings(report), ["n3>n2 plain dropped 31804"]);
  const peers = new Set([lab.host("n1").address, lab.host("n2").address]);
  t.ok(peers.has(report.nodes[2]?.agent?.via?.split(":")[0] ?? ""), "through n1 or n2");
  t.strictSame(
    report.nodes.map(({ agent }) => agent?.via !== undefined),
    [false, false, true],
  );
});

t.test("the peer that passes the link on is killed in the middle: nothing false is said", async (t) => {
  await using lab = await labWithoutControlPath();
  // Makes the round last: these probes wait for their time-outs, and so does the second look.
  await lab.fault({ at: "n3", hook: "input", from: "n1", transport: "udp", ports: "31801", action: "drop" });
  await lab.fault({ at: "n3", hook: "input", from: "n2", transport: "udp", ports: "31801", action: "drop" });
  let killed = "";
  const { report, exitCode } = await runLabCheck(lab, {
    specs: [specFile(t)],
    nodes,
    control: "n1",
    async during(agents, check) {
      const probing = says(check, /probes [0-9]+\/72/);
      const [, relay] = await says(agents.get("n3")!, / through ([0-9.]+):[0-9]+;/);
      await probing;
      killed = names.find((name) => lab.host(name).address === relay)!;
      agents.get(killed)!.kill("SIGKILL");
    },
  });
  t.equal(report.nodes.find(({ name }) => name === killed)?.agent?.state ?? "gone", "gone");
  const failed = report.paths.filter(({ verdict }) => verdict === "fail");
  const other = names.find((name) => name !== killed && name !== "n3")!;
  t.ok(
    failed.every(({ to, flow, from }) => to === "n3" && flow === "gossip" && from !== "n3"),
    `only what is blocked: ${findings(report).join("; ")}`,
  );
  t.ok(
    report.paths.every(({ to, verdict }) => to !== killed || verdict === "pass" || verdict === "unknown"),
    "of the node whose agent died nothing is said but what was proven before",
  );
  t.ok(report.paths.some(({ from, to, verdict }) => from === other && to === "n3" && verdict === "pass"));
  t.ok(exitCode === 3 || exitCode === 5);
});

/** Waits for a line on the stderr of a process that may have more readers. */
async function says(process: ChildProcess, what: RegExp): Promise<RegExpExecArray> {
  let said = "";
  for (;;) {
    const found = what.exec(said);
    if (found !== null) return found;
    const [chunk] = (await once(process.stderr!, "data")) as [Buffer];
    said += chunk.toString();
  }
}
