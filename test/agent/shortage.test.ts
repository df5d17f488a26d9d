import t from "tap";
import { shortageOf, ShortageWatch } from "../../agent/shortage.ts";

const well = { elapsedMs: 1_000, cpuMs: 500, waitedMs: 20, throttledMs: 0, stalledMs: 0 };

t.test(
  "a process is short of what it was kept waiting for, and of itself only where nothing else was",
  (t) => {
    t.equal(shortageOf(well), undefined);
    t.equal(shortageOf({ ...well, cpuMs: 950 }), "saturated");
    t.equal(shortageOf({ ...well, cpuMs: 600, waitedMs: 350 }), "starved");
    t.equal(shortageOf({ ...well, cpuMs: 200, waitedMs: 10, throttledMs: 750 }), "throttled");
    t.equal(shortageOf({ ...well, stalledMs: 300 }), "starved", "it was stopped");
    t.equal(shortageOf({ elapsedMs: 0, cpuMs: 0, waitedMs: 0, throttledMs: 0, stalledMs: 0 }), undefined);
    t.end();
  },
);

t.test(
  "a process that waits for the network most of the time is short of nothing, though it shares a processor",
  (t) => {
    t.equal(shortageOf({ ...well, cpuMs: 50, waitedMs: 200, stalledMs: 100 }), undefined);
    t.end();
  },
);

t.test("a process that computes all the time is seen to", (t) => {
  using watch = new ShortageWatch();
  const startedAt = performance.now();
  while (performance.now() - startedAt < 300);
  // On a busy host it may have had to share the processor.
  t.match(watch.shortage, /^(saturated|starved|throttled)$/);
  t.end();
});
