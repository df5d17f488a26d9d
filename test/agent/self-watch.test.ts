/** When the process did not run: time comes by argument. */
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { SelfWatch } from "../../agent/self-watch.ts";

/** A watch whose clock stands still unless the test ticks. */
function watchAt(now: number, wall = 1_000_000, onClockStep: (ms: number) => void = () => {}): SelfWatch {
  return new SelfWatch(
    onClockStep,
    () => now,
    () => wall,
  );
}

t.test("a process that runs has not stalled, however noisy its timers are", async (t) => {
  using watch = watchAt(0);
  for (const now of [50, 100, 199, 250, 330]) watch.tick(now, 1_000_000 + now);
  t.strictSame(watch.stalled(0, 330), { totalMs: 0, longestMs: 0 });
});

t.test("a tick that comes late is a stall from when it was due", async (t) => {
  using watch = watchAt(0);
  watch.tick(50, 0);
  watch.tick(3_100, 0);
  t.strictSame(watch.stalled(0, 3_100), { totalMs: 3_000, longestMs: 3_000 });
  t.strictSame(watch.stalled(100, 1_100), { totalMs: 1_000, longestMs: 1_000 }, "as much as falls between");
  t.strictSame(watch.stalled(2_100, 3_100), { totalMs: 1_000, longestMs: 1_000 });
  t.strictSame(watch.stalled(3_100, 3_120), { totalMs: 0, longestMs: 0 }, "before is over");
  t.strictSame(watch.stalled(0, 60), { totalMs: 0, longestMs: 0 }, "and after had not begun");
});

t.test("several stalls add up, and the longest is told", async (t) => {
  using watch = watchAt(0);
  for (const now of [150, 200, 550, 600, 850]) watch.tick(now, 0);
  t.strictSame(watch.stalled(0, 850), { totalMs: 100 + 300 + 200, longestMs: 300 });
  t.strictSame(watch.stalled(500, 850), { totalMs: 50 + 200, longestMs: 200 });
});

t.test("the stall under way counts before its tick has come", async (t) => {
  using watch = watchAt(1_000);
  t.strictSame(watch.stalled(1_000, 1_080), { totalMs: 0, longestMs: 0 });
  t.strictSame(watch.stalled(1_000, 4_050), { totalMs: 3_000, longestMs: 3_000 });
  watch.tick(4_050, 0);
  t.strictSame(watch.stalled(1_000, 4_050), { totalMs: 3_000, longestMs: 3_000 }, "and no more after it");
});

t.test("of a process that stalls all the time the latest stalls are kept", async (t) => {
  using watch = watchAt(0);
  for (let index = 1; index <= 10_000; index++) watch.tick(index * 150, 0);
  const { totalMs } = watch.stalled(0, 1_500_000);
  t.ok(totalMs >= 256 * 100 && totalMs <= 512 * 100, `${totalMs}`);
  t.strictSame(watch.stalled(1_498_500, 1_500_000), { totalMs: 1_000, longestMs: 100 });
});

t.test("a clock that is set is a step, one that is slewed or that stalled with us is not", async (t) => {
  const steps: number[] = [];
  using watch = watchAt(0, 1_000_000, (ms) => steps.push(ms));
  watch.tick(50, 1_000_050);
  watch.tick(100, 1_000_120);
  watch.tick(150, 1_000_190);
  t.strictSame(steps, [], "slewed");
  watch.tick(5_150, 1_005_190);
  t.strictSame(steps, [], "stalled");
  watch.tick(5_200, 1_065_240);
  t.strictSame(steps, [60_000]);
  watch.tick(5_250, 1_005_290);
  t.strictSame(steps, [60_000, -60_000], "and set back");
});

t.test("it watches by itself: a loop that blocks is seen, and so is that it is over", async (t) => {
  using watch = new SelfWatch();
  const since = performance.now();
  while (performance.now() - since < 400);
  t.ok(watch.stalled(since, performance.now()).longestMs > 0);
  // On a busy host it may take a while until nothing disturbs us.
  let isRunning = false;
  for (let tries = 0; tries < 100 && !isRunning; tries++) {
    await sleep(100);
    const now = performance.now();
    isRunning = watch.stalled(now - 50, now).totalMs === 0;
  }
  t.ok(isRunning);
  t.ok(watch.stalled(since, performance.now()).longestMs > 0, "what was, remains");
});
