/** Real agents of a watched cluster: its file changes, and breaks, under them; they are killed, and so is the coordinator. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { ClusterFile } from "../../shared/cluster-file.ts";
import type { HappeningState, NodeState, Page } from "../../shared/api.ts";
import { parseJoinString } from "../../shared/join-string.ts";
import { WatchedCluster } from "../helpers/watched-cluster.ts";

t.setTimeout(110_000);

const nodes = { a: "127.72.0.1", b: "127.72.0.2", c: "127.72.0.3" };
/** Of a node to another one. */
const flows = 6;

function rewrite({ clusterFile }: WatchedCluster, change: (file: ClusterFile) => void): void {
  const file = JSON.parse(readFileSync(clusterFile, "utf8")) as ClusterFile;
  change(file);
  writeFileSync(clusterFile, JSON.stringify(file));
}

async function lastSweeps(cluster: WatchedCluster): Promise<Map<string, string | null>> {
  const { items } = JSON.parse(await cluster.get("/api/v1/nodes")) as Page<NodeState>;
  return new Map(items.map(({ name, agent }) => [name, agent.lastSweep]));
}

t.test("real agents of a cluster that changes, breaks and is killed", async (t) => {
  await using cluster = await WatchedCluster.start({ nodes, interval: "3400ms" });
  const { agents } = cluster;
  const whole = readFileSync(cluster.clusterFile, "utf8");

  writeFileSync(cluster.clusterFile, `${whole.slice(0, -20)}\n  - : {`);
  await cluster.until("the broken file is noticed", ({ reload }) => !reload.ok);
  const broken = await cluster.status();
  t.match(broken, {
    plan: { version: 1 },
    paths: { pass: 6 * flows, fail: 0 },
    reload: { error: /cluster\.yaml/ },
  });
  t.match(await cluster.get("/metrics"), /^portmesh_config_last_reload_successful 0$/m);
  t.match(cluster.coordinator.err, /^[0-9] of 3 agents have told: 36 paths, /m);
  t.match(cluster.coordinator.err, /cluster\.yaml:[0-9]+/, "and people are told where");

  writeFileSync(cluster.clusterFile, whole);
  rewrite(cluster, (file) => {
    file.nodes = file.nodes.filter(({ name }) => name !== "c");
    file.probing!.interval = "3300ms";
  });
  await cluster.until("a node is gone, and what was proved stays proved", ({ plan, paths, reload }) => {
    return plan.version === 2 && reload.ok && paths.pass === 2 * flows;
  });
  const gone = await agents.get("c")!.finished;
  t.match(gone.err, /this node is no longer in the cluster file/);
  t.match(await cluster.get("/metrics"), /^portmesh_config_last_reload_successful 1$/m);
  t.notMatch(await cluster.get("/metrics"), /node="c"/);
  t.equal((await cluster.status()).intervalMs, 3_300);

  rewrite(cluster, (file) => {
    file.nodes.push({ name: "c", address: nodes.c, roles: ["nodes"] });
    file.nodes.push({ name: "d", address: "127.72.0.4", roles: ["nodes"] });
  });
  await cluster.until("there are two more", ({ plan }) => plan.version === 3);
  for (const name of ["c", "d"]) cluster.startAgent(name);
  await cluster.until("everybody reaches everybody", ({ paths }) => paths.pass === 12 * flows);

  agents.get("d")!.child.kill("SIGTERM");
  await cluster.until("it is drained", ({ agents: { drained, alive } }) => drained === 1 && alive === 3);
  await cluster.until("its paths are unknown", ({ paths }) => paths.unknown === 6 * flows);
  const sweptAt = await lastSweeps(cluster);
  await cluster.until("everybody has swept once more", async () => {
    const now = await lastSweeps(cluster);
    return ["a", "b", "c"].every((name) => now.get(name) !== sweptAt.get(name));
  });
  const { paths } = await cluster.status();
  t.strictSame(paths, { pass: 6 * flows, warn: 0, fail: 0, unknown: 6 * flows });
  const { items } = JSON.parse(await cluster.get("/api/v1/happenings?order=oldest")) as Page<HappeningState>;
  const told = items.map(({ kind, node }) => `${kind} ${node ?? ""}`.trim());
  for (const wanted of ["reload-failed", "plan", "joined d", "left d"]) t.ok(told.includes(wanted), wanted);
  for (const name of ["a", "b"]) {
    t.equal(told.filter((each) => each === `lost ${name}`).length, 0);
    t.notMatch(agents.get(name)!.err, /link to the coordinator ended/, `${name} kept its link`);
  }

  const { addresses } = parseJoinString(readFileSync(cluster.joinFile, "utf8").trim());
  cluster.coordinator.child.kill("SIGKILL");
  await cluster.coordinator.finished;
  // Two sweeps at least of which nobody hears, one each 4.5 to 5 seconds; the next are those of another process.
  await sleep(12_000);
  const killed = cluster.agents.get("a")!;
  killed.child.kill("SIGKILL");
  await killed.finished;
  const again = cluster.startAgent("a");
  await again.says("cannot reach the coordinator");
  await cluster.startCoordinator(addresses[0]!);
  await cluster.until("all are back", ({ agents: { alive, drained }, paths: { pass, fail } }) => {
    return alive === 3 && drained === 1 && pass === 6 * flows && fail === 0;
  });
  const keptOf = (name: string): { seq: number; at: number; received: number }[] => {
    using db = new DatabaseSync(join(cluster.dataDir, "journal.db"), { readOnly: true });
    const sql = `SELECT seq, at, received FROM sweeps WHERE node = (SELECT id FROM names WHERE text = ?) ORDER BY id`;
    return db.prepare(sql).all(name) as unknown as { seq: number; at: number; received: number }[];
  };
  const lateOf = (name: string): number =>
    keptOf(name).filter(({ at, received }) => received - at > 3_000).length;
  for (const name of ["a", "b"]) {
    // What is new is judged before what is old is on the disk.
    await cluster.until(`${name} has told of the time without a coordinator`, () => lateOf(name) >= 2);
    const rows = keptOf(name);
    t.strictSame(
      rows.map(({ seq }) => seq),
      rows.map((_, index) => index + 1),
      `${name}: each is there once, in order`,
    );
  }
  using db = new DatabaseSync(join(cluster.dataDir, "journal.db"), { readOnly: true });
  t.strictSame(db.prepare("SELECT * FROM gaps").all(), []);
});
