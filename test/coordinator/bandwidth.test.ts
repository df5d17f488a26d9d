/** The tournament as agents see it: who is told to stream with whom, when, and what is made of what they say. */
import { mock } from "node:test";
import t from "tap";
import { BandwidthMeasurement } from "../../coordinator/bandwidth.ts";
import { Observations } from "../../coordinator/observations.ts";
import { outcomeKinds, probePhases } from "../../shared/names.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import type { StreamedMessage, StreamMessage } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";
import { requirementOf } from "../helpers/measured-fixtures.ts";

t.setTimeout(60_000);

const gbit = 1e9;
const never = new AbortController().signal;
const between = requirementOf("bandwidth", {
  toward: ["peer"],
  expected: "at least 1 Gbit/s",
  minimum: { value: 1, unit: "Gbit/s" },
});

function planOf(count: number): Plan {
  const flows = [
    flowOf("web", { ports: 8443, security: "tls", application: "https" }),
    flowOf("gossip", { ports: "9000-9001" }),
    flowOf("names", { ports: 53, transport: "udp" }),
  ];
  const spec = specOf({ roles: { peer: { everyNode: true } }, flows, requirements: [between] });
  return makePlan(clusterOf(spec, nodesOf(...Array.from({ length: count }, () => []))), "install");
}

interface Ordered extends StreamMessage {
  by: number;
  /** Orders that were open when it came. */
  beside: number;
}
type Answer = Partial<StreamedMessage> | "silence";

interface Scene {
  orders: Ordered[];
  measurement: BandwidthMeasurement;
  /** Nodes without an agent. */
  gone: Set<number>;
}

/** Every TCP port answered but those of `closed` (from>to, maybe with the port); agents answer as `answer` says. */
function scene(
  plan: Plan,
  {
    answer = () => ({}),
    closed = [],
    budgetMs = 60_000,
  }: {
    answer?: (order: Ordered, scene: Scene) => Answer;
    closed?: readonly string[];
    budgetMs?: number;
  } = {},
): Scene {
  const observations = new Observations(plan);
  for (const target of plan.targets) {
    for (const [first, last] of target.ports) {
      for (let port = first; port <= last; port++) {
        const way = `${target.from}>${target.to}`;
        const isOpen = !closed.includes(way) && !closed.includes(`${way}:${port}`);
        observations.record(target.from, {
          type: "results",
          round: 1,
          target: [target.id],
          port: [port],
          outcome: [outcomeKinds.indexOf(isOpen ? "open" : "silent")],
          phase: [probePhases.indexOf(isOpen ? "answer" : "connect")],
          elapsedUs: [1],
          rttUs: [1],
          attempts: [1],
          details: [],
        });
      }
    }
  }
  const gone = new Set<number>();
  const orders: Ordered[] = [];
  let open = 0;
  const result: Scene = {
    orders,
    gone,
    measurement: new BandwidthMeasurement({
      plan,
      observations,
      membership: { member: (node) => ({ connected: !gone.has(node) }) as never },
      bandwidth: { durationMs: 1, maxBytes: 5e6 },
      budgetMs,
      send(by, message) {
        if (message.type !== "stream") throw new Error(message.type);
        const order = { ...message, by, beside: open++ };
        orders.push(order);
        const said = answer(order, result);
        setImmediate(() => {
          open--;
          if (said === "silence") return;
          const { stream } = message;
          const usual = { type: "streamed", stream, bytes: gbit / 8, elapsedMs: 1_000 } as const;
          result.measurement.streamed(by, { ...usual, ...said });
        });
      },
    }),
  };
  return result;
}

/** Sending and receiving node. */
function wayOf({ by, to, direction }: Ordered): string {
  return direction === "there" ? `${by}>${to}` : `${to}>${by}`;
}

t.test("each direction of each pair is measured once, and no node is in two pairs at once", async (t) => {
  const plan = planOf(5);
  const progress: string[] = [];
  const { orders, measurement } = scene(plan, {
    answer: (order, { orders: so }) => {
      t.ok(order.beside < 2, "two pairs of five nodes");
      return { bytes: (gbit / 8) * (order.by + 1), elapsedMs: so.length === 1 ? 500 : 1_000 };
    },
  });
  await measurement.run(never, ({ done, of }) => progress.push(`${done}/${of}`));
  t.equal(orders.length, 20);
  t.equal(new Set(orders.map(wayOf)).size, 20);
  t.match(orders[0], {
    port: 9_000,
    address: 0,
    direction: "there",
    warmUpMs: 200,
    durationMs: 1,
    maxBytes: 5e6,
  });
  const [first] = orders;
  t.strictSame(measurement.figure(first!.by, first!.to), {
    bitsPerSecond: 2 * gbit * (first!.by + 1),
    bytes: (gbit / 8) * (first!.by + 1),
    elapsedMs: 500,
  });
  t.strictSame(
    progress,
    Array.from({ length: 10 }, (_, index) => `${index + 1}/10`),
  );
});

t.test("where one side cannot dial, the other side's connection carries both directions", async (t) => {
  const { orders, measurement } = scene(planOf(2), { closed: ["0>1", "1>0:9000", "1>0:9001"] });
  await measurement.run(never, () => {});
  t.strictSame(
    orders
      .map(({ by, to, port, direction }) => ({ by, to, port, direction }))
      .toSorted((a) => (a.direction === "back" ? -1 : 1)),
    [
      { by: 1, to: 0, port: 8_443, direction: "back" },
      { by: 1, to: 0, port: 8_443, direction: "there" },
    ],
  );
  const shut = scene(planOf(2), { closed: ["0>1", "1>0"] });
  await shut.measurement.run(never, () => {});
  t.equal(shut.orders.length, 0);
  t.match(shut.measurement.figure(0, 1), /^no TCP port between n1 and n2 answered with proof/);
});

t.test("what is too low is measured again alone, and the better figure counts", async (t) => {
  const { orders, measurement } = scene(planOf(4), {
    answer: (order, { orders: all }) => {
      const isFirst = all.filter((other) => wayOf(other) === wayOf(order)).length === 1;
      if (!isFirst) t.equal(order.beside, 0, "alone");
      if (wayOf(order) === "0>1") return { bytes: isFirst ? 1e6 : 200e6 };
      if (wayOf(order) === "2>1") return { bytes: isFirst ? 2e6 : 1e6, impaired: "n3: busy" };
      return { impaired: "n2: busy" };
    },
  });
  await measurement.run(never, () => {});
  t.strictSame(orders.slice(12).map(wayOf).toSorted(), ["0>1", "2>1"]);
  t.match(measurement.figure(0, 1), { bytes: 200e6, impaired: undefined });
  t.match(measurement.figure(2, 1), { bytes: 2e6, impaired: "n3: busy" });
});

t.test("without time for that, a low figure is not held against the network", async (t) => {
  const { measurement } = scene(planOf(3), { budgetMs: 0, answer: () => ({ bytes: 1e6 }) });
  await measurement.run(never, () => {});
  t.match(measurement.figure(0, 1), {
    bytes: 1e6,
    impaired: "it could only be measured while other pairs were: there was no time left",
  });
});

t.test("a port that carries no stream is not the only one", async (t) => {
  const fault = "the stream with 10.0.0.2:9000 broke off after 3 ms: ECONNRESET";
  const { orders, measurement } = scene(planOf(2), {
    answer: ({ port }) => (port === 9_000 ? { fault, bytes: 0, elapsedMs: 0 } : {}),
  });
  await measurement.run(never, () => {});
  t.strictSame(
    orders.map(({ port }) => port),
    [9_000, 9_000, 8_443, 8_443],
  );
  t.match(measurement.figure(0, 1), { bitsPerSecond: gbit });
});

t.test("an agent that is gone holds nobody up", async (t) => {
  // No deadline passes.
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const { orders, gone, measurement } = scene(planOf(4), {
    answer: ({ by }, { measurement: running }) => {
      if (by !== 3) return {};
      gone.add(3);
      setImmediate(() => running.lost(3));
      return "silence";
    },
  });
  await measurement.run(never, () => {});
  for (const from of [0, 1, 2]) {
    for (const to of [0, 1, 2])
      if (from !== to) t.match(measurement.figure(from, to), { bitsPerSecond: gbit });
  }
  const told = [0, 1, 2].flatMap((node) => [measurement.figure(3, node), measurement.figure(node, 3)]);
  const why = told.filter((figure) => typeof figure === "string").toSorted();
  t.equal(why.shift(), "the agent of n4 went away");
  t.ok(why.length >= 4 && why.every((each) => each === "there is no agent on n4"));
  t.equal(orders.filter(({ by }) => by === 3).length, 1);
});

t.test("an agent that lives and does not answer is waited for once", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const { orders, measurement } = scene(planOf(3), { answer: ({ by }) => (by === 0 ? "silence" : {}) });
  const over = new AbortController();
  const run = measurement.run(never, () => {}).then(() => over.abort());
  while (!over.signal.aborted) {
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(1_000);
  }
  await run;
  t.equal(orders.filter(({ by }) => by === 0).length, 1);
  // Over connections of the others it can still be streamed with.
  t.match(measurement.figure(1, 0), { bitsPerSecond: gbit });
  t.match(measurement.figure(0, 2), { bitsPerSecond: gbit });
});

t.test("the signal ends it, with what is known by then", async (t) => {
  const controller = new AbortController();
  const { orders, measurement } = scene(planOf(4), {
    answer: (order) => {
      if (order.stream < 3) return {};
      setImmediate(() => controller.abort());
      return "silence";
    },
  });
  await measurement.run(controller.signal, () => {});
  t.ok(orders.length < 12);
  t.equal(orders.filter((order) => typeof measurement.figure(...fromTo(order)) === "object").length, 2);
});

function fromTo(order: Ordered): [number, number] {
  return wayOf(order).split(">").map(Number) as [number, number];
}

t.test("an agent speaks for its own streams only, and a figure needs time", async (t) => {
  const { measurement, orders } = scene(planOf(2), {
    answer: ({ stream, by }, { measurement: running }) => {
      running.streamed(1 - by, { type: "streamed", stream, bytes: 1, elapsedMs: 1 });
      running.streamed(by, { type: "streamed", stream: 77, bytes: 1, elapsedMs: 1 });
      return { elapsedMs: by === 0 ? 5 : 0 };
    },
  });
  await measurement.run(never, () => {});
  const figures = [measurement.figure(0, 1), measurement.figure(1, 0)];
  t.match(figures, [/^the bytes were used up .*raise probing\.bandwidth\.megabytes$/, /before its warm-up/]);
  t.equal(orders.length, 3, "what used its bytes up is not measured again");
});
