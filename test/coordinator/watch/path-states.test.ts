/** Paths over time: what is believed, since when, and who else has a say. */
import t from "tap";
import { PathStates, type PathPlace } from "../../../coordinator/watch/path-states.ts";
import { codeOf } from "../../../shared/api.ts";
import { verdictOf, type Reason } from "../../../shared/names.ts";
import { makePlan } from "../../../shared/plan.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../../helpers/domain-fixtures.ts";

const plan = makePlan(
  clusterOf(
    specOf({ flows: [flowOf("gossip"), flowOf("web", { ports: 9_443 })] }),
    nodesOf(["peer"], ["peer"], ["peer"]),
  ),
  "runtime",
);
const minute = 60_000;

function placeOf(from: number, to: number, index = 0): PathPlace {
  const { pairs } = plan;
  return { from, to, row: pairs.rows(from, to).paths[index]!, id: pairs.firstPath(from, to) + index };
}

const judged = (reason: Reason): { verdict: ReturnType<typeof verdictOf>; reason: Reason } => ({
  verdict: verdictOf(reason),
  reason,
});

t.test("the first proof of a path is no news, its first failure is", async (t) => {
  const states = new PathStates(plan, 0);
  t.equal(states.judge(placeOf(0, 1), judged("reachable"), 1_000, 1), undefined);
  t.equal(states.matrix.code(0, placeOf(0, 1).id), codeOf("reachable"));
  t.equal(states.judge(placeOf(0, 2), judged("dropped"), 1_000, 2), undefined, "one sweep is not enough");
  t.match(states.judge(placeOf(0, 2), judged("dropped"), 2_000, 1), {
    from: { reason: "never-probed" },
    to: { reason: "dropped" },
    at: 2_000,
  });
  t.equal(states.since(placeOf(0, 2).id), 2_000);
});

t.test("three looks make a failure, four where everybody else finds the far end well", async (t) => {
  const states = new PathStates(plan, 0);
  const place = placeOf(0, 1);
  states.judge(place, judged("reachable"), 0, 1);
  t.equal(states.looksWanted(place), 0);
  states.judge(place, judged("dropped"), 1_000, 2);
  t.equal(states.looksWanted(place), 1);
  t.equal(states.matrix.code(0, place.id), codeOf("reachable"), "not yet");
  t.match(states.judge(place, judged("dropped"), 2_000, 1), { to: { reason: "dropped" } });
  t.equal(states.looksWanted(place), 0);

  const alone = new PathStates(plan, 0);
  alone.judge(place, judged("reachable"), 0, 1);
  alone.judge(placeOf(2, 1), judged("reachable"), 0, 1);
  alone.judge(place, judged("dropped"), 1_000, 2);
  t.equal(alone.looksWanted(place), 2);
  t.equal(alone.judge(place, judged("dropped"), 2_000, 1), undefined);
  t.match(alone.judge(place, judged("dropped"), 3_000, 1), { to: { reason: "dropped" } });
});

t.test("the way back and other nodes at the same port confirm a failure", async (t) => {
  const confirming: [what: string, place: PathPlace, reason: Reason, wanted: number][] = [
    ["the way back fails", placeOf(1, 0), "dropped", 1],
    ["the way back fails in another flow", placeOf(1, 0, 1), "dropped", 1],
    ["another node fails at the same port", placeOf(2, 1), "rejected", 1],
    ["another node fails at another port", placeOf(2, 1, 1), "rejected", 1],
    ["another node's way to another node fails", placeOf(2, 0), "rejected", 1],
    ["the way back works", placeOf(1, 0), "reachable", 2],
    ["another node is well at the same port", placeOf(2, 1), "slow", 2],
    ["nobody knows anything", placeOf(2, 1), "agent-missing", 1],
  ];
  for (const [what, other, reason, wanted] of confirming) {
    const states = new PathStates(plan, 0);
    states.judge(placeOf(0, 1), judged("reachable"), 0, 1);
    states.judge(other, judged(reason), 0, 4);
    states.judge(placeOf(0, 1), judged("dropped"), 1_000, 2);
    t.equal(states.looksWanted(placeOf(0, 1)), wanted, what);
  }
});

t.test("a path that is well again is told so at once, and is calm after a while", async (t) => {
  const states = new PathStates(plan, 0);
  const place = placeOf(0, 1);
  states.judge(place, judged("reachable"), 0, 1);
  t.equal(states.judgeAgainAt(place.id), undefined, "of a calm path nothing but a byte is kept");
  states.judge(place, judged("dropped"), 1 * minute, 2);
  t.equal(states.judgeAgainAt(place.id), 1 * minute, "what is suspected is judged with every sweep");
  states.judge(place, judged("dropped"), 1 * minute, 3);
  t.match(states.judge(place, judged("reachable"), 2 * minute, 1), { to: { reason: "reachable" } });
  const calmAt = states.judgeAgainAt(place.id)!;
  t.ok(calmAt > 20 * minute && calmAt < 30 * minute, "it may flap, until it is forgotten");
  states.judge(place, judged("reachable"), calmAt + 1, 1);
  t.equal(states.judgeAgainAt(place.id), undefined);
  for (let at = 3; at < 60; at++) states.judge(place, judged("reachable"), at * minute, 1);
  t.equal(states.judgeAgainAt(place.id), undefined);
  t.equal(states.since(place.id), 2 * minute);
});

t.test("a path that comes and goes is told to flap", async (t) => {
  const states = new PathStates(plan, 0);
  const place = placeOf(0, 1);
  states.judge(place, judged("reachable"), 0, 1);
  for (let change = 1; change <= 4; change++) {
    states.judge(place, judged("dropped"), change * 20_000, 3);
    states.judge(place, judged("reachable"), change * 20_000 + 10_000, 1);
  }
  t.ok(states.isFlapping(place.id));
  t.equal(states.matrix.code(0, place.id), codeOf("dropped"), "and is shown at its worst");
});

t.test("another reason for the same verdict is shown, and no transition", async (t) => {
  const states = new PathStates(plan, 0);
  const place = placeOf(0, 1);
  states.judge(place, judged("reachable"), 0, 1);
  t.equal(states.judge(place, judged("served"), minute, 1), undefined);
  t.equal(states.matrix.code(0, place.id), codeOf("served"));
  t.equal(states.since(place.id), 0);
});

t.test("what was known before a restart is gone on with", async (t) => {
  const codes = new Uint8Array(plan.pairs.pathCount).fill(codeOf("reachable"));
  const place = placeOf(0, 1);
  codes[place.id] = codeOf("dropped");
  const states = new PathStates(plan, 5_000, { codes, since: new Map([[place.id, 1_000]]) });
  t.equal(states.since(place.id), 1_000);
  t.equal(states.since(placeOf(1, 0).id), 5_000);
  t.equal(states.judge(place, judged("dropped"), 6_000, 2), undefined, "it still fails");
  t.match(states.judge(place, judged("reachable"), 7_000, 1), {
    from: { reason: "dropped" },
    to: { reason: "reachable" },
  });
});
