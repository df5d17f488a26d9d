/** Real agents and a real coordinator: pairs stream, clocks are compared, and an agent's policy has the last word. */
import t from "tap";
import { runAgent } from "../../agent/agent.ts";
import { alwaysWell } from "../../agent/health.ts";
import { streamTo } from "../../agent/stream.ts";
import { startCoordinator } from "../../coordinator/coordinator.ts";
import { parseJoinString } from "../../shared/join-string.ts";
import { nothingOutside } from "../../shared/outside.ts";
import { makePlan } from "../../shared/plan.ts";
import { epochKey } from "../../shared/proof.ts";
import { agentConfig, freePort } from "../helpers/agent-fixtures.ts";
import { clusterOf, flowOf, specOf } from "../helpers/domain-fixtures.ts";
import { requirementOf } from "../helpers/measured-fixtures.ts";

t.setTimeout(120_000);

const config = agentConfig(t);

t.test("every pair is measured both ways, and a clock that is wrong shows", async (t) => {
  const names = ["a", "b", "c"];
  const minimum = { value: 1, unit: "kbit/s" };
  const spec = specOf({
    roles: { peer: { everyNode: true } },
    flows: [flowOf("web", { ports: await freePort("127.79.31.1"), security: "tls", application: "https" })],
    requirements: [requirementOf("bandwidth", { toward: ["peer"], minimum })],
  });
  const nodes = names.map((name, index) => ({ name, address: `127.79.31.${index + 1}` }));
  const plan = makePlan(clusterOf(spec, nodes), "install");
  const bandwidth = { durationMs: 100, maxBytes: 100e6 };
  await using coordinator = await startCoordinator(
    {
      plan,
      host: "127.0.0.1",
      port: 0,
      advertise: undefined,
      probing: { timeoutMs: 4_000, budgetMs: 10_000, bandwidth },
      outside: nothingOutside,
      continuous: false,
    },
    () => new Date(),
  );
  const join = parseJoinString(coordinator.joinString);
  const controller = new AbortController();
  const aheadMs: Record<string, number> = { a: 0, b: 60_000, c: -5_000 };
  const agents = names.map((node) => {
    const now = (): Date => new Date(Date.now() + aheadMs[node]!);
    const deps = { tell: () => {}, random: () => 0, now };
    return runAgent({ ...config, node, join }, deps, controller.signal);
  });
  t.ok(await coordinator.everyoneIsListening(10_000, controller.signal));
  await coordinator.probe(controller.signal);
  const inspected = await coordinator.inspect(controller.signal);
  await coordinator.finish("over");
  await Promise.all(agents);
  t.strictSame(coordinator.progress.streams, { done: 3, of: 3 });
  for (const from of names.keys()) {
    for (const to of names.keys()) {
      const figure = inspected.bandwidth(from, to);
      if (from === to) t.equal(figure, undefined);
      else if (typeof figure !== "object") t.fail(`${names[from]} to ${names[to]}: ${figure}`);
      else t.ok(figure.bitsPerSecond > 1_000_000 && figure.bytes > 0 && figure.elapsedMs > 0);
    }
  }
  for (const [index, name] of names.entries()) {
    const { aheadMs: found, errorMs } = inspected.clock(index)!;
    t.ok(Math.abs(found - aheadMs[name]!) <= errorMs + 1, `${name}: ${found} ± ${errorMs} ms`);
  }
});

t.test("an agent streams with nobody whom its policy does not allow", async (t) => {
  const order = { type: "stream", stream: 5, to: 1, address: 0, port: 9, direction: "there" } as const;
  const limits = { warmUpMs: 1, durationMs: 1, maxBytes: 1 };
  const context = {
    epoch: epochKey(1, Buffer.alloc(32).toString("base64url")),
    source: {},
    policy: { permits: (address: string) => address !== "192.0.2.1" },
    health: alwaysWell,
  };
  const place = { address: "192.0.2.1", nodes: [], from: 0 };
  const { signal } = new AbortController();
  t.strictSame(await streamTo({ ...order, ...limits }, place, context, signal), {
    type: "streamed",
    stream: 5,
    bytes: 0,
    elapsedMs: 0,
    fault: "192.0.2.1 is outside of what this agent's policy allows",
  });
});
