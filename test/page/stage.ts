/**
 * A cluster to look at, of any size and in any state: a real coordinator, and agents that probe nothing but tell it over
 * real links what they were told to have seen. Needs neither root nor a firewall.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Counts, Status } from "../../shared/api.ts";
import { hasPort, readPorts } from "../../shared/ports.ts";
import { rttBucket, type OddGroup } from "../../shared/watch-wire.ts";
import type { AgentMessage, InspectMessage } from "../../shared/wire.ts";
import { Running } from "../helpers/cli.ts";
import { attemptOf } from "../helpers/report-fixtures.ts";
import { SimulatedAgent } from "../helpers/simulated-agent.ts";

export interface StageOptions {
  cluster?: string;
  /** As the cluster file has it: `{ id: ... }`, or a spec itself. */
  spec: object;
  options?: object;
  nodes: readonly { name: string; roles: readonly string[]; zone?: string }[];
  /** Joins no agent for these. */
  absent?: readonly string[];
  coordinatorArguments?: readonly string[];
  /** Of the coordinator, such as another clock. */
  env?: NodeJS.ProcessEnv;
  interval?: string;
}

/** Names as patterns with `*`. */
export interface StageFault {
  from: string;
  to: string;
  protocol?: "tcp" | "udp" | "tls" | "mtls";
  /** Of all targets that have it; without it all ports. */
  port?: number;
  kind?: "silent" | "refused";
}

export class Stage implements AsyncDisposable {
  readonly #options: StageOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-stage-"));
  readonly #clusterFile = join(this.#folder, "cluster.yaml");
  #agents = new Map<string, SimulatedAgent>();
  #coordinator!: Running;
  #port = 0;
  faults: readonly StageFault[] = [];

  /** Resolves when all agents have told of one sweep. */
  static async start(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      stage.#write();
      await stage.startCoordinator();
      await stage.joinAgents();
      await stage.sweep();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: StageOptions) {
    this.#options = options;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** As an editor does it; the coordinator reads it by itself. */
  writeClusterFile(content: string): void {
    writeFileSync(this.#clusterFile, content);
  }

  #write(): void {
    const { spec, options, nodes, cluster = "prod-eu-1", interval = "30s" } = this.#options;
    const specFile = join(this.#folder, "spec.yaml");
    const isShipped = Object.keys(spec).length === 1;
    if (!isShipped) writeFileSync(specFile, JSON.stringify(spec));
    const content = {
      name: cluster,
      specs: [{ ...(isShipped ? spec : { file: specFile }), ...(options === undefined ? {} : { options }) }],
      nodes: nodes.map((node, index) => ({
        ...node,
        address: `10.20.${Math.floor(index / 250)}.${(index % 250) + 1}`,
      })),
      probing: { interval, timeout: "3200ms" },
    };
    this.writeClusterFile(JSON.stringify(content));
  }

  async startCoordinator(): Promise<void> {
    const listen = ["--listen", `127.0.0.1:0`, "--http", `127.0.0.1:${this.#port}`];
    const files = ["--join-file", join(this.#folder, "join"), "--data-dir", join(this.#folder, "data")];
    const more = this.#options.coordinatorArguments ?? [];
    this.#coordinator = new Running(
      ["coordinator", "run", this.#clusterFile, ...listen, ...files, ...more],
      this.#options.env,
    );
    await this.#coordinator.says("metrics on http");
    this.#port = Number(/metrics on http\S+:([0-9]+)/.exec(this.#coordinator.err)![1]);
  }

  /** As `kill -9` does. */
  async killCoordinator(): Promise<void> {
    await this.#coordinator[Symbol.asyncDispose]();
    this.#agents.clear();
  }

  async joinAgents(): Promise<void> {
    const joinString = (await readFile(join(this.#folder, "join"), "utf8")).trim();
    const { nodes, absent = [] } = this.#options;
    const names = nodes.map(({ name }) => name).filter((name) => !absent.includes(name));
    for (let first = 0; first < names.length; first += 20) {
      const some = names.slice(first, first + 20);
      const joined = await Promise.all(some.map((name) => SimulatedAgent.join(name, joinString)));
      for (const agent of joined) {
        agent.odd = (targets) => this.#oddOf(agent).filter((group) => targets.has(Number(group.targets)));
        agent.answers = (message) => (message.type === "inspect" ? this.#inspected(agent, message) : []);
        this.#agents.set(agent.name, agent);
      }
    }
  }

  agent(name: string): SimulatedAgent {
    return this.#agents.get(name)!;
  }

  /** Every agent tells what it sees; `agoMs` puts that into the past. */
  async sweep({
    agoMs = 5,
    names,
    random = Math.random,
  }: { agoMs?: number; names?: readonly string[]; random?: () => number } = {}): Promise<void> {
    const all = [...this.#agents.values()].filter(({ name }) => names === undefined || names.includes(name));
    const known = new Set(this.#agents.keys());
    const away = [...this.#options.nodes.keys()].filter(
      (index) => !known.has(this.#options.nodes[index]!.name),
    );
    for (let first = 0; first < all.length; first += 50)
      await Promise.all(
        all.slice(first, first + 50).map((agent) => {
          const odd = this.#oddOf(agent);
          const lost = new Set(
            odd.filter(({ kind }) => kind === "silent").map(({ targets }) => Number(targets)),
          );
          const rtt = Buffer.from(
            agent.pinglist.to.map((_to, target) =>
              lost.has(target) ? 0 : rttBucket(0.3 + random() * random() * 0.9),
            ),
          );
          return agent.sweep({ odd, rtt: rtt.toString("base64"), agoMs, late: agoMs > 1_000, skipped: away });
        }),
      );
  }

  #inspected({ name }: SimulatedAgent, { round, endpoints }: InspectMessage): AgentMessage[] {
    const reports = endpoints.map(({ id, host }) => {
      const isLost = this.faults.some(({ from, to }) => isLike(from, name) && isLike(to, host));
      return { endpoint: id, attempts: [attemptOf(isLost ? { kind: "silent", phase: "connect" } : {})] };
    });
    return [
      { type: "endpoints", round, reports },
      { type: "inspected", round },
    ];
  }

  #oddOf(agent: SimulatedAgent): OddGroup[] {
    const { to, ports, shut, protocol, portSets, protocols } = agent.pinglist;
    const { nodes } = this.#options;
    // What must be shut is.
    const found = shut.flatMap((set, target) => (set < 0 ? [] : [oddOf(target, portSets[set]!, "refused")]));
    for (const fault of this.faults) {
      if (!isLike(fault.from, agent.name)) continue;
      for (const [target, far] of to.entries()) {
        const set = portSets[ports[target]!]!;
        if (!isLike(fault.to, nodes[far]!.name)) continue;
        if (fault.protocol !== undefined && protocols[protocol[target]!] !== fault.protocol) continue;
        if (fault.port !== undefined && !hasPort(readPorts(set)!, fault.port)) continue;
        found.push(oddOf(target, fault.port === undefined ? set : `${fault.port}`, fault.kind ?? "silent"));
      }
    }
    return found;
  }

  async ask<Answer>(path: string): Promise<Answer> {
    const response = await fetch(`${this.origin}/api/v1${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  async untilCounts(what: string, isSo: (counts: Counts) => boolean): Promise<void> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      const { paths } = await this.ask<Status>("/status");
      if (isSo(paths)) return;
      if (performance.now() > deadline) throw new Error(`never: ${what}: ${JSON.stringify(paths)}`);
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#coordinator?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isLike(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
}

function oddOf(target: number, ports: string, kind: "silent" | "refused"): OddGroup {
  return {
    targets: `${target}`,
    ports,
    kind,
    phase: "connect",
    elapsedMs: kind === "silent" ? 3_200 : 0.4,
    attempts: 2,
    ...(kind === "refused" ? { code: "ECONNREFUSED" } : {}),
  };
}
