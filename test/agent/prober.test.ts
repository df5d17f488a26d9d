/** The engine: limits, lanes, cancellation, and what it makes of a protocol that misbehaves. */
import t from "tap";
import { Listeners } from "../../agent/listeners.ts";
import { defaultLimits, runPinglist, type ProbeOrder, type ProbeResult } from "../../agent/prober.ts";
import { protocols } from "../../agent/protocols/index.ts";
import type { Protocol } from "../../agent/protocols/protocol.ts";
import { alwaysWell, type Fault, type Health } from "../../agent/health.ts";
import { probeThoroughly } from "../../agent/looks.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { createFixture } from "../helpers/agent-fixtures.ts";

const never = new AbortController().signal;

function order(overrides: Partial<ProbeOrder> = {}): ProbeOrder {
  return {
    id: 0,
    from: 0,
    to: 1,
    address: "127.0.0.1",
    protocol: "tcp",
    serverName: "x",
    ports: [[1, 1]],
    ...overrides,
  };
}

function outcome(kind: Outcome["kind"], overrides: Partial<Outcome> = {}): Outcome {
  return { kind, phase: "connect", elapsedMs: 1, attempts: 1, ...overrides };
}

/** A protocol whose far end is the given function. */
function scripted(probe: Protocol["probe"]): typeof protocols {
  return { ...protocols, tcp: { name: "tcp", transport: "tcp", probe } };
}

t.test("every port of every order is probed exactly once, over real sockets", async (t) => {
  using fixture = await createFixture();
  await using listeners = new Listeners(await fixture.listening(1, "one"));
  const range: [number, number] = [32100, 32299];
  const address = "127.78.1.1";
  const report = await listeners.reconcile([
    { transport: "tcp", address, ports: [range] },
    { transport: "udp", address, ports: [range] },
  ]);
  t.equal(report.bound, 400);
  const orders = [
    order({ id: 0, address, ports: [range] }),
    order({ id: 1, address, protocol: "udp", ports: [range] }),
  ];
  const results: ProbeResult[] = [];
  await runPinglist(
    orders,
    { protocols, context: await fixture.probing("zero"), limits: defaultLimits, health: alwaysWell },
    (result) => results.push(result),
    never,
  );
  t.ok(results.every(({ outcome: { kind } }) => kind === "open"));
  t.equal(new Set(results.map(({ order: { id }, port }) => `${id} ${port}`)).size, 400);
  t.equal(results.length, 400);
});

t.test("a node that never answers keeps nobody else waiting", async (t) => {
  using fixture = await createFixture();
  const dead: Protocol["probe"] = ({ to }, { timeoutMs }) =>
    to === 1
      ? new Promise((resolve) =>
          setTimeout(() => resolve(outcome("silent", { elapsedMs: timeoutMs })), timeoutMs),
        )
      : Promise.resolve(outcome("open"));
  const orders = [order({ id: 0, to: 1, ports: [[1, 500]] }), order({ id: 1, to: 2, ports: [[1, 500]] })];
  const done: number[] = [];
  await runPinglist(
    orders,
    {
      protocols: scripted(dead),
      context: await fixture.probing("zero", 1_500),
      limits: defaultLimits,
      health: alwaysWell,
    },
    ({ order: { to } }) => done.push(to),
    never,
  );
  const lastOfLiving = done.lastIndexOf(2);
  const firstOfDead = done.indexOf(1);
  t.ok(lastOfLiving < firstOfDead, "the living node is through before the first time-out of the dead one");
  t.equal(done.length, 1_000);
});

t.test("a protocol that throws is one local error, not the end of the round", async (t) => {
  using fixture = await createFixture();
  const probe: Protocol["probe"] = ({ port }) =>
    port === 2 ? Promise.reject(new Error("boom")) : Promise.resolve(outcome("open"));
  const results: ProbeResult[] = [];
  await runPinglist(
    [order({ ports: [[1, 3]] })],
    {
      protocols: scripted(probe),
      context: await fixture.probing("zero"),
      limits: defaultLimits,
      health: alwaysWell,
    },
    (result) => results.push(result),
    never,
  );
  t.match(results.find(({ port }) => port === 2)?.outcome, { kind: "local-error", code: "DEFECT" });
  t.equal(results.filter(({ outcome: { kind } }) => kind === "open").length, 2);
});

t.test("a cancelled round ends at once and leaves nothing open", async (t) => {
  using fixture = await createFixture();
  const controller = new AbortController();
  const context = await fixture.probing("zero", 60_000);
  const stuck: Protocol["probe"] = (_target, { open }) =>
    new Promise((resolve) => {
      open.add({ destroy: () => resolve(outcome("local-error")) });
    });
  const results: ProbeResult[] = [];
  const round = runPinglist(
    [order({ ports: [[1, 20]] })],
    { protocols: scripted(stuck), context, limits: defaultLimits, health: alwaysWell },
    (result) => results.push(result),
    controller.signal,
  );
  setImmediate(() => controller.abort());
  await round;
  t.equal(results.length, 0);
  t.equal(context.open.size, 0);
});

t.test("never more probes are open than the limit of descriptors allows", async (t) => {
  using fixture = await createFixture();
  let open = 0;
  let most = 0;
  const slow: Protocol["probe"] = async () => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open--;
    return outcome("open");
  };
  await runPinglist(
    [order({ ports: [[1, 300]] })],
    {
      protocols: scripted(slow),
      context: await fixture.probing("zero"),
      limits: { ...defaultLimits, open: 16 },
      health: alwaysWell,
    },
    () => {},
    never,
  );
  t.equal(most, 16);
});

t.test("what failed in the rush and passes alone is open, with the lost attempt counted", async (t) => {
  using fixture = await createFixture();
  const seen = new Map<number, number>();
  const flaky: Protocol["probe"] = ({ port }) => {
    const count = (seen.get(port) ?? 0) + 1;
    seen.set(port, count);
    return Promise.resolve(port % 10 === 0 && count === 1 ? outcome("silent") : outcome("open"));
  };
  const results: ProbeResult[] = [];
  await probeThoroughly(
    [order({ ports: [[1, 100]] })],
    {
      protocols: scripted(flaky),
      context: await fixture.probing("zero"),
      limits: defaultLimits,
      health: alwaysWell,
    },
    { report: (result) => results.push(result), doubt: () => {} },
    never,
  );
  t.equal(results.length, 100);
  t.ok(results.every(({ outcome: { kind } }) => kind === "open"));
  t.strictSame(
    results
      .filter(({ outcome: { attempts } }) => attempts === 2)
      .map(({ port }) => port)
      .toSorted((a, b) => a - b),
    [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
  );
});

t.test("of a long blocked range only samples are looked at again, unless one of them passes", async (t) => {
  using fixture = await createFixture();
  const run = async (
    passesAgain: (port: number) => boolean,
  ): Promise<{ probes: number; results: ProbeResult[] }> => {
    const seen = new Map<number, number>();
    let probes = 0;
    const probe: Protocol["probe"] = ({ port }) => {
      probes++;
      const count = (seen.get(port) ?? 0) + 1;
      seen.set(port, count);
      return Promise.resolve(count > 1 && passesAgain(port) ? outcome("open") : outcome("silent"));
    };
    const results: ProbeResult[] = [];
    await probeThoroughly(
      [order({ ports: [[1, 1_000]] })],
      {
        protocols: scripted(probe),
        context: await fixture.probing("zero"),
        limits: defaultLimits,
        health: alwaysWell,
      },
      { report: (result) => results.push(result), doubt: () => {} },
      never,
    );
    return { probes, results };
  };
  const blocked = await run(() => false);
  t.equal(blocked.results.length, 1_000);
  // Where other traffic of this host draws ICMP errors, the kernel's counters are asked with a few more.
  t.ok(blocked.probes >= 1_000 + 64 && blocked.probes < 1_000 + 2 * 64, `${blocked.probes} probes`);
  const overrun = await run(() => true);
  t.equal(overrun.results.length, 1_000);
  t.equal(overrun.probes, 2_000);
  t.ok(overrun.results.every(({ outcome: { kind } }) => kind === "open"));
});

t.test("what this host kept itself from seeing is its own error; an answer is an answer", async (t) => {
  using fixture = await createFixture();
  const kinds = ["open", "refused", "silent", "reset", "unreachable", "wrong-answer"] as const;
  const proof = { node: 2, port: 7, seenAddress: "127.0.0.1", seenPort: 1, clientVerified: false };
  const probe: Protocol["probe"] = ({ port }) =>
    Promise.resolve(
      port === 7 ? outcome("tls-failed", { proof }) : outcome(kinds[port - 1]!, { elapsedMs: 3_060 }),
    );
  const health: Health = { ...alwaysWell, fault: () => ({ code: "STARVED", detail: "it did not run" }) };
  const results: ProbeResult[] = [];
  await runPinglist(
    [order({ ports: [[1, 7]] })],
    { protocols: scripted(probe), context: await fixture.probing("zero"), limits: defaultLimits, health },
    (result) => results.push(result),
    never,
  );
  const byPort = results.toSorted((a, b) => a.port - b.port).map((each) => each.outcome);
  t.strictSame(
    byPort.map(({ kind }) => kind),
    ["open", "refused", "local-error", "local-error", "local-error", "local-error", "tls-failed"],
  );
  t.match(byPort[2], { code: "STARVED", detail: "it did not run", phase: "connect" });
  t.equal(byPort[6]?.code, undefined);
});

t.test("a starved prober tries again, one whose interface is down knows enough", async (t) => {
  using fixture = await createFixture();
  /** The fault lasts for so many looks at three ports. */
  const run = async (
    code: Fault["code"],
    looks: number,
  ): Promise<{ probes: number; results: ProbeResult[] }> => {
    let probes = 0;
    const isBad = (): boolean => probes <= 3 * looks;
    const health: Health = { ...alwaysWell, fault: () => (isBad() ? { code, detail: "x" } : undefined) };
    const probe: Protocol["probe"] = () => {
      probes++;
      return Promise.resolve(outcome(isBad() ? "silent" : "open"));
    };
    const results: ProbeResult[] = [];
    await probeThoroughly(
      [order({ ports: [[1, 3]] })],
      { protocols: scripted(probe), context: await fixture.probing("zero"), limits: defaultLimits, health },
      { report: (result) => results.push(result), doubt: () => {} },
      never,
    );
    return { probes, results };
  };
  const busy = await run("STARVED", 1);
  t.equal(busy.probes, 6);
  t.ok(busy.results.every((each) => each.outcome.kind === "open" && each.outcome.attempts === 2));
  const busier = await run("STARVED", 3);
  t.equal(busier.probes, 12, "a host that is busy for longer is given time");
  t.ok(busier.results.every((each) => each.outcome.kind === "open"));
  const starved = await run("STARVED", 100);
  t.equal(starved.probes, 15, "but not for ever");
  t.ok(starved.results.every((each) => each.outcome.code === "STARVED"));
  const down = await run("LINK_DOWN", 1);
  t.equal(down.probes, 3);
  t.ok(down.results.every((each) => each.outcome.code === "LINK_DOWN"));
});

t.test("nodes are named before they are probed again, once each", async (t) => {
  using fixture = await createFixture();
  const doubts: number[][] = [];
  let probes = 0;
  let probesBefore = 0;
  const probe: Protocol["probe"] = ({ to }) => {
    probes++;
    return Promise.resolve(outcome(to === 3 ? "open" : "silent"));
  };
  const results: ProbeResult[] = [];
  await probeThoroughly(
    [1, 2, 3].map((to) => order({ id: to, to, ports: [[1, 2]] })),
    {
      protocols: scripted(probe),
      context: await fixture.probing("zero"),
      limits: defaultLimits,
      health: alwaysWell,
    },
    {
      report: (result) => results.push(result),
      doubt: (nodes) => {
        doubts.push(nodes.toSorted((a, b) => a - b));
        probesBefore = probes;
      },
    },
    never,
  );
  t.strictSame(doubts, [[1, 2]]);
  t.equal(probesBefore, 6, "before the first of them");
  t.equal(results.length, 6);
});
