/** Runs the command line as a user does: the launcher, real processes, real exit codes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const launcher = join(import.meta.dirname, "../../bin/portmesh");

export interface Finished {
  exitCode: number | null;
  out: string;
  err: string;
}

/** A process with what it printed so far. It is killed when the test that owns it is over. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  out = "";
  err = "";

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(launcher, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.child.stdout!.on("data", (chunk: Buffer) => {
      this.out += chunk.toString();
    });
    this.child.stderr!.on("data", (chunk: Buffer) => {
      this.err += chunk.toString();
    });
    this.finished = once(this.child, "close").then(([exitCode]) => ({
      exitCode: exitCode as number | null,
      out: this.out,
      err: this.err,
    }));
  }

  /** Resolves once stderr contains the text. */
  async says(text: string, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.err.includes(text)) {
      if (performance.now() > deadline || this.child.exitCode !== null)
        throw new Error(`never said ${JSON.stringify(text)}: ${this.err}`);
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await this.finished;
  }
}

export function portmesh(...args: string[]): Promise<Finished> {
  return new Running(args).finished;
}

export async function fileAppears(path: string, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!existsSync(path)) {
    if (performance.now() > deadline) throw new Error(`${path} did not appear`);
    await sleep(20);
  }
}

/** A small product of the tests' own: a few ports, every protocol. */
export const smallSpec = {
  id: "small",
  title: "Small product",
  version: "1.0.0",
  source: [{ id: "guide", title: "A guide", lines: 9, sha256: "0".repeat(64), read: "2026-01-01" }],
  options: {},
  roles: { nodes: { title: "All nodes", place: "in-cluster", everyNode: true, doc: "guide:1" } },
  flows: [
    flow("plain", "tcp", "31801-31805", "rpc", "none"),
    flow("gossip", "udp", "31801-31803", "gossip", "none"),
    flow("secured", "tcp", "31811", "https", "tls"),
    flow("mutual", "tcp", "31812", "grpc", "mtls"),
    flow("socket", "tcp", "31813", "websocket", "none"),
    flow("secured-socket", "tcp", "31814", "websocket", "tls"),
  ],
  endpoints: [],
  requirements: [],
};

function flow(name: string, transport: string, ports: string, application: string, security: string): object {
  return {
    name,
    from: ["nodes"],
    to: ["nodes"],
    transport,
    ports,
    application,
    security,
    scope: "cluster",
    phase: "both",
    level: "required",
    description: `The ${name} ports.`,
    doc: "guide:2",
  };
}
