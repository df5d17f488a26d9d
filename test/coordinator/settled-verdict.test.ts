/** What is shown of a path that is probed again and again: strikes, recovery, flapping. */
import t from "tap";
import {
  settle,
  unsettled,
  type Confirmation,
  type SettledVerdict,
  type Transition,
} from "../../coordinator/settled-verdict.ts";
import type { Judgement } from "../../shared/judge.ts";
import { Random } from "../lab/random.ts";

const judgements = {
  pass: { verdict: "pass", reason: "reachable" },
  served: { verdict: "pass", reason: "served" },
  warn: { verdict: "warn", reason: "lossy" },
  unknown: { verdict: "unknown", reason: "agent-missing" },
  fail: { verdict: "fail", reason: "dropped" },
  rejected: { verdict: "fail", reason: "rejected" },
} as const satisfies Record<string, Judgement>;
type Word = keyof typeof judgements;

const intervalMs = 30_000;
const minuteMs = 60_000;

/** A path over time, with what people are told of it. */
class Path {
  state: SettledVerdict = unsettled(0);
  now = 0;
  readonly told: Transition[] = [];

  see(word: Word, confirmation: Confirmation = "unknown", afterMs = intervalMs): this {
    this.now += afterMs;
    const { state, transition } = settle(this.state, judgements[word], confirmation, this.now);
    this.state = state;
    if (transition !== undefined) this.told.push(transition);
    return this;
  }

  sees(words: string, confirmation?: Confirmation): this {
    for (const word of words.split(" ")) this.see(word as Word, confirmation);
    return this;
  }

  get lines(): string[] {
    return this.told.map(({ from, to }) => `${from.reason} > ${to.reason}`);
  }
}

/** Where a path passes at first, that is told and left out here. */
const table: [words: string, confirmation: Confirmation, told: string[]][] = [
  ["pass", "unknown", []],
  ["pass fail fail", "unknown", []],
  ["pass fail fail fail", "unknown", ["reachable > dropped"]],
  ["pass fail fail fail", "confirmed", ["reachable > dropped"]],
  ["pass fail fail fail", "alone", []],
  ["pass fail fail fail fail", "alone", ["reachable > dropped"]],
  ["pass fail fail pass fail fail", "unknown", []],
  ["pass fail fail unknown fail fail", "unknown", ["reachable > agent-missing"]],
  ["pass fail rejected fail", "unknown", ["reachable > dropped"]],
  ["pass fail fail fail fail fail", "unknown", ["reachable > dropped"]],
  ["pass fail fail fail pass", "unknown", ["reachable > dropped", "dropped > reachable"]],
  ["pass warn pass", "unknown", ["reachable > lossy", "lossy > reachable"]],
  ["pass served pass", "unknown", []],
  ["fail fail", "unknown", []],
  ["fail fail fail", "unknown", ["never-probed > dropped"]],
  ["unknown unknown", "unknown", []],
];

t.test(
  "a fail needs three rounds, one that nobody else sees needs four, and recovery needs one",
  async (t) => {
    for (const [words, confirmation, told] of table) {
      const first = words.startsWith("pass") ? ["never-probed > reachable"] : [];
      t.strictSame(
        new Path().sees(words, confirmation).lines,
        [...first, ...told],
        `${words}, ${confirmation}`,
      );
    }
  },
);

t.test("another reason for the same verdict is shown, and the verdict is as old as it was", async (t) => {
  const path = new Path().sees("pass fail fail fail");
  const { since } = path.state;
  path.see("rejected");
  t.match(path.state, { shown: judgements.rejected, since });
});

t.test("a path that keeps changing is told to flap and held at its worst", async (t) => {
  const path = new Path().sees("pass");
  for (let turn = 0; turn < 4; turn++) path.sees("fail fail fail pass");
  t.strictSame(path.lines.slice(1), [
    "reachable > dropped",
    "dropped > reachable",
    "reachable > dropped",
    "dropped > reachable",
    "reachable > dropped",
  ]);
  t.strictSame(
    path.told.slice(1).map(({ isFlapping }) => isFlapping),
    [false, false, false, true, true],
  );
  t.match(path.state, { shown: judgements.fail, isFlapping: true });
});

/** Holds at fail what passes at present. */
function flapping(turns: number): Path {
  const path = new Path().sees("pass");
  for (let turn = 0; turn < turns; turn++) path.sees("fail fail fail pass");
  return path;
}

t.test(
  "it is believed again when it has been quiet for long enough, and never later than that",
  async (t) => {
    for (const turns of [4, 100]) {
      const path = flapping(turns);
      const before = path.told.length;
      const quietSince = path.now;
      while (path.state.isFlapping && path.now - quietSince < 60 * minuteMs) path.see("pass");
      const quietMinutes = (path.now - quietSince) / minuteMs;
      t.ok(quietMinutes > 5 && quietMinutes <= 20.5, `${turns} turns: ${quietMinutes} minutes`);
      t.strictSame(path.lines.slice(before), ["dropped > reachable"]);
      t.equal(path.told.at(-1)!.isFlapping, false);
      t.match(path.state, { shown: judgements.pass, since: path.now });
    }
  },
);

t.test("one that ends its flapping in failure has nothing more to tell", async (t) => {
  const path = flapping(4).sees("fail fail fail");
  const before = path.told.length;
  for (let count = 0; count < 60; count++) path.see("fail");
  t.match(path.state, { shown: judgements.fail, isFlapping: false });
  t.equal(path.told.length, before);
  path.see("pass");
  t.strictSame(path.lines.slice(before), ["dropped > reachable"], "and it recovers at once as ever");
});

t.test("changes that are far apart are no flapping", async (t) => {
  const path = new Path().sees("pass");
  for (let turn = 0; turn < 10; turn++) {
    path.sees("fail fail fail").see("pass", "unknown", 15 * minuteMs);
    path.see("pass", "unknown", 15 * minuteMs);
  }
  t.equal(path.told.length, 1 + 2 * 10);
  t.ok(path.told.every(({ isFlapping }) => !isFlapping));
});

t.test("whatever happens, no alarm is false and no change is told twice", async (t) => {
  const random = new Random(20_261_121);
  const words = Object.keys(judgements) as Word[];
  const confirmations = ["confirmed", "alone", "unknown"] as const;
  for (let run = 0; run < 300; run++) {
    const path = new Path();
    let fails = 0;
    let shown: Judgement = path.state.shown;
    // Some paths are steadier than others.
    const steadiness = random.next();
    let word: Word = "pass";
    for (let round = 0; round < 60; round++) {
      if (random.next() > steadiness) word = random.pick(words);
      const confirmation = random.pick(confirmations);
      const before = path.told.length;
      path.see(word, confirmation, random.next() * 2 * minuteMs);
      fails = judgements[word].verdict === "fail" ? fails + 1 : 0;
      const [transition] = path.told.slice(before);
      const { isFlapping, suspected } = path.state;
      const problem =
        transition === undefined
          ? path.state.shown.verdict !== shown.verdict && "a verdict changed and nobody was told"
          : (transition.from.verdict === transition.to.verdict && "a transition without a change") ||
            (transition.from.verdict !== shown.verdict && "a transition from what was not shown") ||
            (transition.at !== path.now && "a transition at another time") ||
            (transition.to.verdict === "fail" && fails < 3 && "a fail before three strikes");
      const isHeldBack = isFlapping || suspected !== undefined;
      if (problem || (!isHeldBack && path.state.shown !== judgements[word])) {
        t.fail(`run ${run}, round ${round}: ${problem || "what is not held back is shown"}`, path.state);
        return;
      }
      ({ shown } = path.state);
    }
  }
  t.pass("in 300 runs of 60 rounds");
});

t.test("a clock that is set back makes no path flap, and none for ever", async (t) => {
  const path = new Path().sees("pass fail fail fail");
  path.see("fail", "unknown", -24 * 60 * minuteMs);
  t.equal(path.state.isFlapping, false);
  path.sees("pass");
  t.equal(path.state.isFlapping, false);
  t.ok(path.state.penalty <= 2_000, `${path.state.penalty}`);
});
