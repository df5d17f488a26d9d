/** A coordinator and its agents as users run them: processes of this host, on addresses of its loopback interface. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "../../shared/api.ts";
import { Running, smallSpec } from "./cli.ts";

export interface WatchedClusterOptions {
  /** Names and addresses; all are of the only role of the small product. */
  nodes: Readonly<Record<string, string>>;
  zones?: Readonly<Record<string, string>>;
  /** Longer than 3.2 s, which probes wait for an answer; 5 s unless told. */
  interval?: string;
  /** More arguments of an agent. */
  agentArguments?: (node: string) => readonly string[];
}

export class WatchedCluster implements AsyncDisposable {
  /** Its path is short enough for sockets. */
  readonly folder = mkdtempSync(join(tmpdir(), "portmesh-watched-"));
  readonly clusterFile = join(this.folder, "cluster.yaml");
  readonly agents = new Map<string, Running>();
  coordinator: Running;
  readonly #agentArguments: (node: string) => readonly string[];
  #url = "";

  /** Resolves when every path passes. */
  static async start(options: WatchedClusterOptions): Promise<WatchedCluster> {
    const cluster = new WatchedCluster(options);
    try {
      await cluster.#start(options);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor({
    nodes,
    zones = {},
    interval = "5s",
    agentArguments = () => [],
  }: WatchedClusterOptions) {
    this.#agentArguments = agentArguments;
    const spec = join(this.folder, "small.yaml");
    writeFileSync(spec, JSON.stringify(smallSpec));
    const cluster = {
      name: "watched",
      specs: [{ file: spec }],
      nodes: Object.entries(nodes).map(([name, address]) => {
        const zone = zones[name];
        return { name, address, roles: ["nodes"], ...(zone === undefined ? {} : { zone }) };
      }),
      probing: { interval, timeout: "3200ms" },
    };
    writeFileSync(this.clusterFile, JSON.stringify(cluster));
    this.coordinator = this.#runCoordinator("127.0.0.1:0");
  }

  get dataDir(): string {
    return join(this.folder, "data");
  }

  get joinFile(): string {
    return join(this.folder, "join");
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return this.#url;
  }

  async get(path: string): Promise<string> {
    const response = await fetch(this.#url + path);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.get("/api/v1/status")) as Status;
  }

  async until(
    what: string,
    isSo: (status: Status) => boolean | Promise<boolean>,
    withinMs = 60_000,
  ): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const status = await this.status();
      if (await isSo(status)) return;
      if (performance.now() > deadline)
        throw new Error(`never: ${what}\n${JSON.stringify(status)}\n${this.coordinator.err}`);
      await sleep(100);
    }
  }

  /** Another one after the one that has ended, at its address. */
  async startCoordinator(listen: string): Promise<void> {
    this.coordinator = this.#runCoordinator(listen);
    await this.#isServing();
  }

  startAgent(name: string): Running {
    const args = ["--join-file", this.joinFile, "--name", name, "--state-dir", join(this.folder, "state")];
    const agent = new Running(["agent", "run", ...args, ...this.#agentArguments(name)]);
    this.agents.set(name, agent);
    return agent;
  }

  #runCoordinator(listen: string): Running {
    const reached = ["--listen", listen, "--http", "127.0.0.1:0", "--join-file", this.joinFile];
    return new Running(["coordinator", "run", this.clusterFile, "--data-dir", this.dataDir, ...reached]);
  }

  async #isServing(): Promise<void> {
    await this.coordinator.says("metrics on http");
    this.#url = /metrics on (http:\S+)/.exec(this.coordinator.err)![1]!;
  }

  async #start({ nodes }: WatchedClusterOptions): Promise<void> {
    await this.#isServing();
    for (const name of Object.keys(nodes)) this.startAgent(name);
    await this.until("every path passes", ({ paths: { pass, warn, fail, unknown } }) => {
      return pass > 0 && warn + fail + unknown === 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.coordinator, ...this.agents.values()].map((each) => each[Symbol.asyncDispose]()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
