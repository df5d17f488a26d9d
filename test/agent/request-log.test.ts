/** What an agent remembers of the probes that reached it: for whom, since when, and how much at most. */
import t from "tap";
import { RequestLog } from "../../agent/request-log.ts";

t.test("a request was seen of that node, at that port, since then", async (t) => {
  const log = new RequestLog();
  log.received(3, 9_042, "10.0.0.3", 1_000);
  t.ok(log.sawRequest(3, 9_042, 1_000), "the very moment counts");
  t.notOk(log.sawRequest(3, 9_042, 1_001), "an earlier round's does not");
  t.notOk(log.sawRequest(3, 9_043, 0));
  t.notOk(log.sawRequest(2, 9_042, 0));
  log.received(3, 9_042, "10.0.0.3", 2_000);
  t.ok(log.sawRequest(3, 9_042, 1_500), "the latest one counts");
});

t.test("no node and port is taken for another", async (t) => {
  const log = new RequestLog();
  log.received(1, 65_535, "10.0.0.1", 0);
  t.notOk(log.sawRequest(2, 0, 0));
  t.notOk(log.sawRequest(0, 65_535, 0));
  t.ok(log.sawRequest(1, 65_535, 0));
});

t.test("mute and half-open connections are told apart, and are an address's, not a node's", async (t) => {
  const log = new RequestLog();
  log.stayedMute("10.0.0.3", 9_042, 1_000);
  log.sawHalfOpen("fd00::3", 9_043, 1_000);
  const both = ["192.0.2.1", "10.0.0.3", "fd00::3"];
  t.ok(log.hadMuteConnection(both, 9_042, 1_000));
  t.notOk(log.hadMuteConnection(both, 9_042, 1_001));
  t.notOk(log.hadMuteConnection(both, 9_043, 0));
  t.notOk(log.hadMuteConnection(["192.0.2.1"], 9_042, 0));
  t.ok(log.hadHalfOpen(both, 9_043, 1_000));
  t.notOk(log.hadHalfOpen(both, 9_043, 1_001));
  t.notOk(log.hadHalfOpen(both, 9_042, 0));
});

t.test("a node is known by every address that its requests came from, a few at most", async (t) => {
  const log = new RequestLog();
  t.strictSame([...log.addressesOf(3)], []);
  log.received(3, 9_042, "10.0.0.3", 0);
  log.met(3, "192.0.2.1", 0);
  log.met(3, "192.0.2.1", 0);
  log.met(4, "10.0.0.4", 0);
  t.strictSame([...log.addressesOf(3)], ["10.0.0.3", "192.0.2.1"]);
  for (let last = 0; last < 100; last++) log.met(3, `198.51.100.${last}`, 0);
  t.equal([...log.addressesOf(3)].length, 8);
});

t.test("the oldest requests go first when there are too many", async (t) => {
  const log = new RequestLog();
  const limit = 200_000;
  log.received(0, 1, "10.0.0.1", 0);
  log.received(0, 2, "10.0.0.1", 0);
  for (let index = 0; index < limit - 2; index++)
    log.received(1 + Math.floor(index / 60_000), 1 + (index % 60_000), "10.0.0.1", 0);
  t.ok(log.sawRequest(0, 1, 0));
  log.received(0, 2, "10.0.0.1", 1);
  t.ok(log.sawRequest(0, 1, 0), "one that is known takes no more room");
  log.received(60, 1, "10.0.0.1", 1);
  t.notOk(log.sawRequest(0, 1, 0));
  t.ok(log.sawRequest(60, 1, 1));
});

t.test("a flood of connections does not grow the log", async (t) => {
  const log = new RequestLog();
  log.stayedMute("10.0.0.3", 1, 0);
  log.sawHalfOpen("10.0.0.3", 1, 0);
  for (let port = 2; port <= 4_097; port++) {
    log.stayedMute("10.0.0.3", port, 0);
    log.sawHalfOpen("10.0.0.3", port, 0);
  }
  for (const had of [log.hadMuteConnection.bind(log), log.hadHalfOpen.bind(log)]) {
    t.notOk(had(["10.0.0.3"], 1, 0));
    t.ok(had(["10.0.0.3"], 2, 0));
    t.ok(had(["10.0.0.3"], 4_097, 0));
  }
});
