/** `portmesh coordinator run` over its whole life: what changes is told once, when it is sure, and nothing is forgotten. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type {
  Counts,
  EndpointState,
  HappeningState,
  MatrixAnswer,
  Page,
  Status,
  TransitionState,
} from "../../shared/api.ts";
import type { ReportPath } from "../../shared/report.ts";
import { fileAppears } from "../helpers/cli.ts";
import { writeCluster } from "./cluster.ts";
import { Lab } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(200_000);
// Each has a lab of its own, and waits for most of its time.
t.jobs = 3;

const launcher = join(import.meta.dirname, "../../bin/portmesh");
const names = ["n1", "n2", "n3"];
/** A host outside, which has a server for it. */
const portal = "portal.example";
const spec = labSpec({
  roles: { probers: "in-cluster", targets: "in-cluster" },
  flows: [
    { name: "rpc", transport: "tcp", ports: "31801-31803" },
    { name: "gossip", transport: "udp", ports: "31801" },
    { name: "web", transport: "tcp", ports: "31810", application: "http" },
  ],
  endpoints: [{ name: "portal", hosts: [portal], ports: "8080", application: "http", security: "none" }],
});
const paths = 6;

interface Printed {
  before: { verdict: string; reason: string };
  after: { verdict: string; reason: string };
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
    ({ before, after, path }) => `${path.from}>${path.to} ${path.flow} ${before.reason} > ${after.reason}`,
  );

/** Three nodes, of which the first has the coordinator, in a cluster that is watched every five seconds. */
class WatchedLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly #folder: string;
  readonly clusterFile: string;
  readonly joinFile: string;
  readonly stateDir: readonly string[];
  coordinator: Process;
  readonly agents: Process[];
  readonly portal: Process;

  static async start(): Promise<WatchedLab> {
    const lab = await Lab.create({ hosts: [...names, "world"].map((name) => ({ name, zone: "a" })) });
    // The usual folders of tests have paths that are too long for sockets.
    const watched = new WatchedLab(lab, mkdtempSync(join(tmpdir(), "portmesh-lab-")));
    await watched.#everythingPasses();
    return watched;
  }

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.#folder = folder;
    const nodes = names.map((name) => ({ name, roles: [name === "n1" ? "probers" : "targets"] }));
    const probing = { interval: "5s", timeout: "3200ms", outside: "10s" };
    const outside = { resolve: { [portal]: lab.host("world").address } };
    this.clusterFile = writeCluster(folder, lab, { specs: [{ spec }], nodes, probing, outside });
    this.portal = this.serve("world", 8080);
    this.joinFile = join(folder, "join");
    this.stateDir = ["--state-dir", join(folder, "state")];
    this.coordinator = this.startCoordinator();
    this.agents = [];
  }

  startCoordinator(): Process {
    const dataDir = join(this.#folder, "data");
    const reached = ["--join-file", this.joinFile, "--advertise", this.lab.host("n1").address];
    return this.start("n1", [
      "coordinator",
      "run",
      this.clusterFile,
      "-o",
      "json",
      "--data-dir",
      dataDir,
      ...reached,
    ]);
  }

  /** An HTTP server in a host of the lab. */
  serve(name: string, port: number): Process {
    const script = `require("node:http").createServer((_, answer) => answer.end()).listen(${port}, () => console.log("serving"))`;
    return new Process(this.lab.host(name).spawn(process.execPath, ["-e", script]));
  }

  start(name: string, args: readonly string[]): Process {
    return new Process(this.lab.host(name).spawn(launcher, args));
  }

  /** What the API of the coordinator says. */
  async ask<Answer>(path: string): Promise<Answer> {
    const text = await this.lab.host("n1").run("curl", ["-sS", `http://127.0.0.1:7718/api/v1${path}`]);
    return JSON.parse(text) as Answer;
  }

  async #everythingPasses(): Promise<void> {
    await fileAppears(this.joinFile);
    await this.portal.until("it serves", () => this.portal.out.includes("serving"));
    for (const name of names)
      this.agents.push(
        this.start(name, ["agent", "run", "--join-file", this.joinFile, "--name", name, ...this.stateDir]),
      );
    await this.untilStatus("every path passes", ({ pass }) => pass === paths);
    await this.untilStatus("the portal is reached", (_, { pass }) => pass === 1);
  }

  async untilStatus(what: string, isSo: (paths: Counts, endpoints: Counts) => boolean): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const status = await this.ask<Status>("/status").catch(() => undefined);
      if (status !== undefined && isSo(status.paths, status.endpoints)) return;
      if (performance.now() > deadline)
        throw new Error(`never: ${what}\n${JSON.stringify(status)}\n${this.coordinator.err.slice(-2_000)}`);
      await sleep(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.coordinator, ...this.agents, this.portal];
    for (const { child } of all) child.kill("SIGKILL");
    await Promise.all(all.map(({ ended }) => ended));
    rmSync(this.#folder, { recursive: true, force: true });
    await this.lab[Symbol.asyncDispose]();
  }
}

t.test(
  "a drop and the end of a service are told once each, and nothing else is",
  { buffered: true },
  async (t) => {
    await using watched = await WatchedLab.start();
    const { lab, coordinator, agents, stateDir } = watched;
    t.strictSame(coordinator.transitions, [], "that all works is no news");

    const faultAt = Date.now();
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
    const service = watched.serve("n2", 31810);
    t.teardown(() => service.child.kill("SIGKILL"));
    await service.until("it serves", () => service.out.includes("serving"));
    await agents[1]!.until("the agent has found it", () =>
      agents[1]!.err.includes("found a service on tcp/31810"),
    );

    await coordinator.until("a path has failed", () => coordinator.transitions.length > 0);
    t.comment(`told ${Date.now() - faultAt} ms after the rule`);
    t.ok((await fault.packets()) > 0);
    const [failed] = coordinator.transitions;
    t.match(failed, {
      before: { verdict: "pass", reason: "reachable" },
      after: { verdict: "fail", reason: "dropped" },
      path: { intervals: [{}, { ports: "31802", reason: "dropped" }, {}] },
    });

    await fault[Symbol.asyncDispose]();
    await coordinator.until("it works again", () => coordinator.transitions.length === 2);
    service.child.kill("SIGKILL");
    await coordinator.until("the service is missed", () => coordinator.transitions.length === 3);
    await sleep(6_000); // one more sweep
    t.strictSame(
      linesOf(coordinator.transitions),
      ["n1>n3 rpc reachable > dropped", "n1>n3 rpc dropped > reachable", "n1>n2 web served > closed"],
      "and nothing else has changed",
    );
    t.match(coordinator.transitions.at(-1)?.path.evidence, {
      source: { outcome: "refused" },
      target: { agent: "alive", listener: /^(occupied|absent)$/ },
    });
  },
);

t.test(
  "a coordinator that dies is missed by nobody, and its successor knows the past",
  { buffered: true },
  async (t) => {
    await using watched = await WatchedLab.start();
    const { lab, agents } = watched;
    await using _fault = await lab.fault({
      at: "router",
      hook: "forward",
      from: "n1",
      to: "n2",
      transport: "udp",
      action: "drop",
    });
    await watched.untilStatus("the fault is found", ({ fail }) => fail === 1);
    await using _outside = await lab.fault({
      at: "router",
      hook: "forward",
      from: "n1",
      to: "world",
      transport: "tcp",
      action: "reject-reset",
    });
    await watched.untilStatus("the portal is missed", (_, { fail }) => fail === 1);
    const [missed] = (await watched.ask<Page<EndpointState>>("/endpoints?verdict=fail")).items;
    t.match(missed, { from: "n1", host: portal, reason: "rejected", says: /refused/ });
    const failedAt = new Date().toISOString();
    watched.coordinator.child.kill("SIGKILL");
    await watched.coordinator.ended;
    await sleep(12_000); // two sweeps that nobody hears of yet
    watched.coordinator = watched.startCoordinator();
    await watched.untilStatus("all are back, with their join string of before", ({ pass, fail }, outside) => {
      return pass === paths - 1 && fail === 1 && outside.fail === 1;
    });
    const [still] = (await watched.ask<Page<EndpointState>>("/endpoints")).items;
    t.equal(still!.since, missed!.since, "what is outside as well");
    const { items } = await watched.ask<Page<TransitionState>>("/transitions");
    t.match(
      items.map(({ from, to, flow, isOutside, after }) => ({ from, to, flow, isOutside, after })),
      [
        { from: "n1", to: portal, flow: "portal", isOutside: true, after: { reason: "rejected" } },
        { from: "n1", to: "n2", flow: "gossip", after: { verdict: "fail", reason: "dropped" } },
      ],
      "known from before, and told once",
    );
    const past = await watched.ask<MatrixAnswer>(`/matrix?at=${failedAt}`);
    t.equal(past.reasons[Buffer.from(past.cells, "base64")[1]! - 1], "dropped");
    for (const agent of agents) t.equal(agent.child.exitCode, null, "agents go on");
    const sweeps = await watched.ask<{ items: { spans: { samples: number }[] }[] }>("/latency?from=n1&to=n3");
    t.ok(
      sweeps.items[0]!.spans.reduce((sum, { samples }) => sum + samples, 0) >= 4,
      "also what they did alone",
    );

    watched.coordinator.child.kill("SIGTERM");
    t.strictSame((await watched.coordinator.ended)[0], 143);
    t.ok(existsSync(watched.joinFile), "the join string is still good");
    for (const agent of agents) agent.child.kill("SIGTERM");
    for (const [index, agent] of agents.entries())
      t.strictSame((await agent.ended)[0], 143, `the agent on ${names[index]} ends when it is told to`);
  },
);

t.test(
  "an agent that leaves takes its paths out of the game, one that dies makes them unknown, none turns red",
  { buffered: true },
  async (t) => {
    await using watched = await WatchedLab.start();
    const [, second, third] = watched.agents;
    second!.child.kill("SIGTERM");
    await watched.untilStatus("its paths are unknown", ({ unknown }) => unknown === paths / 2);
    third!.child.kill("SIGKILL");
    await watched.untilStatus("all are unknown", ({ unknown }) => unknown === paths);
    t.notOk(watched.coordinator.transitions.some(({ after }) => after.verdict === "fail"));
    const { items } = await watched.ask<Page<HappeningState>>("/happenings?order=oldest");
    t.match(
      items.map(({ kind, node }) => `${kind} ${node}`).slice(-2),
      ["left n2", "lost n3"],
      "and that is said",
    );
  },
);
