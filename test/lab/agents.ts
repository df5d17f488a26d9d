/** The agents of one check, each a process on a host of the lab. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "./lab.ts";

const launcher = join(import.meta.dirname, "../../bin/portmesh");
/** A loaded machine starts a dozen agents in far less. */
const joinMs = 60_000;

interface AgentsOptions {
  /** Of single agents, over that of the tests. */
  env?: Readonly<Record<string, NodeJS.ProcessEnv>> | undefined;
  policyFile?: string | undefined;
}

export class Agents implements Disposable {
  readonly processes = new Map<string, ChildProcess>();
  /** The largest resident set of each agent, in bytes. */
  readonly peakRss = new Map<string, number>();
  lastJoinAt = 0;
  readonly #joined = new Set<string>();
  readonly #lab: Lab;
  readonly #joinFile: string;
  readonly #env: Readonly<Record<string, NodeJS.ProcessEnv>>;
  readonly #policy: readonly string[];
  readonly #watching: NodeJS.Timeout;

  constructor(lab: Lab, joinFile: string, { env = {}, policyFile }: AgentsOptions = {}) {
    this.#lab = lab;
    this.#joinFile = joinFile;
    this.#env = env;
    this.#policy = policyFile === undefined ? [] : ["--policy", policyFile];
    this.#watching = setInterval(() => this.#watch(), 100);
  }

  start(name: string): void {
    const args = ["agent", "run", "--join-file", this.#joinFile, "--name", name, ...this.#policy];
    const env = { ...process.env, ...this.#env[name] };
    const agent = this.#lab.host(name).spawn(launcher, args, { env });
    agent.stderr!.on("data", (chunk: Buffer) => {
      if (!chunk.includes("joined")) return;
      this.lastJoinAt = performance.now();
      this.#joined.add(name);
    });
    this.processes.set(name, agent);
  }

  /** Resolves once every agent that was started has said that it holds its ports. */
  async haveJoined(): Promise<void> {
    const deadline = performance.now() + joinMs;
    while (this.#joined.size < this.processes.size) {
      if (performance.now() > deadline)
        throw new Error(`only ${[...this.#joined].join(", ") || "nobody"} joined`);
      await sleep(20);
    }
    // What it says to people it says to the coordinator next.
    await sleep(200);
  }

  /** Agents end by themselves when the check tells them; one that could not be told is ended. */
  async end(): Promise<void> {
    await Promise.all(Array.from(this.processes.values(), endAgent));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watching);
  }

  #watch(): void {
    for (const [name, { pid }] of this.processes)
      this.peakRss.set(name, Math.max(this.peakRss.get(name) ?? 0, peakOf(pid!)));
  }
}

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
