/** Which of several words on a port counts: an answer always, a failure by how well the peer was known to be there. */
import t from "tap";
import { LastWords, type Presence } from "../../agent/last-words.ts";
import { outcomeKinds, type OutcomeKind } from "../../shared/names.ts";
import { readPorts } from "../../shared/ports.ts";
import type { ResultsMessage, WireTarget } from "../../shared/wire.ts";

const targets: WireTarget[] = [
  { id: 0, to: 1, address: 0, protocol: "tcp", ports: "9000-9001" },
  { id: 4, to: 2, address: 0, protocol: "udp", ports: "9000" },
];

const create = (): LastWords => new LastWords(targets, (text) => readPorts(text)!);

function frame(target: number, port: number, kind: OutcomeKind, detail?: object): ResultsMessage {
  return {
    type: "results",
    round: 1,
    target: [target],
    port: [port],
    outcome: [outcomeKinds.indexOf(kind)],
    phase: [1],
    elapsedUs: [10],
    rttUs: [5],
    attempts: [1],
    details: detail === undefined ? [] : [{ at: 0, ...detail }],
  };
}

/** What is said of port 9000 of node 1 in the end. */
function wordAfter(...rounds: [kind: OutcomeKind, presence: Presence][]): { kind: string; isSure: boolean } {
  const words = create();
  for (const [kind, presence] of rounds) {
    words.hear(frame(0, 9000, kind));
    words.settle(() => presence);
  }
  const { results, unconfirmed } = words.frames();
  const kind = outcomeKinds[[...results, ...unconfirmed][0]!.outcome[0]!]!;
  return { kind, isSure: results.length === 1 };
}

t.test("an answer counts whenever it comes, and nothing takes its place", async (t) => {
  t.strictSame(wordAfter(["refused", 2], ["open", 0]), { kind: "open", isSure: true });
  t.strictSame(wordAfter(["open", 0], ["refused", 2]), { kind: "open", isSure: true });
});

t.test("the last failure counts, unless an earlier one is better founded", async (t) => {
  t.strictSame(wordAfter(["refused", 0], ["silent", 0]), { kind: "silent", isSure: false });
  t.strictSame(wordAfter(["refused", 0], ["silent", 2]), { kind: "silent", isSure: true });
  t.strictSame(wordAfter(["silent", 2], ["refused", 0]), { kind: "silent", isSure: true }, "the peer left");
  t.strictSame(wordAfter(["silent", 1], ["refused", 0]), { kind: "silent", isSure: false });
  t.strictSame(wordAfter(["silent", 2], ["reset", 2]), { kind: "reset", isSure: true });
});

t.test("what this host did itself needs no peer", async (t) => {
  t.strictSame(wordAfter(["local-error", 0]), { kind: "local-error", isSure: true });
});

t.test("what has not answered is asked again, and one port of each peer that has answered", async (t) => {
  const words = create();
  t.strictSame(words.open(), targets);
  t.strictSame(words.progress, { answered: 0, of: 3 });
  t.strictSame(words.hear(frame(0, 9001, "open")), new Set([1]));
  words.hear(frame(0, 9000, "silent"));
  t.strictSame(words.progress, { answered: 1, of: 3 });
  words.settle(() => 0);
  t.strictSame(words.open(), [{ ...targets[0], ports: "9000" }, targets[1]]);
  t.strictSame(words.anchors(new Set([1, 2])), [{ ...targets[0], ports: "9001" }]);
  t.strictSame(words.anchors(new Set([2])), []);
});

t.test("an answer of somebody else is none", async (t) => {
  const words = create();
  const proof = { node: 2, port: 9000, seenAddress: "10.0.0.1", seenPort: 1, clientVerified: false };
  t.strictSame(words.hear(frame(0, 9000, "open", { proof })), new Set());
  words.settle(() => 2);
  t.equal(words.open()[0]?.ports, "9000-9001");
  t.strictSame(words.frames().results[0]?.details, [{ at: 0, proof }], "and what it said is kept");
});
