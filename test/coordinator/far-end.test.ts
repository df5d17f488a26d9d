/** Everything that is known of the far end of one probe, put together. */
import t from "tap";
import { farEndOf, type KnownFarEnd } from "../../coordinator/far-end.ts";
import type { Membership } from "../../coordinator/membership.ts";
import { Observations } from "../../coordinator/observations.ts";
import { makePlan } from "../../shared/plan.ts";
import type { SightingsMessage } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";
import { resultsOf } from "../helpers/results.ts";

const plan = makePlan(
  clusterOf(specOf({ flows: [flowOf("gossip", { ports: "9000-9001" })] }), nodesOf(["peer"], ["peer"])),
  "install",
);
const [there] = plan.targets;
type Held = ReturnType<Membership["farEnd"]>;
const alive: Held = { agent: "alive", listener: "bound" };

function known(observations: Observations, held: Held = alive, port = 9_000): KnownFarEnd {
  return farEndOf(there!, port, there!.address, { farEnd: () => ({ ...held }) }, observations);
}

function sees(
  observations: Observations,
  answer: Partial<SightingsMessage["answers"][number]>,
  stalledMs = 0,
): Observations {
  observations.sightings.record(
    [{ id: there!.id, asked: [[9_000, 9_000]] }],
    {
      type: "sightings",
      look: 1,
      answers: [{ saw: "", mute: "", absent: "", ...answer }],
      stalledMs,
      longestStallMs: stalledMs,
    },
    5_000,
  );
  return observations;
}

t.test("where nobody was asked, it is what its agent holds", async (t) => {
  t.strictSame(known(new Observations(plan)), { ...alive, hostVanished: false });
});

t.test("it is asked for at the address where the node holds the port", async (t) => {
  const asked: unknown[] = [];
  const farEnd = (...args: unknown[]): Held => {
    asked.push(args);
    return { ...alive };
  };
  farEndOf(there!, 9_001, "127.0.0.1", { farEnd }, new Observations(plan));
  t.strictSame(asked, [[1, "tcp", "127.0.0.1", 9_001]]);
});

t.test("what it saw of this port is part of it", async (t) => {
  const observations = sees(new Observations(plan), { saw: "9000", mute: "9000" }, 2_000);
  t.match(known(observations), { ...alive, sawRequest: true, impaired: true, sighting: { mute: true } });
  t.equal(known(observations, alive, 9_001).sighting, undefined, "and of another port it was not asked");
});

t.test("a service has left only where there was one", async (t) => {
  const observations = sees(new Observations(plan), { absent: "9000" });
  t.equal(known(observations, { agent: "alive", listener: "occupied" }).serviceLeft, true);
  t.equal(known(observations).serviceLeft, false, "a port of ours that is gone is no service");
});

t.test("an agent that did not answer, or came back, held nothing for sure", async (t) => {
  for (const away of ["unanswered", "restarted"] as const) {
    const observations = new Observations(plan);
    observations.sightings[away].add(0);
    t.equal(known(observations).agent, "alive", "another node's agent");
    observations.sightings[away].add(1);
    t.equal(known(observations).agent, "gone", away);
    t.equal(known(observations, { agent: "missing", listener: undefined }).agent, "missing");
  }
});

t.test("a host of which one probe found no trace is gone for the others from there, too", async (t) => {
  const observations = new Observations(plan);
  const unreachable = {
    outcome: "unreachable",
    phase: "connect",
    code: "EHOSTUNREACH",
    elapsedMs: 3_060,
  } as const;
  const back = plan.targets.find(({ from }) => from === 1)!;
  observations.record(1, resultsOf([{ target: back.id, port: 9_001, ...unreachable }]));
  t.equal(known(observations).hostVanished, false, "seen from elsewhere");
  observations.record(0, resultsOf([{ target: there!.id, port: 9_001, ...unreachable }]));
  t.equal(known(observations).hostVanished, true);
});

t.test("how its agent was last heard of decides what silence of the host means", async (t) => {
  const observations = new Observations(plan);
  observations.record(
    0,
    resultsOf([{ target: there!.id, port: 9_000, outcome: "silent", phase: "connect", elapsedMs: 4_000 }]),
  );
  const gone = { agent: "gone", listener: "bound" } as const;
  t.equal(known(observations).hostVanished, false, "alive");
  t.equal(known(observations, { ...gone, lostBy: "close" }).hostVanished, false, "it closed its link");
  t.equal(known(observations, { ...gone, lostBy: "silence" }).hostVanished, true, "it went silent");
  t.equal(known(observations, { agent: "missing", listener: undefined }).hostVanished, undefined);
  observations.sightings.unanswered.add(1);
  t.equal(known(observations).hostVanished, true, "it does not answer a question");
});
