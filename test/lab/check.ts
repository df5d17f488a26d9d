/** Runs the real `portmesh check` with real agents inside a lab, as a user would on real hosts. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Report, ReportPath } from "../../shared/report.ts";
import { Agents } from "./agents.ts";
import { writeCluster, type LabCluster } from "./cluster.ts";
import type { Lab } from "./lab.ts";

const launcher = join(import.meta.dirname, "../../bin/portmesh");

export type { LabNode } from "./cluster.ts";

export interface LabCheckOptions extends LabCluster {
  /** The host that runs the coordinator. */
  control: string;
  /** Nodes without an agent. */
  absent?: readonly string[];
  args?: readonly string[];
  /** What is left out; a lab of ports alone needs no settings of hosts, and has no way out. */
  skip?: readonly string[];
  /** The environment of single agents, over that of the tests. */
  env?: Readonly<Record<string, NodeJS.ProcessEnv>>;
  /** What every agent may reach beside private addresses, as its policy file has it. */
  policy?: { allow?: readonly string[]; endpoints?: readonly string[] };
  /** Called when all agents but the last of `nodes` hold their ports; probing begins only when that one does, too. */
  beforeLast?: (agents: ReadonlyMap<string, ChildProcess>) => Promise<unknown> | void;
  /** Called when every agent runs. */
  during?: (agents: ReadonlyMap<string, ChildProcess>, check: ChildProcess) => Promise<unknown> | void;
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
  const clusterFile = writeCluster(folder, lab, options);
  const joinFile = join(folder, "join");
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
    ...skipArguments(options.skip ?? ["endpoints", "requirements"]),
    ...(options.args ?? []),
  ]);
  const output = collect(check.stdout!);
  const progress = collect(check.stderr!);
  const ended = once(check, "exit") as Promise<[number | null]>;
  await Promise.race([fileAppears(joinFile), ended]);
  using agents = new Agents(lab, joinFile, { env: options.env, policyFile: writePolicy(folder, options) });
  const names = options.nodes
    .map(({ name }) => name)
    .filter((name) => options.absent?.includes(name) !== true);
  const late = options.beforeLast === undefined ? [] : names.splice(-1);
  for (const name of names) agents.start(name);
  if (options.beforeLast !== undefined) {
    await Promise.race([agents.haveJoined(), ended]);
    await options.beforeLast(agents.processes);
  }
  for (const name of late) agents.start(name);
  await options.during?.(agents.processes, check);
  const [exitCode] = await ended;
  const sinceLastJoinMs = performance.now() - agents.lastJoinAt;
  await agents.end();
  return {
    exitCode,
    report: parse(output.text, progress.text),
    progress: progress.text,
    sinceLastJoinMs,
    peakRss: agents.peakRss,
  };
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

function writePolicy(folder: string, { policy }: LabCheckOptions): string | undefined {
  if (policy === undefined) return undefined;
  const file = join(folder, "policy.yaml");
  writeFileSync(file, JSON.stringify(policy));
  return file;
}

function skipArguments(skip: readonly string[]): string[] {
  return skip.length === 0 ? [] : ["--skip", skip.join(",")];
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
