import t from "tap";
import { Check } from "typebox/value";
import { Observations } from "../../coordinator/observations.ts";
import { makePlan } from "../../shared/plan.ts";
import { AgentMessageSchema, type QualityMessage } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";
import { resultsOf } from "../helpers/results.ts";

/** Targets 0 and 2: n1>n2 and n2>n1 over tcp, on 9000-9002 and 9100; 1 and 3: the same over mtls on 9443. */
const plan = makePlan(
  clusterOf(
    specOf({
      flows: [
        flowOf("gossip", { ports: ["9000-9002", 9_100] }),
        flowOf("secure", { ports: 9_443, security: "mtls" }),
      ],
    }),
    nodesOf(["peer"], ["peer"]),
  ),
  "install",
);
const targetOf = (id: number) => plan.targets[id]!;

t.test("before any report nothing is known, and nothing is open", async (t) => {
  const observations = new Observations(plan);
  t.strictSame(observations.progress, { done: 0, of: 10 });
  for (const port of [9_000, 9_001, 9_002, 9_100])
    t.equal(observations.outcome(targetOf(0), port), undefined);
});

t.test("each result comes back as it was reported, at its own port", async (t) => {
  const observations = new Observations(plan);
  const frame = resultsOf([
    { target: 0, port: 9_000, outcome: "refused", phase: "connect", elapsedMs: 0.5, code: "ECONNREFUSED" },
    { target: 0, port: 9_002, outcome: "silent", phase: "connect", elapsedMs: 4_000, attempts: 3 },
    { target: 0, port: 9_100, outcome: "wrong-answer", elapsedMs: 2, rttMs: 1.5, detail: "SSH-2.0" },
  ]);
  t.ok(Check(AgentMessageSchema, frame), "as the link would accept it");
  t.equal(observations.record(0, frame), undefined);
  t.strictSame(observations.outcome(targetOf(0), 9_000), {
    kind: "refused",
    phase: "connect",
    elapsedMs: 0.5,
    attempts: 1,
    code: "ECONNREFUSED",
  });
  t.strictSame(observations.outcome(targetOf(0), 9_001), undefined);
  t.strictSame(observations.outcome(targetOf(0), 9_002), {
    kind: "silent",
    phase: "connect",
    elapsedMs: 4_000,
    attempts: 3,
  });
  t.strictSame(observations.outcome(targetOf(0), 9_100), {
    kind: "wrong-answer",
    phase: "answer",
    elapsedMs: 2,
    attempts: 1,
    rttMs: 1.5,
    detail: "SSH-2.0",
  });
  t.equal(
    observations.outcome(targetOf(2), 9_000),
    undefined,
    "nor did it say anything about another target",
  );
  t.strictSame(observations.progress, { done: 3, of: 10 });
});

t.test("every kind of outcome and every phase survives the columns", async (t) => {
  const { outcomeKinds, probePhases } = await import("../../shared/names.ts");
  for (const outcome of outcomeKinds) {
    for (const phase of probePhases) {
      const observations = new Observations(plan);
      observations.record(0, resultsOf([{ target: 0, port: 9_001, outcome, phase }]));
      t.match(observations.outcome(targetOf(0), 9_001), { kind: outcome, phase }, `${outcome} ${phase}`);
    }
  }
});

t.test("an agent cannot report for another's targets, and one such result spoils its frame", async (t) => {
  const observations = new Observations(plan);
  const frame = resultsOf([
    { target: 0, port: 9_000 },
    { target: 2, port: 9_000 },
  ]);
  t.equal(observations.record(0, frame), "a result is not for a target of this node");
  t.equal(observations.record(1, frame), "a result is not for a target of this node");
  t.equal(observations.outcome(targetOf(0), 9_000), undefined);
  t.strictSame(observations.progress, { done: 0, of: 10 });
});

t.test("a target or port that was never planned is refused", async (t) => {
  const observations = new Observations(plan);
  for (const [target, port] of [
    [0, 8_999],
    [0, 9_003],
    [0, 9_099],
    [0, 9_101],
    [0, 65_535],
    [4, 9_000],
    [4_294_967_295, 9_000],
  ] as const) {
    t.equal(
      observations.record(0, resultsOf([{ target, port }])),
      "a result is not for a target of this node",
      `${target} ${port}`,
    );
  }
});

t.test("columns of different lengths are refused", async (t) => {
  const frame = resultsOf([
    { target: 0, port: 9_000 },
    { target: 0, port: 9_001 },
  ]);
  for (const column of ["port", "outcome", "phase", "elapsedUs", "rttUs", "attempts"] as const) {
    const observations = new Observations(plan);
    t.equal(
      observations.record(0, { ...frame, [column]: frame[column].slice(1) }),
      "the columns differ in length",
      column,
    );
    t.equal(observations.progress.done, 0);
  }
  t.equal(new Observations(plan).record(0, resultsOf([])), undefined, "no result at all is no mistake");
});

t.test("a port that is reported twice counts once, and the later report holds", async (t) => {
  const observations = new Observations(plan);
  observations.record(
    0,
    resultsOf([
      { target: 0, port: 9_000, outcome: "silent", phase: "connect", code: "ETIMEDOUT", detail: "lost" },
    ]),
  );
  observations.record(
    0,
    resultsOf([
      { target: 0, port: 9_000, outcome: "silent", phase: "connect" },
      { target: 0, port: 9_000, outcome: "refused", phase: "connect" },
    ]),
  );
  t.strictSame(observations.progress, { done: 1, of: 10 });
  t.strictSame(
    observations.outcome(targetOf(0), 9_000),
    { kind: "refused", phase: "connect", elapsedMs: 1, attempts: 1 },
    "without what was said of the earlier one",
  );
});

t.test("the proof that an agent leaves out is the one that was expected", async (t) => {
  const observations = new Observations(plan);
  observations.record(
    0,
    resultsOf([
      { target: 0, port: 9_001, rttMs: 0.25 },
      { target: 1, port: 9_443 },
    ]),
  );
  t.strictSame(observations.outcome(targetOf(0), 9_001), {
    kind: "open",
    phase: "answer",
    elapsedMs: 1,
    attempts: 1,
    rttMs: 0.25,
    proof: { node: 1, port: 9_001, seenAddress: "", seenPort: 0, clientVerified: false },
  });
  t.equal(
    observations.outcome(targetOf(1), 9_443)?.proof?.clientVerified,
    true,
    "over mutual TLS with a client certificate",
  );
});

t.test("a proof that says something else is kept", async (t) => {
  const observations = new Observations(plan);
  const proof = { node: 0, port: 9_999, seenAddress: "192.0.2.1", seenPort: 40_000, clientVerified: false };
  observations.record(0, resultsOf([{ target: 0, port: 9_001, proof }]));
  t.strictSame(observations.outcome(targetOf(0), 9_001)?.proof, proof);
});

t.test("only an open port has a proof that may be left out", async (t) => {
  const observations = new Observations(plan);
  observations.record(0, resultsOf([{ target: 0, port: 9_001, outcome: "wrong-answer" }]));
  t.equal(observations.outcome(targetOf(0), 9_001)?.proof, undefined);
});

t.test("a remark about a result that is not in the frame is passed over", async (t) => {
  const observations = new Observations(plan);
  const frame = { ...resultsOf([{ target: 0, port: 9_000 }]), details: [{ at: 1, code: "ECONNREFUSED" }] };
  t.equal(observations.record(0, frame), undefined);
  t.equal(observations.outcome(targetOf(0), 9_000)?.code, undefined);
});

t.test("failures are the ports of which the far end may know more", async (t) => {
  const { outcomeKinds } = await import("../../shared/names.ts");
  const ports = [9_000, 9_001, 9_002, 9_100];
  t.strictSame(new Observations(plan).failures(targetOf(0)), [], "what was not reported is none");
  for (const outcome of outcomeKinds) {
    const observations = new Observations(plan);
    observations.record(0, resultsOf(ports.map((port) => ({ target: 0, port, outcome }))));
    t.strictSame(
      observations.failures(targetOf(0)),
      ["silent", "refused", "reset"].includes(outcome)
        ? [
            [9_000, 9_002],
            [9_100, 9_100],
          ]
        : [],
      outcome,
    );
    t.strictSame(observations.failures(targetOf(2)), [], "and only of that target");
  }
});

t.test("failures are exact, also in a range that failed in part", async (t) => {
  const observations = new Observations(plan);
  observations.record(
    0,
    resultsOf([
      { target: 0, port: 9_000, outcome: "silent", phase: "connect" },
      { target: 0, port: 9_001 },
      { target: 0, port: 9_100, outcome: "refused", phase: "connect" },
    ]),
  );
  t.strictSame(observations.failures(targetOf(0)), [
    [9_000, 9_000],
    [9_100, 9_100],
  ]);
});

t.test("what a probe shows of the host behind an address is remembered for whoever probed", async (t) => {
  const observations = new Observations(plan);
  observations.record(
    0,
    resultsOf([{ target: 0, port: 9_001, elapsedMs: 4_000, outcome: "silent", phase: "connect" }]),
  );
  const nothing = {
    neighbourTimeout: false,
    silentConnect: false,
    proved: false,
    answered: false,
    icmp: false,
  };
  t.strictSame(observations.hostSigns.of(0, "10.0.0.2"), { ...nothing, silentConnect: true });
  observations.record(
    0,
    resultsOf([
      { target: 0, port: 9_002, elapsedMs: 3_060, outcome: "unreachable", phase: "connect" },
      { target: 1, port: 9_443 },
    ]),
  );
  t.match(observations.hostSigns.of(0, "10.0.0.2"), { neighbourTimeout: true, proved: true });
  t.equal(observations.hostSigns.of(1, "10.0.0.1"), undefined);
});

t.test("measurements are a target's own, and of a node's own targets", async (t) => {
  const observations = new Observations(plan);
  const message = (target: number): QualityMessage => ({
    type: "quality",
    round: 1,
    targets: [
      { target: 0, ports: "9000", sent: 20, lost: 0, rttUs: 300 },
      { target: 0, ports: "9001", sent: 10, lost: 1, rttUs: 90_000 },
      { target, ports: "9443", sent: 20, lost: 2, rttUs: 450, blackHole: { pathMtu: 1_400, lost: "back" } },
    ],
  });
  const mistake = "a measurement is not of a target of this node";
  t.equal(observations.recordQuality(0, message(2)), mistake);
  t.equal(observations.recordQuality(0, message(4)), mistake, "nor of one that was never planned");
  t.equal(observations.quality(targetOf(0), 9_000), undefined, "and then nothing of it counts");
  t.equal(observations.recordQuality(0, message(1)), undefined);
  t.strictSame(observations.quality(targetOf(0), 9_000), { sent: 30, lost: 1, rttMs: 0.3 });
  t.equal(observations.quality(targetOf(0), 9_001)?.rttMs, 90, "loss is of the way, latency of the port");
  t.equal(observations.quality(targetOf(0), 9_002)?.rttMs, undefined);
  t.strictSame(observations.quality(targetOf(1), 9_443), {
    sent: 20,
    lost: 2,
    rttMs: 0.45,
    blackHole: { pathMtu: 1_400, lost: "back" },
  });
});

t.test("an open port implies its proof only where nothing else is said of it", async (t) => {
  const observations = new Observations(plan);
  const frame = resultsOf([
    { target: 0, port: 9_000 },
    { target: 0, port: 9_001, exchange: "http", detail: "HTTP/1.1 200 OK" },
    { target: 0, port: 9_002, detail: "an answer, and no more" },
  ]);
  t.ok(Check(AgentMessageSchema, frame), "as the link would accept it");
  t.equal(observations.record(0, frame), undefined);
  t.match(observations.outcome(targetOf(0), 9_000), { kind: "open", proof: { node: 1, port: 9_000 } });
  t.match(observations.outcome(targetOf(0), 9_001), {
    kind: "open",
    proof: undefined,
    exchange: "http",
    detail: "HTTP/1.1 200 OK",
  });
  t.match(observations.outcome(targetOf(0), 9_002), { kind: "open", proof: undefined });
});
