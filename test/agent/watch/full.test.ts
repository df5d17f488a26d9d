/** Ranges that an agent only samples: once it is asked to, it sweeps them whole, and what it found faulty stays in sight. */
import t from "tap";
import { hasPort, portSetOf, readPorts } from "../../../shared/ports.ts";
import type { SweepMessage } from "../../../shared/watch-wire.ts";
import { pinglistOf, watchingAgent } from "../../helpers/watching.ts";

t.setTimeout(60_000);

const listeners = [{ transport: "tcp" as const, address: 0, ports: "26300-26699" }];

t.test("one sweep has all ports when it is asked for, and the next a sample again", async (t) => {
  await using agent = await watchingAgent(t, "127.79.57.1", { listeners });
  const link = await agent.coordinator.next();
  const list = pinglistOf([{ protocol: "tcp", ports: "26300-26699" }], { intervalMs: 100, budgetMs: 0 });
  link.send(list);
  const [sampled] = await link.told("sweep", 1);
  t.match(sampled, { cut: "0", odd: [] });
  t.ok(sampled!.probes < 400, `${sampled!.probes} of 400`);
  link.send({ type: "full", plan: 7, budgetMs: 30_000 });
  const [, second] = await link.told("sweep", 2);
  t.equal(second!.cut, "0", "of another plan it is not");
  link.send({ type: "full", plan: 1, budgetMs: 30_000 });
  const whole = await sweepWith(link, ({ cut }) => cut === "");
  t.equal(whole.probes, 400);
  t.equal(whole.fullSweepMs, 0);
  await sweepWith(link, ({ seq, cut }) => seq > whole.seq && cut === "0");
});

t.test("a port that was found shut is probed until it is open, though it is in no sample", async (t) => {
  const missing = "26500";
  const others = [{ transport: "tcp" as const, address: 0, ports: "26300-26499,26501-26699" }];
  await using agent = await watchingAgent(t, "127.79.58.1", { listeners: others });
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: "26300-26699" }], { intervalMs: 100, budgetMs: 0 }));
  await link.told("sweep", 1);
  link.send({ type: "full", plan: 1, budgetMs: 30_000 });
  const whole = await sweepWith(link, ({ cut }) => cut === "");
  t.strictSame(shutIn(whole), [[26_500, 26_500]]);
  const after = await sweepWith(link, ({ seq, cut }) => seq >= whole.seq + 3 && cut === "0");
  const later = link.heard.filter(({ type }) => type === "sweep").slice(whole.seq, after.seq);
  t.ok(later.length >= 3);
  for (const sweep of later as SweepMessage[]) {
    t.ok(hasPort(shutIn(sweep), 26_500), `sweep ${sweep.seq} has ${missing}`);
    t.ok(sweep.probes < 400);
  }
});

/** The first sweep like this, whether it has come or is still to come. */
async function sweepWith(
  link: { told(type: "sweep", count: number): Promise<SweepMessage[]> },
  isIt: (sweep: SweepMessage) => boolean,
): Promise<SweepMessage> {
  for (let count = 1; ; count++) {
    const found = (await link.told("sweep", count)).find(isIt);
    if (found !== undefined) return found;
  }
}

function shutIn({ odd }: SweepMessage): ReturnType<typeof portSetOf> {
  return portSetOf(odd.flatMap(({ ports }) => readPorts(ports)!.flat()));
}
