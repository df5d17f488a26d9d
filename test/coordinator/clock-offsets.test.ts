/** Clocks that are ahead, behind, far away or silent, on a network and a time of the test's own. */
import t from "tap";
import { ClockOffsets } from "../../coordinator/clock-offsets.ts";

const never = new AbortController().signal;
const epoch = 1_800_000_000_000;

/** Node n answers as `answer` says, after its ways there and back; none where undefined. */
function scene(
  answer: (node: number, exchange: number) => { there: number; back: number; ahead: number } | undefined,
) {
  let now = 50_000;
  const asked = new Map<number, number>();
  const clocks = new ClockOffsets({
    wall: () => epoch + now,
    monotonic: () => now,
    send(node, message) {
      if (message.type !== "time") throw new Error(message.type);
      const exchange = (asked.get(node) ?? 0) + 1;
      asked.set(node, exchange);
      const said = answer(node, exchange);
      if (said === undefined) return;
      const { there, back, ahead } = said;
      const at = Math.floor(epoch + now + there + ahead);
      now += there + back;
      clocks.answered(node + 1, { type: "time", id: message.id, at: 1 });
      clocks.answered(node, { type: "time", id: message.id, at });
      clocks.answered(node, { type: "time", id: message.id, at: 1 });
    },
  });
  return { clocks, asked };
}

t.test("the exchange with the shortest round trip counts, and half of that is the doubt", async (t) => {
  for (const ahead of [500, -3_000]) {
    const { clocks, asked } = scene((_, exchange) =>
      exchange === 3 ? { there: 1, back: 1, ahead } : { there: 80, back: 10, ahead },
    );
    await clocks.run([4], never);
    t.strictSame(clocks.offset(4), { aheadMs: ahead, errorMs: 2 });
    t.equal(clocks.offset(5), undefined);
    t.equal(asked.get(4), 5);
  }
});

t.test("however lopsided the way, the offset lies within the doubt", async (t) => {
  for (const [there, back] of [
    [0, 40],
    [40, 0],
    [13, 27],
  ] as const) {
    const { clocks } = scene(() => ({ there, back, ahead: 7 }));
    await clocks.run([0], never);
    const { aheadMs, errorMs } = clocks.offset(0)!;
    t.ok(Math.abs(aheadMs - 7) <= errorMs, `${aheadMs} ± ${errorMs}`);
  }
});

t.test("who does not answer is waited for once, and holds up nobody", async (t) => {
  const { clocks, asked } = scene((node) => (node === 0 ? undefined : { there: 1, back: 1, ahead: 0 }));
  await clocks.run([0, 1], never);
  t.equal(clocks.offset(0), undefined);
  t.type(clocks.offset(1), "object");
  t.equal(asked.get(0), 1);
});

t.test("the signal ends it", async (t) => {
  const controller = new AbortController();
  const { clocks } = scene(() => undefined);
  const run = clocks.run([0], controller.signal);
  controller.abort();
  await run;
  t.equal(clocks.offset(0), undefined);
});
