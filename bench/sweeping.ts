/**
 * What one real agent costs its host while a cluster of Dynatrace Managed is watched: 20 nodes, and 1,000. Its peers
 * hold their ports on the far host and answer with proof; their own sweeps are made up.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Measurement, Subject, Unit } from "./measure.ts";
import { farAddressOf, nearAddress } from "./network.ts";
import { ticksPerSecond } from "./fleet.ts";
import type { Setting } from "./setting.ts";

const sizes = [20, 1_000] as const;
const root = join(import.meta.dirname, "..");
const quiet = "--disable-warning=ExperimentalWarning";
/** As `bin/portmesh` starts an agent. */
const agentFlags = ["--max-semi-space-size=1", "--optimize-for-size", "--no-opt"];
/** All have joined, and the first sweeps are over. */
const settleMs = 60_000;
const metricsAt = "127.0.0.1:7719";
/** Two intervals. */
const windowMs = 60_000;
const pollMs = 500;
/** Each holds 22 ports, and a process has no more than 20,000 descriptors on some hosts. */
const peersPerProcess = 500;
/** 80 MiB. */
const limitMb = 84;

const figures = {
  cpu: ["%", "of a core"],
  rss: ["MB", "RSS at most"],
  pss: ["MB", "PSS at most, which has the program's own pages in part"],
  sweep: ["s", "a sweep"],
  probes: ["/s", "probes"],
  measured: ["MB", "PSS at most, with --metrics"],
} as const satisfies Record<string, readonly [Unit, string]>;
type Name = keyof typeof figures;

export function sweeping(setting: Setting): Subject {
  return {
    measurements: sizes.flatMap((size) => measurementsOf(size, setting)),
    comparisons: sizes.map((size) => ({
      title: `agent among ${size} nodes: PSS`,
      of: `agent-${size}-pss`,
      atMost: limitMb,
    })),
  };
}

/** The first of them does the work, and the others say what it found. */
function measurementsOf(size: number, setting: Setting): Measurement[] {
  let results: Record<Name, number> | undefined;
  return Object.entries(figures).map(([name, [unit, title]], index) => ({
    id: `agent-${size}-${name}`,
    title: `agent among ${size} nodes: ${title}`,
    unit,
    isOnce: true,
    async run() {
      if (index === 0) results = await live(size, setting);
      return { value: results![name as Name] };
    },
  }));
}

async function live(
  size: number,
  { network, folder: parent, children }: Setting,
): Promise<Record<Name, number>> {
  const folder = mkdtempSync(join(parent, `agent-${size}-`));
  const file = join(folder, "cluster.yaml");
  writeFileSync(file, clusterFile(size));
  const joinFile = join(folder, "join");
  const main = [quiet, join(root, "cli/main.ts")];
  const data = ["--data-dir", join(folder, "data"), "--join-file", joinFile, "--http", "127.0.0.1:0"];
  const listen = ["--listen", `${nearAddress}:0`];
  const run = [...main, "coordinator", "run", file, ...data, ...listen, "-o", "json"];
  const coordinator = await network.start("near", process.execPath, run, "metrics on");
  const text = readFileSync(joinFile, "utf8").trim();
  const script = join(import.meta.dirname, "simulated-agents.ts");
  const far: ChildProcess[] = [];
  for (let first = 2; first <= size; first += peersPerProcess) {
    const count = Math.min(peersPerProcess, size - first + 1);
    const peers = [script, text, String(first), String(count), String(size), "hold"];
    far.push(await network.start("far", process.execPath, [quiet, ...peers], "all have dialled"));
  }
  const state = ["--join-file", joinFile, "--name", "n1", "--state-dir", join(folder, "state")];
  const own = [...agentFlags, ...main, "agent", "run", ...state];
  try {
    const plain = await watched(own, network, children);
    const counted = await watched([...own, "--metrics", metricsAt], network, children, () =>
      network.run("near", "curl", ["-sS", `http://${metricsAt}/metrics`]),
    );
    const { seconds, before, after } = counted;
    const grown = (name: string): number => sumOf(after, name) - sumOf(before, name);
    const sweep = "portmesh_agent_sweep_duration_seconds";
    return {
      cpu: plain.cpu,
      rss: plain.rss,
      pss: plain.pss,
      sweep: grown(`${sweep}_sum`) / grown(`${sweep}_count`),
      probes: grown("portmesh_agent_probes_total") / seconds,
      measured: counted.pss,
    };
  } finally {
    for (const each of [...far, coordinator]) await children.endOne(each);
  }
}

/** One life of the agent. */
async function watched(
  args: readonly string[],
  network: Setting["network"],
  children: Setting["children"],
  scrape: () => Promise<string> = () => Promise.resolve(""),
): Promise<Record<"cpu" | "rss" | "pss" | "seconds", number> & Record<"before" | "after", string>> {
  const agent = await network.start("near", process.execPath, args, "joined bench");
  try {
    await sleep(settleMs);
    const before = await scrape();
    const startedAt = performance.now();
    const cpuBefore = cpuSeconds(agent.pid!);
    let rss = 0;
    let pss = 0;
    while (performance.now() - startedAt < windowMs) {
      const rollup = readFileSync(`/proc/${agent.pid}/smaps_rollup`, "utf8");
      rss = Math.max(rss, megabytes(rollup, "Rss"));
      pss = Math.max(pss, megabytes(rollup, "Pss"));
      await sleep(pollMs);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    const cpu = ((cpuSeconds(agent.pid!) - cpuBefore) / seconds) * 100;
    return { cpu, rss, pss, seconds, before, after: await scrape() };
  } finally {
    await children.endOne(agent);
  }
}

function sumOf(text: string, name: string): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

function megabytes(rollup: string, key: string): number {
  return (Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(rollup)![1]) * 1_024) / 1e6;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function clusterFile(size: number): string {
  const nodes = Array.from({ length: size }, (_, index) => {
    const address = index === 0 ? nearAddress : farAddressOf(index);
    const zone = index >= size / 2 ? "b" : "a";
    return `  - { name: n${index + 1}, address: ${address}, roles: [cluster-nodes], zone: ${zone} }`;
  });
  return ["name: bench", "specs: [{ id: dynatrace-managed }]", "nodes:", ...nodes, ""].join("\n");
}
