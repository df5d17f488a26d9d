/** Asking far ends about failed probes: whom, about what, and for how long. Time and sending come by argument. */
import t from "tap";
import { Inquiry } from "../../coordinator/inquiry.ts";
import { Observations } from "../../coordinator/observations.ts";
import { makePlan } from "../../shared/plan.ts";
import type { CoordinatorMessage, SightingsMessage } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";
import { resultsOf, type ResultLine } from "../helpers/results.ts";

type Look = Extract<CoordinatorMessage, { type: "look" }>;

const plan = makePlan(
  clusterOf(
    specOf({
      flows: [
        flowOf("gossip", { ports: "9000-9003" }),
        flowOf("datagrams", { ports: "9000-9003", transport: "udp" }),
      ],
    }),
    nodesOf(["peer"], ["peer"], ["peer"]),
  ),
  "install",
);
const targetsBySource = Map.groupBy(plan.targets, ({ from }) => from);
const idOf = (from: number, to: number, protocol: string): number =>
  plan.targets.find((target) => target.from === from && target.to === to && target.protocol === protocol)!.id;
const failed = (to: number, protocol: "tcp" | "udp", ...ports: number[]): ResultLine[] =>
  ports.map((port) => ({
    target: idOf(0, to, protocol),
    port,
    outcome: "silent",
    phase: protocol === "udp" ? "answer" : "connect",
  }));

/** An inquiry into what node 0 reported, and all that it sent. */
function inquire(
  lines: readonly ResultLine[],
  isThere: (node: number) => boolean = () => true,
): { inquiry: Inquiry; observations: Observations; sent: (Look & { to: number })[] } {
  const observations = new Observations(plan);
  observations.record(0, resultsOf(lines));
  const sent: (Look & { to: number })[] = [];
  let looks = 0;
  const inquiry = new Inquiry(
    targetsBySource,
    observations,
    (to, message) => {
      if (isThere(to)) sent.push({ to, ...message });
      return isThere(to);
    },
    () => ++looks,
  );
  return { inquiry, observations, sent };
}

function answerTo({ look, questions }: Look, saw: string): SightingsMessage {
  return {
    type: "sightings",
    look,
    answers: questions.map(() => ({ saw, mute: "", absent: "" })),
    stalledMs: 0,
    longestStallMs: 0,
  };
}

t.test("each far node is asked once about all that failed towards it", async (t) => {
  const { inquiry, sent } = inquire([
    ...failed(1, "tcp", 9_000, 9_001, 9_003),
    ...failed(1, "udp", 9_002),
    ...failed(2, "tcp", 9_000),
    { target: idOf(0, 2, "tcp"), port: 9_001 },
  ]);
  inquiry.open(0, 5_000, 100);
  t.match(sent, [
    {
      to: 1,
      withinMs: 5_000,
      questions: [
        { from: 0, transport: "tcp", ports: "9000-9001,9003" },
        { from: 0, transport: "udp", ports: "9002" },
      ],
    },
    { to: 2, questions: [{ from: 0, transport: "tcp", ports: "9000" }] },
  ]);
  t.equal(sent.length, 2);
  t.not(sent[0]?.look, sent[1]?.look);
  t.ok(inquiry.isOpen);
});

t.test("where nothing failed, or nobody is there, nobody is waited for", async (t) => {
  const passing = inquire([{ target: idOf(0, 1, "tcp"), port: 9_000 }]);
  passing.inquiry.open(0, 5_000, 100);
  t.strictSame([passing.sent, passing.inquiry.isOpen], [[], false]);
  const alone = inquire(failed(1, "tcp", 9_000), () => false);
  alone.inquiry.open(0, 5_000, 100);
  t.equal(alone.inquiry.isOpen, false);
  alone.inquiry.expire(1e9);
  t.strictSame([...alone.observations.sightings.unanswered], [], "whoever was not asked owes no answer");
});

t.test("another node's failures are not its question", async (t) => {
  const { inquiry, sent } = inquire(failed(1, "tcp", 9_000));
  inquiry.open(2, 5_000, 100);
  t.strictSame(sent, []);
});

t.test("an answer is what was seen, and then the question is closed", async (t) => {
  const { inquiry, observations, sent } = inquire(failed(1, "tcp", 9_000, 9_001));
  inquiry.open(0, 5_000, 100);
  t.equal(inquiry.answered(1, answerTo(sent[0]!, "9001")), undefined);
  t.equal(observations.sightings.at(idOf(0, 1, "tcp"), 9_000)?.sawRequest, false);
  t.equal(observations.sightings.at(idOf(0, 1, "tcp"), 9_001)?.sawRequest, true);
  t.equal(inquiry.isOpen, false);
  inquiry.expire(1e9);
  t.strictSame([...observations.sightings.unanswered], []);
});

t.test("a foreign answer is passed over, and the question stays open", async (t) => {
  const { inquiry, observations, sent } = inquire(failed(1, "tcp", 9_000));
  inquiry.open(0, 5_000, 100);
  t.equal(inquiry.answered(2, answerTo(sent[0]!, "9000")), undefined, "of another node");
  t.equal(inquiry.answered(1, answerTo({ ...sent[0]!, look: 77 }, "9000")), undefined, "to no question");
  t.equal(observations.sightings.at(idOf(0, 1, "tcp"), 9_000), undefined);
  t.ok(inquiry.isOpen);
});

t.test("an answer that does not fit is the agent's mistake, and it is not asked again", async (t) => {
  const { inquiry, observations, sent } = inquire(failed(1, "tcp", 9_000));
  inquiry.open(0, 5_000, 100);
  t.equal(
    inquiry.answered(1, { ...answerTo(sent[0]!, ""), answers: [] }),
    "the answers do not match the questions",
  );
  t.equal(observations.sightings.at(idOf(0, 1, "tcp"), 9_000), undefined);
  t.equal(inquiry.isOpen, false);
});

t.test("who does not answer in time is given up, and a late answer counts no more", async (t) => {
  const { inquiry, observations, sent } = inquire([...failed(1, "tcp", 9_000), ...failed(2, "tcp", 9_000)]);
  inquiry.open(0, 5_000, 100);
  inquiry.answered(2, answerTo(sent[1]!, ""));
  inquiry.expire(6_099);
  t.ok(inquiry.isOpen);
  inquiry.expire(6_100);
  t.equal(inquiry.isOpen, false);
  t.strictSame([...observations.sightings.unanswered], [1]);
  t.equal(inquiry.answered(1, answerTo(sent[0]!, "9000")), undefined);
  t.equal(observations.sightings.at(idOf(0, 1, "tcp"), 9_000), undefined);
});
