/** What an agent says of probes that failed at the other end: by its log, its kernel's tables and its own stalls. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import t from "tap";
import { HalfOpenWatch } from "../../agent/half-open.ts";
import { RequestLog } from "../../agent/request-log.ts";
import { SelfWatch } from "../../agent/self-watch.ts";
import { testify, type Witness } from "../../agent/witness.ts";
import { readPorts } from "../../shared/ports.ts";
import type { LookQuestion } from "../../shared/wire.ts";
import { freePort } from "../helpers/agent-fixtures.ts";

const noProc = process.platform === "linux" ? false : "needs /proc";
const addresses = ["10.0.0.1", "10.0.0.2", "FD00:0::3"];

interface Setup extends Disposable {
  requests: RequestLog;
  /** Asked at 10,000 about everything since 4,000. */
  ask: (...questions: LookQuestion[]) => ReturnType<typeof testify>;
}

function setUp(): Setup {
  const requests = new RequestLog();
  const halfOpen = new HalfOpenWatch(requests);
  const self = new SelfWatch(
    () => {},
    () => 10_000,
    () => 0,
  );
  const witness: Witness = {
    requests,
    halfOpen,
    self,
    addressesOf: (node) => addresses.slice(node, node + 1),
    portsOf: (text) => readPorts(text)!,
  };
  return {
    requests,
    ask: (...questions) => testify({ type: "look", look: 5, withinMs: 6_000, questions }, witness, 10_000),
    [Symbol.dispose]() {
      halfOpen[Symbol.dispose]();
      self[Symbol.dispose]();
    },
  };
}

t.test("a UDP request is testified by node, wherever it came from, and only of this round", async (t) => {
  using setup = setUp();
  setup.requests.received(1, 9_001, "192.0.2.1", 4_000);
  setup.requests.received(1, 9_003, "192.0.2.1", 3_999);
  setup.requests.received(2, 9_002, "10.0.0.2", 9_000);
  setup.requests.stayedMute("10.0.0.2", 9_004, 9_000);
  const { type, look, answers } = setup.ask({ from: 1, transport: "udp", ports: "9000-9004" });
  t.match({ type, look }, { type: "sightings", look: 5 });
  t.match(answers, [{ saw: "9001", mute: "" }]);
});

t.test("a TCP connection is testified by the node's addresses, and those it was met behind", async (t) => {
  using setup = setUp();
  setup.requests.received(1, 9_000, "10.0.0.2", 9_000);
  setup.requests.sawHalfOpen("10.0.0.2", 9_001, 9_000);
  setup.requests.stayedMute("10.0.0.2", 9_002, 9_000);
  setup.requests.stayedMute("192.0.2.1", 9_003, 9_000);
  setup.requests.stayedMute("10.0.0.2", 9_004, 3_999);
  const question: LookQuestion = { from: 1, transport: "tcp", ports: "9000-9004" };
  t.match(
    setup.ask(question).answers,
    [{ saw: "9001-9002", mute: "9002" }],
    "what is mute came through, what was asked over UDP says nothing of TCP",
  );
  setup.requests.met(1, "192.0.2.1", 0);
  t.match(setup.ask(question).answers, [{ saw: "9001-9003", mute: "9002-9003" }]);
});

t.test("addresses are compared, not their spelling", async (t) => {
  using setup = setUp();
  setup.requests.stayedMute("fd00::3", 9_000, 9_000);
  t.match(setup.ask({ from: 2, transport: "tcp", ports: "9000" }).answers, [{ mute: "9000" }]);
});

t.test("every question has its answer, in their order", async (t) => {
  using setup = setUp();
  setup.requests.received(1, 9_000, "10.0.0.2", 9_000);
  setup.requests.stayedMute("10.0.0.1", 9_100, 9_000);
  t.match(
    setup.ask(
      { from: 1, transport: "udp", ports: "9000" },
      { from: 0, transport: "udp", ports: "9000" },
      { from: 0, transport: "tcp", ports: "9100" },
      { from: 7, transport: "tcp", ports: "9100" },
    ).answers,
    [
      { saw: "9000", mute: "" },
      { saw: "", mute: "" },
      { saw: "9100", mute: "9100" },
      { saw: "", mute: "" },
    ],
    "also to one about a node that it does not know",
  );
});

t.test("a port that nothing on this host holds any more is absent", { skip: noProc }, async (t) => {
  using setup = setUp();
  const free = await freePort();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ask = (asked: number): string | undefined =>
    setup.ask({ from: 1, transport: "tcp", ports: String(asked) }).answers[0]?.absent;
  t.equal(ask(port), "");
  t.equal(ask(free), String(free));
});

t.test("for how long it did not run itself is part of what it says", async (t) => {
  using setup = setUp();
  t.match(setup.ask(), { answers: [], stalledMs: 0, longestStallMs: 0 });
  using self = new SelfWatch(
    () => {},
    () => 3_000,
    () => 0,
  );
  for (const now of [4_550, 6_600, 10_000]) self.tick(now, 0);
  const { requests } = setup;
  using halfOpen = new HalfOpenWatch(requests);
  const witness: Witness = { requests, halfOpen, self, addressesOf: () => [], portsOf: () => [] };
  t.match(
    testify({ type: "look", look: 1, withinMs: 6_000, questions: [] }, witness, 10_000),
    { stalledMs: 550 + 2_000 + 3_350, longestStallMs: 3_350 },
    "as far as it falls into the time in question",
  );
});
