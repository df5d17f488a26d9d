/** Ranges that take longer than a sweep may: what is probed of them, what is said of it, and what comes next. */
import t from "tap";
import { runAgent } from "../../agent/agent.ts";
import { alwaysWell } from "../../agent/health.ts";
import { probeThoroughly } from "../../agent/looks.ts";
import {
  defaultLimits,
  runPinglist,
  type CutOrder,
  type ProbeOrder,
  type ProberDependencies,
  type ProbeResult,
} from "../../agent/prober.ts";
import { defaultPolicy } from "../../agent/policy.ts";
import { protocols } from "../../agent/protocols/index.ts";
import type { Protocol } from "../../agent/protocols/protocol.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { countPorts, eachPort, hasPort, type PortSet } from "../../shared/ports.ts";
import type { AgentMessage, CoordinatorMessage } from "../../shared/wire.ts";
import { agentConfig, createFixture, type Fixture } from "../helpers/agent-fixtures.ts";
import { scriptedCoordinator } from "../helpers/scripted-coordinator.ts";

const never = new AbortController().signal;

function orderOf(id: number, to: number, ports: PortSet, start = 0): ProbeOrder {
  return { id, from: 0, to, address: "127.0.0.1", protocol: "tcp", serverName: "x", ports, start };
}

function outcome(kind: Outcome["kind"]): Outcome {
  return { kind, phase: "connect", elapsedMs: 1, attempts: 1 };
}

/** A prober whose far end is the given function, and whose rate leaves a sweep no time for large ranges. */
async function prober(
  fixture: Fixture,
  sweepMs: number,
  probe: Protocol["probe"] = () => Promise.resolve(outcome("open")),
): Promise<ProberDependencies> {
  return {
    protocols: { ...protocols, tcp: { name: "tcp", transport: "tcp", probe } },
    context: await fixture.probing("zero"),
    limits: { ...defaultLimits, ratePerSecond: 4_000, sweepMs },
    health: alwaysWell,
  };
}

interface Swept {
  cut: CutOrder[];
  /** The ports that were probed, by order. */
  ports: Map<number, number[]>;
}

async function sweep(orders: readonly ProbeOrder[], dependencies: ProberDependencies): Promise<Swept> {
  const results: ProbeResult[] = [];
  const cut = await runPinglist(orders, dependencies, (result) => results.push(result), never);
  const ports = new Map(
    [...Map.groupBy(results, ({ order: { id } }) => id)].map(([id, list]) => [
      id,
      list.map(({ port }) => port),
    ]),
  );
  return { cut, ports };
}

t.test("small sets are probed whole when no time is left, and so are the ends of ranges", async (t) => {
  using fixture = await createFixture();
  const orders = [
    orderOf(0, 1, [[9_000, 9_040]]),
    orderOf(1, 1, [[30_000, 32_767]]),
    orderOf(2, 2, [[443, 443]]),
  ];
  const { cut, ports } = await sweep(orders, await prober(fixture, 0));
  t.equal(ports.get(0)!.length, 41);
  t.strictSame(ports.get(2), [443]);
  const range = ports.get(1)!;
  t.ok(range.includes(30_000) && range.includes(32_767));
  t.match(cut, [{ order: { id: 1 }, taken: range.length - 2, of: 2_766 }]);
  t.equal(cut.length, 1, "nothing else is cut");
});

t.test("a cut leaves each range its share, and each node", async (t) => {
  using fixture = await createFixture();
  const orders = [
    orderOf(0, 1, [[10_000, 13_999]]),
    orderOf(1, 1, [[20_000, 20_799]]),
    orderOf(2, 2, [[10_000, 13_999]]),
    orderOf(3, 2, [[9_000, 9_010]]),
  ];
  const { cut, ports } = await sweep(orders, await prober(fixture, 250));
  t.strictSame(
    cut.map(({ order }) => order.id).toSorted((a, b) => a - b),
    [0, 1, 2],
  );
  for (const { order, taken, of } of cut) {
    t.equal(of, countPorts(order.ports) - 2, "but for its ends");
    t.equal(ports.get(order.id)!.length, taken + 2, "as many as it says");
    t.equal(new Set(ports.get(order.id)).size, taken + 2, "none twice");
  }
  const share = (id: number): number => {
    const { taken, of } = cut.find(({ order }) => order.id === id)!;
    return taken / of;
  };
  t.ok(share(0) > 0 && share(0) < 1);
  t.ok(Math.abs(share(0) - share(1)) < 0.01, `${share(0)} of one, ${share(1)} of the other`);
  t.equal(ports.get(3)!.length, 11);
});

t.test("the next rounds go on where this one stopped, until every port has had its turn", async (t) => {
  using fixture = await createFixture();
  const range: PortSet = [[10_000, 11_499]];
  const inTurn = countPorts(range) - 2;
  const probed: number[] = [];
  let start = 0;
  for (let round = 0; start < inTurn && round < 100; round++) {
    const { cut, ports } = await sweep([orderOf(0, 1, range, start)], await prober(fixture, 60));
    const inner = ports.get(0)!.filter((port) => port !== 10_000 && port !== 11_499);
    probed.push(...inner);
    start += cut[0]?.taken ?? inTurn;
  }
  t.strictSame(
    probed.slice(0, inTurn).toSorted((a, b) => a - b),
    [...eachPort(range)].slice(1, -1),
  );
});

t.test("a range that fits is swept whole, and nothing is said to be cut", async (t) => {
  using fixture = await createFixture();
  const { cut, ports } = await sweep([orderOf(0, 1, [[10_000, 10_399]])], await prober(fixture, 60_000));
  t.strictSame(cut, []);
  t.equal(ports.get(0)!.length, 400);
});

t.test(
  "what is blocked in a cut range is found to the port, and each probed port is reported once",
  async (t) => {
    using fixture = await createFixture();
    const range: PortSet = [[30_000, 37_999]];
    const blocked: PortSet = [
      [31_000, 32_999],
      [37_500, 37_999],
    ];
    const probe: Protocol["probe"] = ({ port }) =>
      Promise.resolve(outcome(hasPort(blocked, port) ? "silent" : "open"));
    const results: ProbeResult[] = [];
    const cut = await probeThoroughly(
      [orderOf(0, 1, range)],
      await prober(fixture, 100, probe),
      { report: (result) => results.push(result), doubt: () => {} },
      never,
    );
    t.equal(cut.length, 1);
    t.ok(results.length < countPorts(range) / 2, `${results.length} of ${countPorts(range)} ports`);
    const kinds = new Map(results.map((result) => [result.port, result.outcome.kind]));
    t.equal(kinds.size, results.length);
    for (const [low, high] of [
      [30_999, 31_000],
      [32_999, 33_000],
      [37_499, 37_500],
    ] as const)
      t.strictSame(
        [kinds.get(low), kinds.get(high)],
        hasPort(blocked, low) ? ["silent", "open"] : ["open", "silent"],
        `between ${low} and ${high}`,
      );
  },
);

t.test("an agent that comes back goes on with its ranges where it was", async (t) => {
  const address = "127.79.43.1";
  const nodes = [{ index: 0, name: "a", addresses: [address] }];
  const [first, last] = [26_000, 27_999];
  const ports = `${first}-${last}`;
  const listeners = [{ transport: "tcp" as const, address: 0, ports }];
  await using coordinator = await scriptedCoordinator({ nodes, listeners });
  const controller = new AbortController();
  const config = { ...agentConfig(t), policy: { ...defaultPolicy, probesPerSecond: 1_000 } };
  const agent = runAgent(
    { ...config, node: "a", join: coordinator.join },
    { tell: () => {}, random: () => 0, now: () => new Date() },
    controller.signal,
  );
  const probed: number[][] = [];
  for (const id of [3, 8]) {
    const link = await coordinator.next();
    const order: CoordinatorMessage = {
      type: "probe",
      round: 1,
      timeoutMs: 2_000,
      budgetMs: 200,
      targets: [{ id, to: 0, address: 0, protocol: "tcp", ports }],
    };
    const { cut } = await link.ask(order, "done");
    t.strictSame(cut, [id], "there is more to sweep");
    probed.push(link.heard.flatMap(portsIn).filter((port) => port !== first && port !== last));
    link.cut();
  }
  const [before, after] = probed as [number[], number[]];
  t.ok(before.length > 0 && after.length > 0, `${before.length} ports, then ${after.length}`);
  const again = after.filter((port) => before.includes(port));
  t.strictSame(again, [], "none is probed twice before all had their turn");
  controller.abort();
  await agent;
});

function portsIn(message: AgentMessage): number[] {
  return message.type === "results" ? message.port : [];
}
