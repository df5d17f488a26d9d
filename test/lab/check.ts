/** Runs the real `portmesh check` with real agents inside a lab, as a user would on real hosts. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Report, ReportPath } from "../../shared/report.ts";
import type { Host, Lab } from "./lab.ts";

const launcher = join(import.meta.dirname, "../../bin/portmesh");

export interface LabNode {
  name: string;
  roles?: readonly string[];
  /** Which of the host's addresses the cluster file names. */
  families?: readonly ("v4" | "v6")[];
}

export interface LabCheckOptions {
  /** As in a cluster file. */
  specs: readonly ({ id: string; options?: Record<string, unknown> } | { file: string })[];
  nodes: readonly LabNode[];
  /** The host that runs the coordinator. */
  control: string;
  /** Nodes without an agent. */
  absent?: readonly string[];
  args?: readonly string[];
  /** Called when every agent runs. */
  during?: (agents: ReadonlyMap<string, ChildProcess>, check: ChildProcess) => Promise<void> | void;
}

export interface LabCheckResult {
  exitCode: number | null;
  report: Report;
  /** What `check` said on stderr. */
  progress: string;
  /** From the last agent's "joined" to the end of the check. */
  sinceLastJoinMs: number;
  /** The largest resident set of each agent, in bytes. */
  peakRss: ReadonlyMap<string, number>;
}

export async function runLabCheck(lab: Lab, options: LabCheckOptions): Promise<LabCheckResult> {
  const folder = mkdtempSync(join(tmpdir(), "portmesh-lab-"));
  try {
    return await runIn(folder, lab, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, lab: Lab, options: LabCheckOptions): Promise<LabCheckResult> {
  const clusterFile = join(folder, "cluster.yaml");
  const joinFile = join(folder, "join");
  writeFileSync(clusterFile, JSON.stringify(clusterOf(lab, options)));
  const control = lab.host(options.control);
  const check = control.spawn(launcher, [
    "check",
    clusterFile,
    "--join-file",
    joinFile,
    "--advertise",
    control.address,
    "--wait",
    "60s",
    "-o",
    "json",
    ...(options.args ?? []),
  ]);
  const output = collect(check.stdout!);
  const progress = collect(check.stderr!);
  const ended = once(check, "exit") as Promise<[number | null]>;
  await Promise.race([fileAppears(joinFile), ended]);
  const agents = new Map(
    options.nodes
      .filter(({ name }) => options.absent?.includes(name) !== true)
      .map(({ name }) => [name, startAgent(lab.host(name), name, joinFile)]),
  );
  let lastJoinAt = 0;
  for (const { stderr } of agents.values()) {
    stderr!.on("data", (chunk: Buffer) => {
      if (chunk.includes("joined")) lastJoinAt = performance.now();
    });
  }
  const peakRss = new Map<string, number>();
  const watching = setInterval(() => {
    for (const [name, { pid }] of agents) peakRss.set(name, Math.max(peakRss.get(name) ?? 0, peakOf(pid!)));
  }, 100);
  try {
    await options.during?.(agents, check);
    const [exitCode] = await ended;
    const sinceLastJoinMs = performance.now() - lastJoinAt;
    await Promise.all(Array.from(agents.values(), endAgent));
    return {
      exitCode,
      report: parse(output.text, progress.text),
      progress: progress.text,
      sinceLastJoinMs,
      peakRss,
    };
  } finally {
    clearInterval(watching);
  }
}

/** `n3>n1 etcd dropped`: every path that does not pass, for whole comparison. */
export function findings(report: Report): string[] {
  return report.paths
    .filter(({ verdict }) => verdict !== "pass")
    .map(describe)
    .toSorted();
}

function describe({ from, to, flow, reason, intervals }: ReportPath): string {
  const ports = (intervals ?? [])
    .filter((interval) => interval.verdict !== "pass")
    .map((interval) => interval.ports);
  return `${from}>${to} ${flow} ${reason}${ports.length === 0 ? "" : ` ${ports.join(",")}`}`;
}

function clusterOf(lab: Lab, options: LabCheckOptions): object {
  return {
    name: "lab",
    specs: options.specs,
    nodes: options.nodes.map(({ name, roles = [], families = ["v4"] }) => {
      const host = lab.host(name);
      return {
        name,
        addresses: families.map((family) => (family === "v4" ? host.address : host.address6)),
        roles,
        zone: host.zone,
      };
    }),
  };
}

function startAgent(host: Host, name: string, joinFile: string): ChildProcess {
  return host.spawn(launcher, ["agent", "run", "--join-file", joinFile, "--name", name]);
}

/** Agents end by themselves when the check tells them; one that could not be told is ended. */
async function endAgent(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const exited = once(agent, "exit");
  const timers = [
    setTimeout(() => agent.kill("SIGTERM"), 3_000),
    setTimeout(() => agent.kill("SIGKILL"), 20_000),
  ];
  await exited;
  timers.forEach(clearTimeout);
}

async function fileAppears(path: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!existsSync(path)) {
    if (performance.now() > deadline) throw new Error(`${path} did not appear`);
    await sleep(50);
  }
}

function collect(stream: NodeJS.ReadableStream): { text: string } {
  const collected = { text: "" };
  stream.on("data", (chunk: Buffer) => {
    collected.text += chunk.toString();
  });
  return collected;
}

function parse(text: string, progress: string): Report {
  try {
    return JSON.parse(text) as Report;
  } catch {
    throw new Error(`the check printed no report: ${text.slice(0, 500)}\n${progress.slice(-2_000)}`);
  }
}

/** The kernel's own high-water mark; 0 once the process has ended. */
function peakOf(pid: number): number {
  try {
    return (
      Number(/^VmHWM:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1_024
    );
  } catch {
    return 0;
  }
}
