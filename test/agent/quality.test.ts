/** How good a path is, measured against real listeners behind relays that lose, delay and swallow. */
import t, { type Test } from "tap";
import { alwaysWell, type Health } from "../../agent/health.ts";
import { Listeners } from "../../agent/listeners.ts";
import { defaultLimits, runPinglist, type ProbeOrder, type ProbeResult } from "../../agent/prober.ts";
import { protocols } from "../../agent/protocols/index.ts";
import { AnsweredPorts, measureQuality, type Quality, type SamplePlan } from "../../agent/quality.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { eachPort, type PortInterval } from "../../shared/ports.ts";
import { createFixture } from "../helpers/agent-fixtures.ts";
import { relayTcp, relayUdp, type Fate } from "../helpers/impairing-relays.ts";

t.setTimeout(120_000);

const never = new AbortController().signal;
const transports = ["tcp", "udp"] as const;
const loss: SamplePlan = { samples: 40, rttThresholdMs: undefined };
let network = 0;

interface Path {
  transport: "tcp" | "udp";
  ports?: PortInterval;
  /** What happens on the way; nothing where it is absent. */
  fate?: Fate;
}

/** Measures one order to a listener, through a relay. Quality is measured of what answered before. */
async function measure(
  t: Test,
  { transport, ports = [32_500, 32_500], fate }: Path,
  plan: SamplePlan = loss,
  health: Health = alwaysWell,
): Promise<Quality[]> {
  network++;
  const [near, far] = [`127.78.6.${network}`, `127.78.7.${network}`];
  const fixture = await createFixture();
  const listeners = new Listeners(await fixture.listening(1, "one"));
  t.teardown(async () => {
    await listeners[Symbol.asyncDispose]();
    fixture[Symbol.dispose]();
  });
  await listeners.reconcile([{ transport, address: far, ports: [ports] }]);
  const relay = transport === "udp" ? relayUdp : relayTcp;
  let isProbed = false;
  if (fate !== undefined)
    for (const port of eachPort([ports]))
      await relay(t, { address: near, port }, far, (...passing) => (isProbed ? fate(...passing) : 0));
  const address = fate === undefined ? far : near;
  const order: ProbeOrder = {
    id: 5,
    from: 0,
    to: 1,
    protocol: transport,
    serverName: "x",
    address,
    ports: [ports],
  };
  const dependencies = {
    protocols,
    health,
    limits: defaultLimits,
    context: await fixture.probing("zero"),
  };
  const answered = new AnsweredPorts();
  await runPinglist([order], dependencies, (result) => answered.add(result), never);
  isProbed = true;
  return measureQuality(answered.ports, plan, dependencies, never);
}

t.test("a good path loses nothing and is quick", async (t) => {
  for (const transport of transports) {
    const [quality] = await measure(t, { transport });
    t.match(quality, { ports: [32_500], sent: 40, lost: 0, blackHole: undefined });
    t.ok(quality!.rttMs! > 0);
  }
});

t.test("every fifth packet that is lost costs its round trip, which is no matter of size", async (t) => {
  const everyFifth: Fate = (_bytes, way, count) => (way === "there" && count % 5 === 0 ? undefined : 0);
  const measured = transports.map((transport) => measure(t, { transport, fate: everyFifth }));
  for (const [quality] of await Promise.all(measured))
    t.match(quality, { sent: 40, lost: 8, blackHole: undefined });
});

t.test("where no probe passes any more, that is known before all samples are lost", async (t) => {
  const [quality] = await measure(t, { transport: "udp", fate: (bytes) => (bytes <= 64 ? undefined : 0) });
  const { sent, lost, rttMs } = quality!;
  t.ok(sent === lost && sent >= 10 && sent < 20, `${lost} of ${sent}`);
  t.equal(rttMs, undefined);
});

t.test("what is delayed both ways is slow by twice as much, and asked again before it is", async (t) => {
  const measured = transports.map((transport) =>
    measure(t, { transport, fate: () => 20 }, { samples: 40, rttThresholdMs: 5 }),
  );
  for (const [quality] of await Promise.all(measured)) {
    t.match(quality, { sent: 60, lost: 0 });
    t.ok(quality!.rttMs! >= 39, `${quality!.rttMs} ms`);
  }
});

t.test("a moment of slowness passes and is none", async (t) => {
  let passed = 0;
  const fate: Fate = () => (++passed < 90 ? 40 : 0);
  const [quality] = await measure(t, { transport: "udp", fate }, { samples: 40, rttThresholdMs: 20 });
  t.ok(quality!.rttMs! < 80, `${quality!.rttMs} ms`);
});

t.test(
  "the largest packet that passes is found to the byte, and the way on which larger ones are lost",
  async (t) => {
    const cases = [
      { transport: "udp", headers: 28, lost: "there", pathMtu: 1_300 },
      { transport: "udp", headers: 28, lost: "back", pathMtu: 1_400 },
      { transport: "tcp", headers: 52, lost: "there", pathMtu: 1_300 },
      { transport: "tcp", headers: 52, lost: "back", pathMtu: 1_450 },
    ] as const;
    const measured = cases.map(({ transport, headers, lost, pathMtu }) =>
      measure(t, {
        transport,
        fate: (bytes, way) => (way === lost && bytes + headers > pathMtu ? undefined : 0),
      }),
    );
    for (const [index, [quality]] of (await Promise.all(measured)).entries()) {
      const { transport, lost, pathMtu } = cases[index]!;
      t.match(quality, { lost: 0, blackHole: { pathMtu, lost } }, `${transport}, ${lost}`);
    }
  },
);

t.test("without thresholds no round trip is sampled", async (t) => {
  const [quality] = await measure(t, { transport: "udp" }, { samples: 0, rttThresholdMs: undefined });
  t.match(quality, { sent: 0, lost: 0, rttMs: undefined, blackHole: undefined });
});

t.test("few ports are told apart, many speak for each other", async (t) => {
  const few = await measure(t, { transport: "tcp", ports: [32_500, 32_503] });
  t.strictSame(
    few.map(({ ports, sent }) => ({ ports, sent })).toSorted((a, b) => a.ports[0]! - b.ports[0]!),
    [32_500, 32_501, 32_502, 32_503].map((port) => ({ ports: [port], sent: 10 })),
  );
  const many = await measure(t, { transport: "tcp", ports: [32_500, 32_539] });
  t.equal(many.length, 1);
  t.match(many[0], { sent: 40, lost: 0 });
  t.equal(many[0]!.ports.length, 16);
});

t.test("a round trip in which this host did not run is not counted", async (t) => {
  const health: Health = { ...alwaysWell, fault: () => ({ code: "STARVED", detail: "it did not run" }) };
  const [quality] = await measure(t, { transport: "tcp" }, loss, health);
  t.match(quality, { sent: 0, lost: 0 });
});

t.test("what is measured has spoken to us, or stalled in the middle of its talk", async (t) => {
  const order: ProbeOrder = {
    id: 1,
    from: 0,
    to: 1,
    address: "127.0.0.1",
    protocol: "tls",
    serverName: "x",
    ports: [[1, 100]],
  };
  const proof = { node: 1, port: 1, seenAddress: "", seenPort: 0, clientVerified: false };
  const outcome = (parts: Partial<Outcome>): Outcome => {
    return { kind: "open", phase: "answer", elapsedMs: 1, attempts: 1, ...parts };
  };
  const isMeasured = (parts: Partial<Outcome>, service?: ProbeOrder["service"]): boolean => {
    const answered = new AnsweredPorts();
    const asked = service === undefined ? order : { ...order, service };
    answered.add({ order: asked, port: 1, outcome: outcome(parts) });
    return answered.ports.length === 1;
  };
  t.ok(isMeasured({ proof }));
  t.ok(isMeasured({ kind: "silent", phase: "tls" }));
  t.ok(isMeasured({ kind: "silent", phase: "upgrade" }));
  t.notOk(isMeasured({ kind: "silent", phase: "connect" }));
  t.notOk(isMeasured({ kind: "open" }), "a stranger");
  t.notOk(isMeasured({ proof }, { exchange: "http", tls: false }), "a real service");
  const answered = new AnsweredPorts();
  for (let port = 1; port <= 100; port++) {
    const result: ProbeResult = { order, port, outcome: outcome({ proof }) };
    answered.add(result);
    answered.add({ ...result, order: { ...order, id: 2 } });
  }
  t.equal(answered.ports.length, 2 * 16);
});
