/** What an agent tells of its sweeps: shut ports, services, absent nodes, latency, intervals. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import t from "tap";
import { serve } from "../../helpers/services.ts";
import { pinglistOf, watchingAgent } from "../../helpers/watching.ts";
import { bucketMs } from "../../../shared/watch-wire.ts";
import { Check } from "typebox/value";
import { AgentMessageSchema } from "../../../shared/wire.ts";

t.test("what is as expected is told as a byte, and sweeps follow each other by the interval", async (t) => {
  const listeners = [
    { transport: "tcp" as const, address: 0, ports: "26100-26109" },
    { transport: "udp" as const, address: 0, ports: "26100-26109" },
  ];
  await using agent = await watchingAgent(t, "127.79.51.1", { listeners });
  const link = await agent.coordinator.next();
  link.send(
    pinglistOf([
      { protocol: "tcp", ports: "26100-26109" },
      { protocol: "udp", ports: "26105" },
      { protocol: "tcp", ports: "26200-26203,26205" },
    ]),
  );
  const sweeps = await link.told("sweep", 3);
  for (const sweep of sweeps) t.ok(Check(AgentMessageSchema, sweep), "the coordinator takes it");
  t.strictSame(
    sweeps.map(({ seq, plan, late, probes, skipped, cut }) => ({ seq, plan, late, probes, skipped, cut })),
    [1, 2, 3].map((seq) => ({ seq, plan: 1, late: false, probes: 16, skipped: [], cut: "" })),
  );
  t.equal(new Set(sweeps.map(({ origin }) => origin)).size, 1);
  const [first] = sweeps;
  t.match(first!.odd, [
    { targets: "2", ports: "26200-26203,26205", kind: "refused", phase: "connect", code: "ECONNREFUSED" },
  ]);
  t.equal(first!.odd.length, 1);
  const rtt = Buffer.from(first!.rtt, "base64");
  t.equal(rtt.length, 3);
  t.ok(bucketMs(rtt[0]!) > 0.01 && bucketMs(rtt[0]!) < 400);
  t.ok(rtt[1]! > 0);
  t.equal(rtt[2], 0, "nobody answered");
  const doubt = link.heard.find((message) => message.type === "doubt");
  t.match(doubt, { round: 1, nodes: [0] });
});

t.test("ports that must be shut are looked at once, and those that are open say so by silence", async (t) => {
  const listeners = [{ transport: "tcp" as const, address: 0, ports: "26110" }];
  await using agent = await watchingAgent(t, "127.79.52.1", { listeners });
  const mute = await serve(t, () => undefined, { host: agent.address });
  const link = await agent.coordinator.next();
  const ports = `26110-26111,${mute.port}`;
  link.send(pinglistOf([{ protocol: "tcp", ports, shut: ports }], { intervalMs: 3_600_000 }));
  // The first sweep is due by the name; a second pinglist with a short interval brings it forward.
  link.send(pinglistOf([{ protocol: "tcp", ports, shut: ports }], { intervalMs: 100 }));
  const [sweep] = await link.told("sweep", 1);
  t.match(
    sweep!.odd.toSorted((a, b) => a.ports.localeCompare(b.ports)),
    [
      { ports: "26111", kind: "refused", attempts: 1 },
      { ports: String(mute.port), kind: "silent", phase: "answer", attempts: 1 },
    ],
  );
  t.equal(sweep!.odd.length, 2, "26110 proved itself");
  t.equal(link.heard.filter(({ type }) => type === "doubt").length, 0);
});

t.test("what is odd and must be open is looked at twice", async (t) => {
  await using agent = await watchingAgent(t, "127.79.53.1");
  const mute = await serve(t, () => undefined, { host: agent.address });
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: String(mute.port) }], { intervalMs: 100 }));
  const [sweep] = await link.told("sweep", 1);
  t.match(sweep!.odd, [{ kind: "silent", attempts: 2 }]);
});

t.test("a service is asked in its own protocol as soon as it is told to be there", async (t) => {
  await using agent = await watchingAgent(t, "127.79.54.1");
  const redis = await serve(t, (heard) => (heard.includes("PING") ? "+PONG\r\n" : undefined), {
    host: agent.address,
  });
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: String(redis.port) }], { intervalMs: 100 }));
  const [before] = await link.told("sweep", 1);
  t.equal(before!.odd.length, 1, "it proves nothing");
  const ports = String(redis.port);
  const services = [{ ports, exchange: "redis" as const, tls: false }];
  link.send({ type: "serving", plan: 1, targets: [{ target: 0, services }] });
  let after = before;
  for (let count = 2; after!.odd.length > 0; count++) after = (await link.told("sweep", count)).at(-1);
  t.pass("and then it is as expected");
  link.send({ type: "serving", plan: 1, targets: [{ target: 0, services: [] }] });
  for (let count = after!.seq + 1; after!.odd.length === 0; count++)
    after = (await link.told("sweep", count)).at(-1);
  t.pass("until it is said to be gone");
});

t.test("absent nodes are not probed, and said to be skipped", async (t) => {
  await using agent = await watchingAgent(t, "127.79.55.1");
  const heard: unknown[] = [];
  const socket = createSocket("udp4").on("message", (message) => heard.push(message));
  socket.bind(26130, agent.address);
  await once(socket, "listening");
  t.teardown(() => socket.close());
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "udp", ports: "26130" }], { intervalMs: 100, absent: [0, 7] }));
  const [sweep] = await link.told("sweep", 1);
  t.match(sweep, { skipped: [0], odd: [], probes: 0 });
  t.equal(heard.length, 0);
  link.send({ type: "absent", plan: 1, nodes: [] });
  let last = sweep;
  for (let count = 2; last!.skipped.length > 0; count++) last = (await link.told("sweep", count)).at(-1);
  t.match(last!.odd, [{ kind: "silent", targets: "0", ports: "26130" }]);
  t.ok(heard.length > 0);
});

t.test(
  "a sweep that takes longer than the interval is followed at once, never joined, and told",
  async (t) => {
    await using agent = await watchingAgent(t, "127.79.56.1");
    const mute = await serve(t, () => undefined, { host: agent.address });
    const link = await agent.coordinator.next();
    const list = pinglistOf([{ protocol: "tcp", ports: String(mute.port) }], {
      intervalMs: 100,
      timeoutMs: 200,
    });
    link.send(list);
    await link.told("sweep", 1);
    const since = performance.now();
    const [, ...sweeps] = await link.told("sweep", 4);
    const took = sweeps.reduce((sum, { tookMs }) => sum + tookMs, 0);
    t.ok(took >= 3 * 400);
    // What is told comes a moment later than it was measured.
    t.ok(performance.now() - since > took - 100, "one after the other");
    t.equal(agent.said.filter((line) => line.includes("longer than the interval")).length, 1, "told once");
  },
);
