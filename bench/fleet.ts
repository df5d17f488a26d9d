/** One coordinator, as it is run, with simulated agents over real links; and what it needs for them. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Children } from "./children.ts";

const root = join(import.meta.dirname, "..");
const pollMs = 250;
/** A thousand agents join within a minute; a busy host needs longer. */
const patienceMs = 10 * 60_000;
/** Clock ticks of /proc/PID/stat; USER_HZ is 100 wherever Linux runs. */
export const ticksPerSecond = 100;

/** What `/metrics` says, by name with its labels. */
export interface Scrape {
  ms: number;
  series: number;
  of: (series: string) => number;
}

export class Fleet {
  readonly size: number;
  /** From its start until it answered, in seconds. */
  readonly startSeconds: number;
  readonly folder: string;
  readonly #children: Children;
  readonly #coordinator: ChildProcess;
  readonly #url: string;
  readonly #joinString: string;
  readonly #agents: ChildProcess[] = [];

  private constructor(
    size: number,
    folder: string,
    children: Children,
    started: { coordinator: ChildProcess; url: string; joinString: string; seconds: number },
  ) {
    this.size = size;
    this.folder = folder;
    this.#children = children;
    this.#coordinator = started.coordinator;
    this.#url = started.url;
    this.#joinString = started.joinString;
    this.startSeconds = started.seconds;
  }

  static async start(size: number, parent: string, children: Children): Promise<Fleet> {
    const folder = mkdtempSync(join(parent, `fleet-${size}-`));
    const file = join(folder, "cluster.yaml");
    writeFileSync(file, clusterFile(size));
    const joinFile = join(folder, "join");
    const main = ["--disable-warning=ExperimentalWarning", ...nodeFlags(), join(root, "cli/main.ts")];
    const run = ["coordinator", "run", file, "--data-dir", join(folder, "data"), "--join-file", joinFile];
    const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "-o", "json"];
    const startedAt = performance.now();
    const { child, text } = await children.startQuiet(
      process.execPath,
      [...main, ...run, ...ports],
      /metrics on (http\S+)/,
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    const url = /metrics on (http\S+)/.exec(text)![1]!.replace(/\/$/, "");
    const joinString = readFileSync(joinFile, "utf8").trim();
    return new Fleet(size, folder, children, { coordinator: child, url, joinString, seconds });
  }

  /** All join; resolves when every path is proved. */
  async join(): Promise<void> {
    const script = join(import.meta.dirname, "simulated-agents.ts");
    // The last one is a process of its own, to be killed.
    for (const [first, count] of [
      [1, this.size - 1],
      [this.size, 1],
    ]) {
      const args = [script, this.#joinString, String(first), String(count), String(this.size)];
      const { child } = await this.#children.startQuiet(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", ...args],
        /all have dialled/,
      );
      this.#agents.push(child);
    }
    await this.until(({ pass, fail, warn, unknown }) => pass > 0 && fail + warn + unknown === 0);
  }

  /** Half of the nodes is cut off from the other half, and one node is gone. */
  cut(): void {
    for (const agents of this.#agents) agents.stdin!.write("cut\n");
    this.#agents.at(-1)!.kill("SIGKILL");
  }

  heal(): void {
    this.#agents[0]!.stdin!.write("heal\n");
  }

  async until(
    isReached: (paths: Record<"pass" | "warn" | "fail" | "unknown", number>) => boolean,
  ): Promise<void> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const paths = await this.paths();
      if (isReached(paths)) return;
      if (performance.now() > deadline)
        throw new Error(
          `${this.size} agents: still ${JSON.stringify(paths)} after ${patienceMs / 60_000} min`,
        );
      await sleep(pollMs);
    }
  }

  async paths(): Promise<Record<"pass" | "warn" | "fail" | "unknown", number>> {
    const { paths } = JSON.parse(await this.#read("/api/v1/status")) as {
      paths: Record<"pass" | "warn" | "fail" | "unknown", number>;
    };
    return paths;
  }

  async scrape(): Promise<Scrape> {
    const startedAt = performance.now();
    const text = await this.#read("/metrics");
    const ms = performance.now() - startedAt;
    const values = new Map<string, number>();
    for (const line of text.split("\n")) {
      const at = line.lastIndexOf(" ");
      if (!line.startsWith("#") && at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)));
    }
    return { ms, series: values.size, of: (name) => values.get(name) ?? Number.NaN };
  }

  /** User and system time of the coordinator so far, of all its threads. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#coordinator.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  get rssMb(): number {
    return this.#status("VmRSS");
  }

  /** Since the last `forgetPeak`. */
  get peakRssMb(): number {
    return this.#status("VmHWM");
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.#coordinator.pid}/clear_refs`, "5");
  }

  async end(): Promise<void> {
    for (const agents of this.#agents) await this.#children.endOne(agents);
    await this.#children.endOne(this.#coordinator);
  }

  /** Over a connection of its own: one that is kept may be closed just now. */
  async #read(path: string): Promise<string> {
    const response = await fetch(`${this.#url}${path}`, { headers: { connection: "close" } });
    return response.text();
  }

  #status(key: string): number {
    const status = readFileSync(`/proc/${this.#coordinator.pid}/status`, "utf8");
    return (Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)![1]) * 1_024) / 1e6;
  }
}

/** For a profile of the coordinator: PORTMESH_BENCH_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/x". */
function nodeFlags(): string[] {
  return (process.env["PORTMESH_BENCH_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
}

/** All nodes of Dynatrace Managed, in two zones. */
function clusterFile(size: number): string {
  const nodes = Array.from({ length: size }, (_, index) => {
    const address = `10.${index >> 14}.${(index >> 7) & 127}.${(index & 127) + 1}`;
    const zone = index >= size / 2 ? "b" : "a";
    return `  - { name: n${index + 1}, address: ${address}, roles: [cluster-nodes], zone: ${zone} }`;
  });
  return ["name: bench", "specs: [{ id: dynatrace-managed }]", "nodes:", ...nodes, ""].join("\n");
}
