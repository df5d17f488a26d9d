/** For how long an agent looks for half-open connections. */
import t from "tap";
import { runAgent } from "../../agent/agent.ts";
import { HalfOpenWatch } from "../../agent/half-open.ts";
import { agentConfig } from "../helpers/agent-fixtures.ts";
import { offlineContent, plansOn } from "../helpers/offline.ts";
import { scriptedCoordinator } from "../helpers/scripted-coordinator.ts";

t.test("without a coordinator it looks for the whole window", async (t) => {
  const watched = t.capture(HalfOpenWatch.prototype, "watch");
  const { a } = await plansOn(41);
  const controller = new AbortController();
  await offlineContent(a, {
    windowMs: 3_600_000,
    signal: controller.signal,
    tell: () => controller.abort(),
  });
  t.match(watched(), [{ args: [3_600_000] }]);
});

t.test("at a coordinator's word it looks for a minute and no longer", async (t) => {
  const watched = t.capture(HalfOpenWatch.prototype, "watch");
  const nodes = [{ index: 0, name: "a", addresses: ["127.79.42.1"] }];
  await using coordinator = await scriptedCoordinator({ nodes, listeners: [] });
  const controller = new AbortController();
  const agent = runAgent(
    { ...agentConfig(t), node: "a", join: coordinator.join },
    { tell: () => {}, random: () => 0, now: () => new Date() },
    controller.signal,
  );
  const link = await coordinator.next();
  link.send({ type: "watch", forMs: 5_000 });
  link.send({ type: "watch", forMs: 3_600_000 });
  await link.ask({ type: "look", look: 1, withinMs: 1, questions: [] }, "sightings");
  t.match(watched(), [{ args: [5_000] }, { args: [60_000] }]);
  controller.abort();
  await agent;
});
