/** An agent that watches and loses its link: it holds, sweeps and keeps, and delivers when it is back. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { Authority } from "../../../coordinator/authority.ts";
import { startServer } from "../../../coordinator/server.ts";
import { coordinatorName } from "../../../shared/link.ts";
import { serve } from "../../helpers/services.ts";
import { pinglistOf, sweepsIn, watchingAgent } from "../../helpers/watching.ts";

const listeners = [{ transport: "tcp" as const, address: 0, ports: "26400" }];
const list = pinglistOf([{ protocol: "tcp", ports: "26400-26401" }], { intervalMs: 60 });

function seqsOf(messages: readonly { seq: number }[]): number[] {
  return messages.map(({ seq }) => seq);
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

t.test(
  "what is not acknowledged comes again over the next link, oldest first, then what is new",
  async (t) => {
    await using agent = await watchingAgent(t, "127.79.64.1", { listeners });
    const first = await agent.coordinator.next();
    first.send(list);
    const told = await first.told("sweep", 4);
    t.ok(told.every(({ late }) => !late));
    first.send({ type: "ack", origin: told[0]!.origin, seq: 2 });
    await first.told("sweep", 6);
    first.cut();
    const second = await agent.coordinator.next();
    const again = await second.told("sweep", 6);
    t.strictSame(seqsOf(again), upTo(8, 3), "in order, and the list was not sent again");
    const [oldest] = again;
    t.ok(oldest!.late);
    t.ok(oldest!.agoMs > again[1]!.agoMs);
    const live = (await second.told("sweep", 12)).at(-1)!;
    t.notOk(live.late);
    t.match(live, { odd: [{ ports: "26401", kind: "refused" }] });
  },
);

t.test(
  "of what is late so much is under way at a time, and what is new does not wait for ever",
  async (t) => {
    await using agent = await watchingAgent(t, "127.79.73.1", { listeners });
    const first = await agent.coordinator.next();
    first.send(list);
    await first.told("sweep", 20);
    first.cut();
    const second = await agent.coordinator.next();
    const { origin } = (await second.told("sweep", 16))[0]!;
    await sleep(200);
    const underWay = second.heard.filter(({ type }) => type === "sweep").length;
    t.equal(underWay, 16);
    second.send({ type: "ack", origin, seq: 8 });
    await second.told("sweep", 17);
    await second.told("sweep", 24);
    t.ok((await second.told("sweep", 26)).length >= 26, "nothing is acknowledged any more");
  },
);

t.test("the same list over a new link does not cut a sweep short", async (t) => {
  await using agent = await watchingAgent(t, "127.79.70.1", { listeners });
  let visits = 0;
  let noteVisit: () => void = () => {};
  const visited = new Promise<void>((resolve) => (noteVisit = resolve));
  const mute = await serve(
    t,
    (heard) => {
      if (heard.length > 0) return undefined;
      visits++;
      noteVisit();
      return undefined;
    },
    { host: agent.address },
  );
  const slow = pinglistOf([{ protocol: "tcp", ports: String(mute.port) }], {
    intervalMs: 50,
    timeoutMs: 1_500,
  });
  const first = await agent.coordinator.next();
  first.send(slow);
  await visited;
  first.cut();
  const second = await agent.coordinator.next();
  second.send({ ...slow, absent: [5] });
  const [sweep] = await second.told("sweep", 1);
  t.match(sweep, { seq: 1, late: false, odd: [{ kind: "silent", attempts: 2 }] });
  t.equal(visits, 2, "two looks of one sweep");
});

t.test("without a coordinator the ports stay held, not refused for a moment, and sweeps go on", async (t) => {
  await using agent = await watchingAgent(t, "127.79.65.1", { listeners, giveUpMs: 0 });
  const first = await agent.coordinator.next();
  first.send(list);
  await first.told("sweep", 1);
  await using visitor = visit(agent.address, 26_400);
  const held = await dial(agent.address, 26_400);
  first.cut();
  const second = await agent.coordinator.next();
  const before = seqsOf(await second.told("sweep", 3)).at(-1)!;
  t.equal(agent.said.filter((line) => line.startsWith("joined")).length, 2);
  t.equal(visitor.refused, 0, "over a new welcome");
  t.equal(held.readyState, "open", "nor was a connection ended");
  held.destroy();
  t.ok(visitor.served > 0);
  const closed = agent.coordinator[Symbol.asyncDispose]();
  second.cut();
  await closed;
  // The time to give up is over from the start: only its pinglist keeps the agent.
  const served = visitor.served;
  while (visitor.served < served + 50) await sleep(5);
  t.equal(visitor.refused, 0);
  t.ok(before > 0);
});

t.test(
  "another coordinator in the place of its own is told of, and ends no agent that watches",
  async (t) => {
    await using agent = await watchingAgent(t, "127.79.72.1", { listeners });
    const link = await agent.coordinator.next();
    link.send(list);
    await link.told("sweep", 1);
    const port = Number(agent.coordinator.join.addresses[0]!.split(":")[1]);
    const closed = agent.coordinator[Symbol.asyncDispose]();
    link.cut();
    await closed;
    const identity = await (await Authority.create(new Date())).serverIdentity(coordinatorName, new Date());
    let dialled = 0;
    await using _another = await startServer({ host: "127.0.0.1", port, identity, onAgent: () => dialled++ });
    const isTold = (): boolean => agent.said.some((line) => line.includes("not the one of the join string"));
    while (!isTold()) await sleep(5);
    const end = await Promise.race([agent.done.then(() => "ended"), sleep(300)]);
    t.equal(end, undefined);
    t.equal(dialled, 0, "nothing is said to it");
    t.equal(agent.said.filter((line) => line.includes("join string")).length, 1);
  },
);

t.test(
  "a new plan on the same link: what stays wanted stays bound, and the old list is not swept on",
  async (t) => {
    await using agent = await watchingAgent(t, "127.79.66.1", { listeners });
    const link = await agent.coordinator.next();
    link.send(list);
    await link.told("sweep", 2);
    await using visitor = visit(agent.address, 26_400);
    const other = { index: 0, name: "b", addresses: ["127.79.66.2"] };
    const self = { index: 1, name: "a", addresses: [agent.address] };
    for (const plan of [2, 3]) {
      const ports = plan === 2 ? "26400,26410" : "26400,26420";
      const known = link.heard.filter(({ type }) => type === "listening").length;
      link.send({
        type: "assign",
        node: plan === 2 ? 1 : 0,
        nodes: plan === 2 ? [other, self] : [{ ...self, index: 0 }],
        listeners: [{ transport: "tcp", address: 0, ports }],
      });
      const report = (await link.told("listening", known + 1)).at(-1);
      t.match(report, { bound: 2 });
      const heard = sweepsIn(link.heard).length;
      await sleep(4 * list.intervalMs);
      t.equal(
        sweepsIn(link.heard).length,
        heard,
        "who is who has changed: nothing is swept until the list comes",
      );
      const to = plan === 2 ? 1 : 0;
      link.send(pinglistOf([{ protocol: "tcp", ports, to }], { intervalMs: 60, plan }));
      const sweeps = (await link.told("sweep", heard + 2)).slice(heard);
      t.match(sweeps.at(-1), { plan, probes: 2 });
      t.strictSame(sweeps.at(-1)!.odd, [], "it speaks under its new index");
      t.strictSame(
        sweeps.map((sweep) => sweep.plan),
        sweeps.map(() => plan),
        "nothing of the old plan was told any more",
      );
    }
    t.strictSame(
      seqsOf(await link.told("sweep", 4)),
      upTo(sweepsIn(link.heard).length),
      "no count is left out",
    );
    t.equal(visitor.refused, 0);
    t.ok(visitor.served > 0);
    await t.rejects(dial(agent.address, 26_410), { code: "ECONNREFUSED" });
  },
);

t.test("an agent that was never given a list gives its ports and itself up as before", async (t) => {
  const agent = await watchingAgent(t, "127.79.67.1", { listeners, giveUpMs: 0 });
  const link = await agent.coordinator.next();
  const closed = agent.coordinator[Symbol.asyncDispose]();
  link.cut();
  await closed;
  await t.rejects(agent.done, { code: "cannot-run" });
  await t.rejects(dial(agent.address, 26_400), { code: "ECONNREFUSED" });
});

t.test(
  "an agent that is started again delivers what the one before has left, in front of its own",
  async (t) => {
    const stateDir = mkdtempSync(join(tmpdir(), "portmesh-"));
    t.teardown(() => rmSync(stateDir, { recursive: true, force: true }));
    await using before = await watchingAgent(t, "127.79.68.1", { listeners, stateDir });
    const first = await before.coordinator.next();
    first.send(list);
    const told = await first.told("sweep", 3);
    await before.stop();
    await using after = await watchingAgent(t, "127.79.68.1", { listeners, stateDir });
    const second = await after.coordinator.next();
    second.send(list);
    const all = await second.told("sweep", told.length + 2);
    t.strictSame(seqsOf(all), upTo(all.length));
    t.strictSame(new Set(all.map(({ origin }) => origin)), new Set([told[0]!.origin]));
    t.ok(all[0]!.late && all[0]!.agoMs > 0 && all[0]!.agoMs < 60_000);
  },
);

t.test("what is poor is told with the next sweep, and nothing of what is well", async (t) => {
  await using agent = await watchingAgent(t, "127.79.69.1", { listeners });
  const link = await agent.coordinator.next();
  const measured = { intervalMs: 1_500, samples: 10, rttThresholdMs: 0 };
  link.send(pinglistOf([{ protocol: "tcp", ports: "26400" }], measured));
  const [first, second, third] = await link.told("sweep", 3);
  t.equal(first!.poor, undefined);
  t.match(second!.poor, [{ target: 0, ports: "26400", lost: 0 }], "slower than 0 ms");
  t.equal(third!.poor, undefined, "nothing was measured since");
  link.send(
    pinglistOf([{ protocol: "tcp", ports: "26400" }], { ...measured, rttThresholdMs: 1_000, plan: 2 }),
  );
  const heard = sweepsIn(link.heard).length;
  t.strictSame((await link.told("sweep", heard + 2)).at(-1)!.poor, []);
});

/** Connects again and again, from now until it is disposed of. */
function visit(host: string, port: number): AsyncDisposable & { refused: number; served: number } {
  const over = new AbortController();
  const counts = {
    refused: 0,
    served: 0,
    async [Symbol.asyncDispose]() {
      over.abort();
      await visiting;
    },
  };
  const visiting = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      await dial(host, port).then(
        (socket) => {
          counts.served++;
          socket.resetAndDestroy();
        },
        () => counts.refused++,
      );
      await sleep(2);
    }
  })();
  return counts;
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}
