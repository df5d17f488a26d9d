/** What the coordinator wants to be looked at again, while a sweep goes on. */
import { createServer, type Socket } from "node:net";
import t from "tap";
import { serve } from "../../helpers/services.ts";
import { pinglistOf, watchingAgent } from "../../helpers/watching.ts";

t.test("it is answered beside a running sweep, and several looks take little more than one", async (t) => {
  const listeners = [{ transport: "tcp" as const, address: 0, ports: "26300" }];
  await using agent = await watchingAgent(t, "127.79.61.1", { listeners });
  let visits = 0;
  let visit: () => void = () => {};
  const visited = new Promise<void>((resolve) => (visit = resolve));
  const mute = await serve(
    t,
    (heard) => {
      if (heard.length > 0) return undefined;
      visits++;
      visit();
      return undefined;
    },
    {
      host: agent.address,
    },
  );
  const link = await agent.coordinator.next();
  const timeoutMs = 3_000;
  const targets = [
    { protocol: "tcp" as const, ports: String(mute.port) },
    { protocol: "tcp" as const, ports: "26300-26301" },
  ];
  link.send(pinglistOf(targets, { intervalMs: 100, timeoutMs }));
  await visited;
  const asked = {
    targets: [
      { target: 0, ports: String(mute.port) },
      { target: 1, ports: "26300" },
    ],
  };
  const since = performance.now();
  const answer = await link.ask(
    { type: "again", again: 5, plan: 1, looks: 3, timeoutMs: 1_500, ...asked },
    "again",
  );
  const tookMs = performance.now() - since;
  t.equal(link.heard.filter(({ type }) => type === "sweep").length, 0, "the sweep is still under way");
  t.match(answer, { again: 5, plan: 1, odd: [{ targets: "0", kind: "silent", attempts: 3 }] });
  t.equal(answer.odd.length, 1, "what answered is as expected");
  t.equal(visits, 4, "one of the sweep, and three looks");
  t.ok(tookMs >= 2_500 && tookMs < 4_500, `${tookMs} ms for looks of 1.5 s, the last begun after a second`);
  const [sweep] = await link.told("sweep", 1);
  t.match(sweep, { seq: 1, probes: 3 });
});

t.test("one look that gets an answer is enough", async (t) => {
  const address = "127.79.62.1";
  await using agent = await watchingAgent(t, address, {
    listeners: [{ transport: "tcp", address: 0, ports: "26310" }],
  });
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: "26310-26311" }], { intervalMs: 3_600_000 }));
  const order = {
    type: "again" as const,
    again: 1,
    plan: 1,
    looks: 3,
    timeoutMs: 400,
    targets: [{ target: 0, ports: "26311" }],
  };
  t.match((await link.ask(order, "again")).odd, [{ ports: "26311", kind: "refused" }]);
  // A service that serves one caller, and is gone.
  const sockets: Socket[] = [];
  const once = createServer((socket) => {
    sockets.push(socket);
    once.close();
    socket.write("+PONG\r\n");
  }).listen(26311, address);
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  const services = [{ ports: "26311", exchange: "redis" as const, tls: false }];
  link.send({ type: "serving", plan: 1, targets: [{ target: 0, services }] });
  t.strictSame((await link.ask({ ...order, again: 2 }, "again")).odd, []);
  t.match((await link.ask({ ...order, again: 3 }, "again")).odd, [{ ports: "26311", kind: "refused" }]);
});

t.test("of another plan nothing is said; a target that does not exist is refused and told", async (t) => {
  await using agent = await watchingAgent(t, "127.79.63.1");
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: "26320" }], { intervalMs: 3_600_000, plan: 2 }));
  const order = { type: "again" as const, again: 1, looks: 1, timeoutMs: 400 };
  link.send({ ...order, plan: 1, targets: [{ target: 0, ports: "26320" }] });
  const answer = await link.ask(
    { ...order, again: 2, plan: 2, targets: [{ target: 0, ports: "26320" }] },
    "again",
  );
  t.equal(answer.again, 2);
  link.send({ ...order, plan: 2, targets: [{ target: 1, ports: "26320" }] });
  const after = { ...order, again: 3, plan: 2, targets: [{ target: 0, ports: "26320" }] };
  t.equal((await link.ask(after, "again")).again, 3, "the link goes on");
  t.ok(agent.said.some((line) => line.includes("target 1 of 1")));
});
