/** `portmesh coordinator run` over its whole life: what changes is told once, when it is sure, and nothing else is. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { ReportPath } from "../../shared/report.ts";
import { fileAppears } from "../helpers/cli.ts";
import { writeCluster } from "./cluster.ts";
import { Lab } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(200_000);

const launcher = join(import.meta.dirname, "../../bin/portmesh");
const names = ["n1", "n2", "n3"];
const spec = labSpec({
  roles: { probers: "in-cluster", targets: "in-cluster" },
  flows: [
    { name: "rpc", transport: "tcp", ports: "31801-31803" },
    { name: "gossip", transport: "udp", ports: "31801" },
    { name: "web", transport: "tcp", ports: "31810", application: "http" },
  ],
});
const paths = 6;

interface Printed {
  from: { verdict: string; reason: string };
  to: { verdict: string; reason: string };
  at: string;
  path: ReportPath;
}

/** A process in a host of the lab, with what it has said so far. */
class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<[number | null]>;
  out = "";
  err = "";

  constructor(child: ChildProcess) {
    this.child = child;
    this.ended = once(child, "exit") as Promise<[number | null]>;
    child.stdout!.on("data", (chunk: Buffer) => (this.out += chunk.toString()));
    child.stderr!.on("data", (chunk: Buffer) => (this.err += chunk.toString()));
  }

  get transitions(): Printed[] {
    const whole = this.out.slice(0, this.out.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Printed);
  }

  /** When each round ended, as the coordinator says. */
  get rounds(): Date[] {
    return Array.from(this.err.matchAll(/^(\S+Z) \d+ pass/gm), ([, time]) => new Date(time!));
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + 90_000;
    while (!isSo()) {
      if (performance.now() > deadline || this.child.exitCode !== null)
        throw new Error(`never: ${what}\n${this.out.slice(-2_000)}\n${this.err.slice(-2_000)}`);
      await sleep(20);
    }
  }
}

const linesOf = (transitions: readonly Printed[]): string[] =>
  transitions.map(
    ({ from, to, path }) => `${path.from}>${path.to} ${path.flow} ${from.reason} > ${to.reason}`,
  );

t.test("a drop and the end of a service are told once each, and all ends in good order", async (t) => {
  await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
  // The usual folders of tests have paths that are too long for sockets.
  const folder = mkdtempSync(join(tmpdir(), "portmesh-lab-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const nodes = names.map((name) => ({ name, roles: [name === "n1" ? "probers" : "targets"] }));
  const probing = { interval: "5s", timeout: "3200ms" };
  const clusterFile = writeCluster(folder, lab, { specs: [{ spec }], nodes, probing });
  const joinFile = join(folder, "join");
  const start = (name: string, ...args: string[]): Process =>
    new Process(lab.host(name).spawn(launcher, args));
  const joining = ["--join-file", joinFile];
  const coordinator = start(
    "n1",
    "coordinator",
    "run",
    clusterFile,
    ...joining,
    "--advertise",
    lab.host("n1").address,
    "-o",
    "json",
  );
  await fileAppears(joinFile);
  const stateDir = ["--state-dir", join(folder, "state")];
  const agents = names.map((name) => start(name, "agent", "run", ...joining, "--name", name, ...stateDir));

  await coordinator.until("every path passes", () => coordinator.transitions.length === paths);
  t.ok(
    coordinator.transitions.every(({ from, to }) => from.verdict === "unknown" && to.reason === "reachable"),
    "all pass at first",
  );

  const faultAt = new Date();
  const fault = await lab.fault({
    at: "router",
    hook: "forward",
    from: "n1",
    to: "n3",
    transport: "tcp",
    ports: "31802",
    action: "drop",
  });
  // Meanwhile a port is handed over to the real service.
  await lab.host("n2").run(launcher, ["agent", "yield", "31810", "--name", "n2", ...stateDir]);
  const script = `require("node:http").createServer((_, answer) => answer.end()).listen(31810, () => console.log("serving"))`;
  const service = new Process(lab.host("n2").spawn(process.execPath, ["-e", script]));
  await service.until("it serves", () => service.out.includes("serving"));
  await agents[1]!.until("the agent has found it", () =>
    agents[1]!.err.includes("found a service on tcp/31810"),
  );

  await coordinator.until("a path has failed", () => coordinator.transitions.length > paths);
  t.ok((await fault.packets()) > 0);
  const [failed] = coordinator.transitions.slice(paths);
  t.match(failed, {
    from: { verdict: "pass", reason: "reachable" },
    to: { verdict: "fail", reason: "dropped" },
    path: { intervals: [{}, { ports: "31802", reason: "dropped" }, {}] },
  });
  const failedAt = new Date(failed!.at);
  t.ok(
    coordinator.rounds.filter((at) => at > faultAt && at < failedAt).length >= 2,
    "its third bad round at the earliest",
  );

  await fault[Symbol.asyncDispose]();
  service.child.kill("SIGKILL");
  await coordinator.until("both ends are told", () => coordinator.transitions.length >= paths + 3);
  const before = coordinator.rounds.length;
  await coordinator.until("another round", () => coordinator.rounds.length > before);
  t.strictSame(
    linesOf(coordinator.transitions.slice(paths)),
    ["n1>n3 rpc reachable > dropped", "n1>n3 rpc dropped > reachable", "n1>n2 web served > closed"],
    "and nothing else has changed",
  );
  t.match(coordinator.transitions.at(-1)?.path.evidence.target, {
    listener: "absent",
    detail: /given up by request/,
  });

  coordinator.child.kill("SIGTERM");
  t.strictSame((await coordinator.ended)[0], 143);
  for (const [index, agent] of agents.entries()) {
    t.strictSame((await agent.ended)[0], 0, `the agent on ${names[index]} ends with it`);
  }
  t.notOk(existsSync(joinFile), "no join file is left");
});
