/** Small parts with time by argument. */
import t from "tap";
import { reconnectDelayMs } from "../../agent/link.ts";
import { AddressPolicy, defaultPolicy } from "../../agent/policy.ts";
import { TokenBucket } from "../../agent/token-bucket.ts";
import { Window } from "../../agent/window.ts";

t.test("a token bucket lets the burst through, then the rate", async (t) => {
  const bucket = new TokenBucket(100, 5, 0);
  const taken = (now: number): number => {
    let count = 0;
    while (bucket.take(now)) count++;
    return count;
  };
  t.equal(taken(0), 5);
  t.equal(taken(0), 0);
  t.equal(taken(20), 2, "20 ms at 100 a second");
  t.equal(taken(100_000), 5, "never more than the burst");
});

t.test(
  "the window grows with quick answers, halves once for an overload, and keeps its bounds",
  async (t) => {
    const window = new Window(40);
    t.equal(window.size, 32);
    for (let count = 0; count < 100; count++) window.answered(5, 0);
    t.equal(window.size, 40);
    for (let count = 0; count < 100; count++) window.answered(900, 1_000);
    t.equal(window.size, 20, "one overload, one halving");
    for (let at = 2_000; at < 20_000; at += 1_000) window.answered(900, at);
    t.equal(window.size, 8);
    t.equal(new Window(4).size, 4);
  },
);

t.test("the first reconnect is spread over a window that grows with the fleet", async (t) => {
  t.equal(
    reconnectDelayMs(0, 20, () => 0),
    0,
  );
  t.ok(reconnectDelayMs(0, 20, () => 1) < 1_000);
  t.equal(
    reconnectDelayMs(0, 5_000, () => 1),
    60_000,
  );
  t.equal(
    reconnectDelayMs(1, 20, () => 0.5),
    1_000,
  );
  t.equal(
    reconnectDelayMs(20, 5_000, () => 1),
    60_000,
  );
  t.ok(
    Array.from({ length: 50 }, (_, attempt) => reconnectDelayMs(attempt, 20, () => 1)).every(
      (delay) => delay <= 7_000,
    ),
  );
});

t.test("only private addresses may be probed, and some never", async (t) => {
  const policy = new AddressPolicy(defaultPolicy, { loopback: false });
  for (const address of ["10.1.2.3", "172.31.0.1", "192.168.9.9", "100.64.0.1", "fd12::1"])
    t.ok(policy.permits(address), address);
  for (const address of [
    "8.8.8.8",
    "172.32.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "fe80::1",
    "ff02::1",
    "255.255.255.255",
    "0.0.0.0",
    "2001:db8::1",
    "fd00:ec2::254",
    "0x7f.1",
    "10.0.0.1.nip.io",
  ]) {
    t.notOk(policy.permits(address), address);
  }
  const open = new AddressPolicy({ ...defaultPolicy, allow: ["0.0.0.0/0", "::/0"] }, { loopback: false });
  t.ok(open.permits("8.8.8.8"));
  for (const address of [
    "169.254.169.254",
    "224.0.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
  ])
    t.notOk(open.permits(address), `${address}, whatever is allowed`);
  t.ok(new AddressPolicy(defaultPolicy, { loopback: true }).permits("127.77.0.1"));
});
