/** Webhooks of a whole coordinator, with a real journal, agents over real links and a real receiver. */
import { once } from "node:events";
import { Check } from "typebox/value";
import t from "tap";
import { Notifier } from "../../../coordinator/notify/notifier.ts";
import type { Hook } from "../../../coordinator/notify/hook.ts";
import { codeOf } from "../../../shared/api.ts";
import { defaultNews, NotificationSchema, type Notification } from "../../../shared/notification.ts";
import { clusterOf, endpointRowOf, flowOf, nodesOf, specOf } from "../../helpers/domain-fixtures.ts";
import { silentOf } from "../../helpers/watch-fixtures.ts";
import { watchedFleet } from "../../helpers/watched-fleet.ts";
import { hookOf as plainHook, webhookReceiver } from "../../helpers/webhook-receiver.ts";

t.setTimeout(60_000);

const flows = [flowOf("gossip", { ports: "9000-9002" }), flowOf("web", { ports: 9_443, security: "tls" })];
const cluster = clusterOf(specOf({ flows }), nodesOf(["peer"], ["peer"], ["peer"]));

/** What comes in a moment comes together. */
function hookOf(url: string, parts: Partial<Hook> = {}): Hook {
  return plainHook(url, { groupForMs: 100, ...parts });
}

/** Until its messages are delivered. */
async function untilIdle(notifier: Notifier): Promise<void> {
  while (notifier.pending > 0) await once(notifier, "outcome", { signal: AbortSignal.timeout(20_000) });
}

t.test(
  "a path that begins to fail and recovers is told, with the cluster's state and in words",
  async (t) => {
    const receiver = await webhookReceiver(t);
    const folder = t.testdir();
    await using fleet = await watchedFleet(folder, cluster);
    const quiet = hookOf(receiver.url, { name: "quiet", flows: ["web"] });
    const config = { hooks: [hookOf(receiver.url), quiet], folder };
    await using notifier = await Notifier.start(config, fleet.coordinator, fleet.view);
    await fleet.join();
    const [first] = fleet.agents;
    first!.odd = [silentOf("0", "9001")];
    await first!.sweep({ odd: first!.odd });
    await receiver.until(1);
    const [told] = receiver.messages() as [Notification];
    t.ok(Check(NotificationSchema, told), "as its schema says");
    t.match(told, {
      apiVersion: "portmesh/v1",
      kind: "Notification",
      hook: "ops",
      cluster: "prod",
      cause: "news",
      news: [{ kind: "fail", count: 1 }],
      paths: { fail: 1, pass: 11 },
      transitions: [
        {
          from: "n1",
          to: "n2",
          flow: "gossip",
          ports: "9000-9002",
          before: { verdict: "pass" },
          after: { verdict: "fail", reason: "dropped" },
          evidence: { source: { port: 9001 }, target: { agent: "alive" } },
        },
      ],
      omitted: 0,
      missed: 0,
      findings: [{ kind: "pair", explains: 1 }],
    });
    t.equal(
      told.text,
      "prod: 1 path began to fail. Now 1 of 12 paths fail.\nn1 does not reach n2 on tcp/9000-9002",
    );
    first!.odd = [];
    await first!.sweep();
    await receiver.until(2);
    t.match(receiver.messages()[1], { news: [{ kind: "recover", count: 1 }], paths: { fail: 0 } });
    await untilIdle(notifier);
  },
);

t.test(
  "what happened while nobody could tell it is told by the next coordinator, and nothing twice",
  async (t) => {
    const receiver = await webhookReceiver(t);
    const folder = t.testdir();
    let identity;
    {
      await using fleet = await watchedFleet(folder, cluster);
      identity = fleet.identity;
      await using notifier = await Notifier.start(
        { hooks: [hookOf(receiver.url)], folder },
        fleet.coordinator,
        fleet.view,
      );
      await fleet.join();
      const [first] = fleet.agents;
      first!.odd = [silentOf("0", "9001")];
      await first!.sweep({ odd: first!.odd });
      await receiver.until(1);
      await untilIdle(notifier);
    }
    {
      // Nobody tells of this one: there is no notifier.
      await using fleet = await watchedFleet(folder, cluster, identity);
      await fleet.join();
      await fleet.until(1);
    }
    await using fleet = await watchedFleet(folder, cluster, identity);
    const config = { hooks: [hookOf(receiver.url), hookOf(receiver.url, { name: "new" })], folder };
    await using _notifier = await Notifier.start(config, fleet.coordinator, fleet.view);
    await receiver.until(2);
    t.match(
      receiver.messages().map(({ hook, news }) => [hook, news]),
      [
        ["ops", [{ kind: "fail", count: 1 }]],
        ["ops", [{ kind: "recover", count: 1 }]],
      ],
      "a new webhook is told nothing of the past",
    );
  },
);

t.test("a storm is one message with counts; an agent that owes its sweeps is told", async (t) => {
  const receiver = await webhookReceiver(t);
  const folder = t.testdir();
  await using fleet = await watchedFleet(folder, cluster);
  const hook = hookOf(receiver.url, { groupForMs: 500 });
  await using _notifier = await Notifier.start({ hooks: [hook], folder }, fleet.coordinator, fleet.view);
  const storm = Array.from({ length: 100_000 }, (_, index) => ({
    at: 1,
    plan: 1,
    path: index,
    from: "n1",
    to: `n${index}`,
    spec: "made-up",
    flow: "gossip",
    expected: "open" as const,
    before: codeOf("reachable"),
    after: codeOf("dropped"),
    isOutside: false,
    isFlapping: false,
    isLate: false,
    evidence: undefined,
  }));
  const since = performance.now();
  fleet.coordinator.emit("transitions", storm);
  const tookMs = performance.now() - since;
  fleet.coordinator.watch.happened("stale", "n2", "n2 has told nothing for 90 s");
  fleet.coordinator.watch.happened("left", "n3", "n3 left");
  fleet.coordinator.watch.happened("stale", "n3", "n3 has told nothing for 90 s");
  const [received] = await receiver.until(1);
  t.comment(`100,000 transitions: ${tookMs.toFixed(0)} ms, ${received!.body.length} bytes`);
  t.match(receiver.messages(), [
    {
      news: [
        { kind: "fail", count: 100_000 },
        { kind: "stale", count: 1 },
      ],
      omitted: 99_900,
      happenings: [{ kind: "stale", node: "n2", text: "n2 has told nothing for 90 s" }],
    },
  ]);
  t.equal(receiver.messages()[0]!.transitions.length, 100);
  t.ok(received!.body.length < 100_000);
});

t.test(
  "what could not be delivered is told in the history, and another cluster file takes over",
  async (t) => {
    const receiver = await webhookReceiver(t);
    receiver.reply = () => ({ status: 410, body: "gone\u001b[2J" });
    const folder = t.testdir();
    await using fleet = await watchedFleet(folder, cluster);
    const config = { hooks: [hookOf(receiver.url)], folder };
    await using notifier = await Notifier.start(config, fleet.coordinator, fleet.view);
    const outcomes: string[] = [];
    notifier.on("outcome", (outcome) => outcomes.push(outcome));
    const lost = new Promise<string>((resolve) => {
      fleet.coordinator.on("happening", (kind, _node, text) => {
        if (kind === "notification-lost") resolve(text);
      });
    });
    fleet.coordinator.watch.happened("stale", "n2", "n2 has told nothing for 90 s");
    t.equal(await lost, "ops was not told: the receiver said 410: gone [2J");
    t.strictSame(outcomes, ["lost"]);
    const other = await webhookReceiver(t);
    await notifier.reload([hookOf(other.url), hookOf(other.url, { name: "new" })]);
    fleet.coordinator.watch.happened("fresh", "n2", "n2 tells of its paths again");
    await other.until(2);
    const told = other.messages().map(({ hook, missed }) => `${hook} ${missed}`);
    t.strictSame(new Set(told), new Set(["new 0", "ops 1"]));
    await notifier.reload([]);
    fleet.coordinator.watch.happened("stale", "n2", "n2 has told nothing for 90 s");
    t.equal(notifier.pending, 0, "nobody is to be told");
  },
);

t.test("a path that is out of sight for a while has not recovered before it works", async (t) => {
  const receiver = await webhookReceiver(t);
  const folder = t.testdir();
  await using fleet = await watchedFleet(folder, cluster);
  const on = [...defaultNews, "unknown", "warn"] as const;
  const hook = hookOf(receiver.url, { on });
  await using _notifier = await Notifier.start({ hooks: [hook], folder }, fleet.coordinator, fleet.view);
  const path = {
    at: 1,
    plan: 1,
    path: 0,
    from: "n1",
    to: "n2",
    spec: "made-up",
    flow: "gossip",
  };
  const rest = {
    expected: "open" as const,
    isOutside: false,
    isFlapping: false,
    isLate: false,
    evidence: undefined,
  };
  const reasons = ["reachable", "dropped", "stale", "dropped", "agent-missing", "slow", "reachable"] as const;
  for (const [index, after] of reasons.slice(1).entries())
    fleet.coordinator.emit("transitions", [
      { ...path, ...rest, before: codeOf(reasons[index]!), after: codeOf(after) },
    ]);
  await receiver.until(1);
  t.strictSame(receiver.messages()[0]!.news, [
    { kind: "fail", count: 1 },
    { kind: "unknown", count: 2 },
    { kind: "recover", count: 1 },
    { kind: "warn", count: 1 },
  ]);
});

t.test("a host outside of the cluster that fails is told as what it is", async (t) => {
  const receiver = await webhookReceiver(t);
  const folder = t.testdir();
  const endpoints = [endpointRowOf("portal", { hosts: ["portal.example"] })];
  const withPortal = clusterOf(specOf({ flows, endpoints }), nodesOf(["peer"], ["peer"]));
  await using fleet = await watchedFleet(folder, withPortal);
  const hooks = [hookOf(receiver.url, { flows: ["portal"], nodes: ["n1"] })];
  await using _notifier = await Notifier.start({ hooks, folder }, fleet.coordinator, fleet.view);
  const told = {
    at: 1,
    plan: 1,
    path: 4,
    spec: "made-up",
    flow: "portal",
    to: "portal.example",
    expected: "open" as const,
    isOutside: true,
    isFlapping: false,
    isLate: false,
    evidence: undefined,
    before: codeOf("reachable"),
    after: codeOf("unresolved"),
  };
  fleet.coordinator.emit("transitions", [
    { ...told, from: "n2" },
    { ...told, from: "n1" },
  ]);
  await receiver.until(1);
  const [message] = receiver.messages();
  t.ok(Check(NotificationSchema, message));
  t.match(message, {
    news: [{ kind: "fail", count: 1 }],
    endpoints: { unknown: 2 },
    transitions: [{ from: "n1", to: "portal.example", isOutside: true, ports: "443" }],
  });
  t.match(message!.text, /; 0 of 2 endpoints fail, 2 are unknown\.\n/);
  t.match(message!.text, /^n1 -> portal\.example portal: fail unresolved$/m);
});
