/** kill -9 of a coordinator while agents report, at moments that nobody chose: what it has acknowledged is kept, once and in order. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import t, { type Test } from "tap";
import { verifyJournal } from "../../../coordinator/journal/copies.ts";
import { defaultBacklogLimits } from "../../../agent/watch/backlog.ts";
import { portOf } from "../../../agent/link.ts";
import { parseJoinString } from "../../../shared/join-string.ts";
import { bundle } from "../../helpers/bundle.ts";
import { reportedNodes } from "../../helpers/reported-cluster.ts";
import { ReportingAgent } from "../../helpers/reporting-agent.ts";
import { silentOf } from "../../helpers/watch-fixtures.ts";
import { Random } from "../../lab/random.ts";

t.setTimeout(600_000);

/** The whole is for every night: `PORTMESH_KILLS=200`. */
const kills = Number(process.env["PORTMESH_KILLS"] ?? 40);
const seed = Number(process.env["PORTMESH_PROPERTY_SEED"] ?? Date.now() % 1_000_000);
/** Two clusters at a time, since most of it is a process that starts. */
const hosts = ["127.61.0.1", "127.61.0.2"];
/** So few that a coordinator that is away for long is told of gaps. */
const limits = { ...defaultBacklogLimits, sweeps: 40 };
const reportMs = 2;

t.test(`${kills} kills of a coordinator to which agents report, seed ${seed}`, async (t) => {
  const root = t.testdir({});
  await bundle(join(root, "bundled"), [
    "test/helpers/coordinator-process.ts",
    "coordinator/journal/writer-thread.ts",
    "coordinator/journal/reader-thread.ts",
  ]);
  const clusters = hosts.map((host, index) => new KilledCluster(root, host, new Random(seed + index)));
  await Promise.all(clusters.map((cluster) => cluster.live(kills / hosts.length)));
  for (const cluster of clusters) {
    t.strictSame(cluster.problems, []);
    check(t, cluster);
    t.match(await verifyJournal(join(cluster.folder, "journal.db")), { bad: 0 });
  }
});

class KilledCluster {
  readonly folder: string;
  /** What was wrong while it lived. */
  readonly problems: string[] = [];
  readonly agents = reportedNodes.map((name) => new ReportingAgent(name, limits));
  /** `AT PATH AFTER` */
  readonly told: string[] = [];
  readonly #root: string;
  readonly #host: string;
  readonly #random: Random;
  #port = 0;
  #sweeps = 0;

  constructor(root: string, host: string, random: Random) {
    this.#root = root;
    this.#host = host;
    this.#random = random;
    this.folder = join(root, host);
  }

  async live(lives: number): Promise<void> {
    // One that ends by itself leaves what was compiled to the others.
    await once(this.#start("once"), "close");
    const reporting = setInterval(() => this.#report(), reportMs);
    for (let life = 0; life < lives; life++) await this.#liveOnce();
    // The last one hears all that is left.
    clearInterval(reporting);
    const last = this.#start();
    const ended = this.#listen(last, () => {});
    const deadline = performance.now() + 20_000;
    while (this.agents.some(({ backlog }) => backlog.size > 0) && performance.now() < deadline)
      await sleep(20);
    for (const agent of this.agents) await agent[Symbol.asyncDispose]();
    last.kill("SIGKILL");
    await ended;
  }

  /** Killed while it starts, or at any time after agents are back. */
  async #liveOnce(): Promise<void> {
    const child = this.#start();
    const before = this.#acked;
    const kill = (): void => void child.kill("SIGKILL");
    const limit = setTimeout(() => {
      this.problems.push("agents did not come back");
      kill();
    }, 20_000);
    if (this.#port !== 0 && this.#random.chance(0.1)) setTimeout(kill, this.#random.between(0, 300));
    const lifeMs = this.#random.between(0, 50);
    let isDoomed = false;
    await this.#listen(child, () => {
      if (isDoomed) return;
      isDoomed = true;
      const poll = setInterval(() => {
        if (child.signalCode === null && this.#acked === before) return;
        clearInterval(poll);
        setTimeout(kill, lifeMs);
      }, 1);
    });
    clearTimeout(limit);
  }

  get #acked(): number {
    return this.agents.reduce((sum, { acked }) => sum + acked, 0);
  }

  /** One path after the other fails for two sweeps of its node, and works again. */
  #report(): void {
    const count = this.#sweeps++;
    const agent = this.agents[count % this.agents.length]!;
    if (agent.pinglist === undefined) return;
    const turn = Math.floor(count / this.agents.length);
    const target = Math.floor(turn / 4) % agent.pinglist.to.length;
    agent.sweep(turn % 4 < 2 ? [silentOf(`${target}`, target % 2 === 0 ? "9001" : "9443")] : []);
  }

  async #listen(child: ChildProcessByStdio<null, Readable, null>, isOpen: () => void): Promise<void> {
    const closed = once(child, "close");
    const acked = new Map(this.agents.map((agent) => [agent.name, agent.acked]));
    for await (const line of createInterface(child.stdout)) {
      const [word, ...rest] = line.split(" ");
      if (word === "note") this.problems.push(line);
      else if (word === "told") this.told.push(rest.join(" "));
      else if (word === "kept") {
        const kept = new Map(rest.filter(Boolean).map((text) => text.split("=") as [string, string]));
        for (const [node, seq] of acked)
          if (Number(kept.get(node) ?? 0) < seq) this.problems.push(`${node}: ${seq} acknowledged, ${line}`);
      } else if (word === "join") {
        if (this.#port === 0) {
          const [address] = parseJoinString(rest[0]!).addresses;
          this.#port = portOf(address!);
          for (const agent of this.agents) agent.run(rest[0]!);
        }
        isOpen();
      }
    }
    await closed;
  }

  #start(...manner: string[]): ChildProcessByStdio<null, Readable, null> {
    const program = join(this.#root, "bundled/coordinator-process.js");
    const args = [program, this.folder, this.#host, `${this.#port}`, ...manner];
    return spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
      // Without what a test runner adds.
      env: { NODE_COMPILE_CACHE: join(this.#root, "compiled") },
    });
  }
}

interface KeptRow {
  seq: number;
  until: number;
  plan: number | null;
}

function check(t: Test, { folder, agents, told }: KilledCluster): void {
  using db = new DatabaseSync(join(folder, "journal.db"), { readOnly: true });
  for (const { name, origin, acked, backlog, gaps } of agents) {
    t.equal(backlog.size, 0, `${name}: all was acknowledged in the end`);
    const node = db.prepare("SELECT id FROM names WHERE text = ?").get(name)!["id"] as number;
    const rows = db
      .prepare(
        `SELECT seq, seq AS until, plan FROM sweeps WHERE node = ?1 AND origin = ?2
         UNION ALL SELECT seq, until, NULL FROM gaps WHERE node = ?1 AND origin = ?2 ORDER BY 1`,
      )
      .all(node, origin) as unknown as KeptRow[];
    let next = 1;
    let missing = 0;
    for (const { seq, until, plan } of rows) {
      if (seq !== next) t.fail(`${name}: ${seq} follows ${next - 1}`);
      next = until + 1;
      if (plan !== null) continue;
      missing += until - seq + 1;
      const declared = [...gaps.values()].some((gap) => gap.seq <= seq && gap.until >= until);
      if (!declared) t.fail(`${name}: ${seq} to ${until} are missing, and the agent had them`);
    }
    t.equal(next - 1, acked, `${name}: every sweep is there once, or declared as missing`);
    const order = "SELECT seq FROM sweeps WHERE node = ? AND origin = ? ORDER BY id";
    const inOrder = (db.prepare(order).all(node, origin) as { seq: number }[]).map(({ seq }) => seq);
    t.strictSame(
      inOrder,
      inOrder.toSorted((a, b) => a - b),
      `${name}: they were written in order`,
    );
    t.comment(`${name}: ${inOrder.length} sweeps, ${missing} declared as missing`);
  }
  const kept = db.prepare("SELECT at, path, after FROM transitions").all() as Record<string, number>[];
  const counts = Map.groupBy(kept, ({ at, path, after }) => `${at} ${path} ${after}`);
  t.strictSame(
    told.filter((line) => counts.get(line)?.length !== 1),
    [],
    "every transition that was told is kept, once",
  );
  t.ok(told.length > 0);
  t.comment(`${told.length} transitions were told`);
}
