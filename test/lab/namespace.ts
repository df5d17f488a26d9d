/** One network namespace: where commands and long-running processes of a lab live. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run, type RunOptions } from "./command.ts";
import { etcOf } from "./leftovers.ts";

/** Long enough for a process to write its coverage and say goodbye. */
const goodbyeMs = 3_000;

export class Namespace {
  /** As people call it: `n1`, `router`. */
  readonly name: string;
  /** As the kernel's tools call it: `ip netns exec NAMESPACE …`. */
  readonly namespace: string;
  readonly #children = new Set<ChildProcess>();
  #isClosed = false;

  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  /**
   * Starts a process inside. `ip netns exec` becomes the command (and shows it the /sys of the namespace), so
   * the child's pid is the command's own and signals reach it. It ends with the lab.
   */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const child = spawn("ip", this.#inside(command, args), { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.#children.add(child);
    const forget = (): void => void this.#children.delete(child);
    child.once("exit", forget).once("error", forget);
    return child;
  }

  /** Runs a command inside to its end and resolves with what it printed. */
  run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return run("ip", this.#inside(command, args), options);
  }

  /**
   * What starts inside from now on finds this text in /etc/NAME, which must exist on the machine: `ip netns exec`
   * mounts it there (ip-netns(8)). It goes with the namespace.
   */
  writeEtc(name: string, text: string): void {
    const folder = etcOf(this.namespace);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), text);
  }

  /** After that nothing in it needs to be undone: it is about to go, with all its rules and links. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends what `spawn` started: asks first, then insists. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#children].map(endProcess));
  }

  #inside(command: string, args: readonly string[]): string[] {
    return ["netns", "exec", this.namespace, command, ...args];
  }
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  // A stopped process receives nothing else before it goes on.
  child.kill("SIGCONT");
  const patience = new AbortController();
  const isLate = sleep(goodbyeMs, true, { signal: patience.signal }).catch(() => false);
  if (await Promise.race([exited.then(() => false), isLate])) child.kill("SIGKILL");
  patience.abort();
  await exited;
}
