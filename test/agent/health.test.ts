/** Which of a host's own faults explain a failed probe. An interface that goes down is the lab's business. */
import t from "tap";
import { alwaysWell, OwnHealth } from "../../agent/health.ts";
import { SelfWatch } from "../../agent/self-watch.ts";

/** A watch that saw a stall from 1,000 to 2,000. */
function stalledWatch(): SelfWatch {
  const watch = new SelfWatch(
    () => {},
    () => 950,
    () => 0,
  );
  watch.tick(2_000, 0);
  return watch;
}

t.test("a probe that did not get a quarter of its time was starved", async (t) => {
  using watch = stalledWatch();
  const health = new OwnHealth(watch, []);
  t.match(health.fault(0, 2_000), {
    code: "STARVED",
    detail: /did not run for 1\.0 s of the probe's 2\.0 s/,
  });
  t.equal(health.fault(1_750, 2_000)?.code, "STARVED");
  t.equal(health.fault(0, 1_200), undefined, "200 ms of 1,200 are not enough");
  t.equal(health.fault(2_000, 2_040), undefined);
  t.equal(health.fault(2_000, 2_000), undefined, "nor is nothing of nothing");
});

t.test("an address that never was on an interface of this host is not missed: a NAT has it", async (t) => {
  using watch = new SelfWatch();
  const now = performance.now();
  t.equal(new OwnHealth(watch, ["192.0.2.77"]).fault(now, now + 10), undefined);
});

t.test("addresses that are still there are no fault", async (t) => {
  using watch = new SelfWatch();
  const now = performance.now();
  t.equal(new OwnHealth(watch, ["127.0.0.1", "::1"]).fault(now, now + 10), undefined);
});

t.test("who watches elsewhere is always well here", async (t) => {
  t.equal(alwaysWell.fault(0, 1_000), undefined);
});
