/** The whole coordinator of a watched cluster, with a real journal and agents over real links. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join as pathOf } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { RunIdentity } from "../../../coordinator/run-identity.ts";
import { ClusterView } from "../../../coordinator/watch/cluster-view.ts";
import { reasonOfCode } from "../../../coordinator/watch/live-matrix.ts";
import type { Reason } from "../../../shared/names.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../../helpers/domain-fixtures.ts";
import { SimulatedAgent } from "../../helpers/simulated-agent.ts";
import {
  allWell,
  join,
  watch,
  watchedNodes,
  watchedSpec,
  type Watched,
} from "../../helpers/watch-coordinator.ts";
import { refusedOf, silentOf } from "../../helpers/watch-fixtures.ts";

t.setTimeout(60_000);

/** What is shown of a flow between two nodes. */
function shown({ coordinator }: Watched, from: number, to: number, flow = "gossip"): Reason {
  const { plan, states } = coordinator.watch.watched;
  const index = plan.pairs.rows(from, to).paths.findIndex((row) => row.flow === flow);
  return reasonOfCode(states.matrix.code(from, plan.pairs.firstPath(from, to) + index));
}

function total({ coordinator }: Watched): number[] {
  return [...coordinator.watch.watched.states.matrix.total];
}

async function untilTransitions({ coordinator, transitions }: Watched, count: number): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  while (transitions.length < count) await once(coordinator, "transitions", { signal });
}

t.test("a fleet joins, gets its pinglists and is green once it has told", async (t) => {
  await using watched = await watch(t.testdir());
  const agents = await join(watchedNodes, watched);
  const [first] = agents;
  t.strictSame(first!.pinglist.to, [1, 1, 2, 2]);
  t.strictSame(first!.pinglist.portSets, ["9000-9002", "9443"]);
  t.strictSame(total(watched), [0, 0, 12, 0]);
  await allWell(agents);
  t.strictSame(total(watched), [12, 0, 0, 0]);
  t.strictSame(watched.transitions, [], "that all works is no news");
  for (const agent of agents) await agent.leave(true);
});

t.test("a path that begins to fail is looked at again at once, and told once it is sure", async (t) => {
  await using watched = await watch(t.testdir());
  const agents = await join(watchedNodes, watched);
  await allWell(agents);
  const [first] = agents;
  first!.odd = [silentOf("0", "9001")];
  await first!.sweep({ odd: [silentOf("0", "9001")] });
  const again = await first!.until((message) => message.type === "again");
  t.match(
    again,
    { looks: 2, targets: [{ target: 0, ports: "9001" }] },
    "everybody else finds the far end well",
  );
  await untilTransitions(watched, 1);
  t.match(watched.transitions, [
    { from: "n1", to: "n2", flow: "gossip", evidence: { target: { agent: "alive", sawRequest: false } } },
  ]);
  t.equal(shown(watched, 0, 1), "dropped");
  t.equal(shown(watched, 0, 1, "web"), "reachable");
  first!.odd = [];
  await first!.sweep();
  await untilTransitions(watched, 2);
  t.equal(shown(watched, 0, 1), "reachable");
  const kept = await watched.journal.transitions({ order: "oldest", limit: 10 });
  t.strictSame(
    kept.map(({ transition }) => `${reasonOfCode(transition.before)} > ${reasonOfCode(transition.after)}`),
    ["reachable > dropped", "dropped > reachable"],
  );
  for (const agent of agents) await agent.leave(true);
});

t.test(
  "what a far end saw stays with a path that goes on to fail, and is asked for once it is missing",
  async (t) => {
    let aheadMs = 0;
    await using watched = await watch(t.testdir(), { now: () => new Date(Date.now() + aheadMs) });
    const agents = await join(watchedNodes, watched);
    await allWell(agents);
    const [first, second] = agents;
    const current = watched.coordinator.watch.watched;
    const seen = (): unknown => current.judge.path(current.source(0), 1, 0).evidence.target.sawRequest;
    const odd = [silentOf("0", "9001")];
    first!.odd = odd;
    await first!.sweep({ odd });
    await untilTransitions(watched, 1);
    // Long after it changed nobody is asked about it without a reason.
    aheadMs = 3_600_000;
    await first!.sweep({ odd });
    await first!.sweep({ odd });
    t.equal(seen(), false);
    const others = [silentOf("0", "9001-9002")];
    await first!.sweep({ odd: others, late: true, agoMs: 3_600_000 });
    t.equal(seen(), undefined, "it was too late to ask");
    await first!.sweep({ odd: others });
    await second!.until(
      (message) => message.type === "look" && message.questions.some(({ ports }) => ports === "9001-9002"),
    );
    for (const agent of agents) await agent.leave(true);
  },
);

t.test("what was an accident is forgotten", async (t) => {
  await using watched = await watch(t.testdir());
  const agents = await join(watchedNodes, watched);
  await allWell(agents);
  await agents[0]!.sweep({ odd: [refusedOf("0", "9001")] });
  await agents[0]!.until((message) => message.type === "again");
  await agents[0]!.sweep();
  t.strictSame(watched.transitions, []);
  t.strictSame(total(watched), [12, 0, 0, 0]);
  for (const agent of agents) await agent.leave(true);
});

t.test("who leaves is not probed any more, and its paths are unknown and not red", async (t) => {
  await using watched = await watch(t.testdir());
  const agents = await join(watchedNodes, watched);
  await allWell(agents);
  const [first, second, third] = agents;
  await third!.leave(true);
  for (const agent of [first!, second!]) {
    await agent.until((message) => message.type === "absent" && message.nodes.includes(2));
    await agent.sweep({ skipped: [2] });
  }
  t.equal(shown(watched, 0, 2), "agent-missing");
  t.equal(shown(watched, 1, 2), "agent-missing");
  t.equal(shown(watched, 0, 1), "reachable");
  t.notOk(watched.transitions.some(({ after }) => reasonOfCode(after) === "dropped"));
  for (const agent of [first!, second!]) await agent.leave(true);
});

t.test("what another coordinator kept is known to the next, and stale until it is told again", async (t) => {
  const folder = t.testdir();
  let identity: RunIdentity;
  let failedAt: number;
  {
    await using watched = await watch(folder);
    identity = watched.identity;
    const agents = await join(watchedNodes, watched);
    await allWell(agents);
    agents[0]!.odd = [silentOf("0", "9001")];
    await agents[0]!.sweep({ odd: [silentOf("0", "9001")] });
    await untilTransitions(watched, 1);
    failedAt = watched.transitions[0]!.at;
    for (const agent of agents) await agent.leave(false);
  }
  await using watched = await watch(folder, { identity });
  t.strictSame(total(watched), [0, 0, 12, 0]);
  t.equal(shown(watched, 0, 1), "stale");
  const first = await SimulatedAgent.join("n1", watched.coordinator.joinString, { seq: 2 });
  t.strictSame(first.pinglist.absent, [], "who was there before is probed");
  await first.sweep({ odd: [silentOf("0", "9001")] });
  t.equal(shown(watched, 0, 1), "dropped");
  t.equal(shown(watched, 0, 2), "reachable");
  t.equal(shown(watched, 1, 0), "stale");
  t.strictSame(watched.transitions, [], "it is known already");
  const { states, plan } = watched.coordinator.watch.watched;
  t.equal(states.since(plan.pairs.firstPath(0, 1)), failedAt, "since when, too");
  await first.leave(true);
});

t.test("who left in good order is not missed by the next coordinator either", async (t) => {
  const folder = t.testdir();
  let identity: RunIdentity;
  {
    await using watched = await watch(folder);
    identity = watched.identity;
    const agents = await join(watchedNodes, watched);
    await allWell(agents);
    await agents[2]!.leave(true);
    await agents[0]!.until((message) => message.type === "absent" && message.nodes.includes(2));
    for (const agent of agents.slice(0, 2)) await agent.leave(false);
  }
  await using watched = await watch(folder, { identity });
  const view = new ClusterView(watched.coordinator);
  t.strictSame(view.agentCounts(), { alive: 0, stale: 0, gone: 0, missing: 2, drained: 1 });
  const first = await SimulatedAgent.join("n1", watched.coordinator.joinString, { seq: 1 });
  t.strictSame(first.pinglist.absent, [2]);
  const third = await SimulatedAgent.join("n3", watched.coordinator.joinString, { seq: 1 });
  t.not(view.agentState(2), "drained", "until it comes back");
  for (const agent of [first, third]) await agent.leave(true);
});

t.test("a plan whose snapshots were lost is not taken for another", async (t) => {
  const folder = t.testdir();
  await (await watch(folder))[Symbol.asyncDispose]();
  const db = new DatabaseSync(pathOf(folder, "journal.db"));
  db.exec("DELETE FROM snapshots");
  db.close();
  const cluster = clusterOf(watchedSpec, nodesOf(["peer"], ["peer"]));
  await using watched = await watch(folder, { cluster });
  t.equal(watched.coordinator.watch.watched.version, 2);
});

t.test("after a history was lost no plan has the number of an earlier one", async (t) => {
  const folder = t.testdir();
  await (await watch(folder))[Symbol.asyncDispose]();
  writeFileSync(pathOf(folder, "journal.db"), "this was a database once\n".repeat(10_000));
  const cluster = clusterOf(watchedSpec, nodesOf(["peer"], ["peer"]));
  let version: number;
  {
    await using watched = await watch(folder, { cluster });
    t.not(watched.journal.notes.length, 0);
    ({ version } = watched.coordinator.watch.watched);
    t.ok(version > 1, `${version}`);
  }
  await using watched = await watch(folder);
  t.equal(watched.coordinator.watch.watched.version, version + 1);
});

t.test("a sweep that is said again is acknowledged and does not count twice", async (t) => {
  await using watched = await watch(t.testdir());
  const [first] = await join(["n1"], watched);
  await first!.sweep();
  const acks = (): number => first!.heard.filter(({ type }) => type === "ack").length;
  const before = acks();
  const { plan, to } = first!.pinglist;
  await first!.say({
    type: "sweep",
    origin: "origin-n1",
    seq: 1,
    plan,
    late: true,
    probes: 1,
    rtt: Buffer.alloc(to.length).toString("base64"),
    odd: [silentOf("0-3", "9000")],
    agoMs: 60_000,
    tookMs: 5,
    skipped: [],
    cut: "",
    fullSweepMs: 0,
    stalledMs: 0,
  });
  await first!.until(() => acks() > before);
  t.equal((await watched.journal.stats()).sweeps, 1);
  await first!.leave(true);
});

t.test("another cluster file is in force without a new link, and keeps what is known", async (t) => {
  await using watched = await watch(t.testdir());
  const agents = await join(watchedNodes, watched);
  await allWell(agents);
  const [first, second, third] = agents;
  const fewer = clusterOf(watchedSpec, nodesOf(["peer"], ["peer"]));
  await watched.coordinator.reload(fewer);
  await third!.until((message) => message.type === "finish");
  for (const agent of [first!, second!])
    await agent.until((message) => message.type === "pinglist" && message.plan === 2);
  t.strictSame(first!.pinglist.to, [1, 1]);
  t.strictSame(total(watched), [4, 0, 0, 0], "what was proved stays proved");
  await watched.coordinator.reload(fewer);
  t.equal(watched.coordinator.watch.watched.version, 2, "the same again changes nothing");
  const happened: string[] = [];
  watched.coordinator.on("happening", (kind, _node, text) => happened.push(`${kind} ${text}`));
  watched.coordinator.reloadFailed("cluster.yaml:3:1: not like this");
  await watched.coordinator.reload(fewer);
  t.strictSame(happened, [
    "reload-failed plan 2 stays in force: cluster.yaml:3:1: not like this",
    "plan the cluster file was read again; plan 2 stays in force",
  ]);
  watched.coordinator.reloadFailed("cluster.yaml:3:1: not like this");
  t.match(watched.coordinator.lastReload, { ok: false, error: /not like this/ });
  await first!.sweep();
  t.strictSame(total(watched), [4, 0, 0, 0]);
  for (const agent of [first!, second!]) await agent.leave(true);
});

t.test("what was proved of another host, or of other ports, proves nothing", async (t) => {
  await using watched = await watch(t.testdir());
  const { coordinator } = watched;
  const agents = await join(watchedNodes, watched);
  await allWell(agents);
  const cluster = clusterOf(watchedSpec, nodesOf(["peer"], ["peer"], ["peer"]));
  const nodes = cluster.nodes.map((node) =>
    node.name === "n3" ? { ...node, addresses: ["10.9.9.9"] } : node,
  );
  await coordinator.reload({ ...cluster, nodes });
  t.strictSame(
    [shown(watched, 0, 1), shown(watched, 0, 2), shown(watched, 2, 0)],
    ["reachable", "never-probed", "never-probed"],
  );
  const flows = [flowOf("gossip", { ports: "9000-9003" }), flowOf("web", { ports: 9_443, security: "tls" })];
  await coordinator.reload({ ...cluster, nodes, specs: [{ spec: specOf({ flows }), options: {} }] });
  t.strictSame([shown(watched, 0, 1), shown(watched, 0, 1, "web")], ["never-probed", "reachable"]);
  for (const agent of agents) await agent.leave(true);
});

t.test("what is known late is in the history before the hour is over", async (t) => {
  let aheadMs = 0;
  await using watched = await watch(t.testdir(), {
    now: () => new Date(Date.now() + aheadMs),
    monotonic: () => performance.now() + aheadMs,
  });
  const unknownThen = async (): Promise<number> => {
    const past = await watched.journal.at(Date.now() + aheadMs);
    return past!.codes.filter((code) => reasonOfCode(code) === "never-probed").length;
  };
  const all = watched.coordinator.watch.watched.plan.pairs.pathCount;
  t.equal(await unknownThen(), all);
  const agents = await join(watchedNodes, watched);
  await allWell(agents.slice(0, 1));
  // From here on nobody tells anything: what is looked at is only the clock.
  for (const [known, told] of [[1, []] as const, [3, agents.slice(1)] as const]) {
    await allWell(told);
    aheadMs += 2 * watched.coordinator.cluster.probing.intervalMs;
    const deadline = performance.now() + 20_000;
    while ((await unknownThen()) > all - (known * all) / 3 && performance.now() < deadline)
      await once(watched.coordinator, "changed", { signal: AbortSignal.timeout(1_500) }).catch(() => {});
    t.equal(await unknownThen(), all - (known * all) / 3, `${known} of 3 nodes have told of their paths`);
  }
  for (const agent of agents) await agent.leave(true);
});

t.test("who leaves is told to have come again, though its process has the same number", async (t) => {
  const folder = t.testdir();
  let identity: RunIdentity;
  {
    await using watched = await watch(folder);
    identity = watched.identity;
    const told: string[] = [];
    watched.coordinator.on("happening", (kind, node) => void (node === "n1" && told.push(kind)));
    const [first] = await join(["n1"], watched);
    await first!.leave(true);
    const again = await SimulatedAgent.join("n1", watched.coordinator.joinString);
    await again.leave(false);
    t.strictSame(told.slice(0, 3), ["joined", "left", "joined"]);
  }
  await using watched = await watch(folder, { identity });
  t.equal(new ClusterView(watched.coordinator).agentState(0), "missing", "and is missed when it is gone");
});

t.test("a clock is that of its node, also when nodes are numbered anew", async (t) => {
  await using watched = await watch(t.testdir());
  const { coordinator } = watched;
  const agents = await join(watchedNodes, watched);
  for (const [index, agent] of agents.entries())
    agent.answers = (message) =>
      message.type === "time" ? [{ ...message, at: Date.now() + index * 3_600_000 }] : [];
  const hours = (node: number): number => Math.round((coordinator.clockOffsetMs(node) ?? NaN) / 3_600_000);
  const deadline = performance.now() + 20_000;
  while (Number.isNaN(hours(0) + hours(1) + hours(2)) && performance.now() < deadline) await sleep(20);
  t.strictSame([0, 1, 2].map(hours), [0, 1, 2]);
  const cluster = clusterOf(watchedSpec, nodesOf(["peer"], ["peer"], ["peer"]));
  await coordinator.reload({ ...cluster, nodes: cluster.nodes.slice(1) });
  t.strictSame([0, 1].map(hours), [1, 2]);
  t.equal(coordinator.clockOffsetMs(2), undefined);
  for (const agent of agents.slice(1)) await agent.leave(true);
});
