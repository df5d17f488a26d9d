/** What far ends saw, by target and port. */
import t from "tap";
import { Sightings } from "../../coordinator/sightings.ts";
import type { SightingsMessage } from "../../shared/wire.ts";

const asked = (first: number, last: number) => ({ id: 4, asked: [[first, last]] as [number, number][] });

function answerOf(
  answers: Partial<SightingsMessage["answers"][number]>[],
  parts: Partial<SightingsMessage> = {},
): SightingsMessage {
  return {
    type: "sightings",
    look: 1,
    answers: answers.map((answer) => ({ saw: "", mute: "", absent: "", ...answer })),
    stalledMs: 0,
    longestStallMs: 0,
    ...parts,
  };
}

t.test("each asked port has what was said of it, and no other port anything", async (t) => {
  const sightings = new Sightings();
  t.equal(sightings.at(4, 9_000), undefined, "nobody was asked");
  const message = answerOf([{ saw: "9000-9001", mute: "9001", absent: "9003" }]);
  t.equal(sightings.record([asked(9_000, 9_003)], message, 5_000), undefined);
  const nothing = { sawRequest: false, mute: false, serviceLeft: false, impaired: false };
  t.strictSame(sightings.at(4, 9_000), { ...nothing, sawRequest: true });
  t.strictSame(sightings.at(4, 9_001), { ...nothing, sawRequest: true, mute: true });
  t.strictSame(sightings.at(4, 9_002), nothing);
  t.strictSame(sightings.at(4, 9_003), { ...nothing, serviceLeft: true });
  t.equal(sightings.at(4, 9_004), undefined);
  t.equal(sightings.at(5, 9_000), undefined);
});

t.test("what was said of ports that were not asked for is passed over", async (t) => {
  const sightings = new Sightings();
  sightings.record([asked(9_000, 9_000)], answerOf([{ saw: "1-65535" }]), 5_000);
  t.equal(sightings.at(4, 9_001), undefined);
});

t.test("answers belong to the questions in their order", async (t) => {
  const sightings = new Sightings();
  const targets = [asked(9_000, 9_000), { ...asked(9_000, 9_000), id: 5 }];
  sightings.record(targets, answerOf([{}, { saw: "9000" }]), 5_000);
  t.equal(sightings.at(4, 9_000)?.sawRequest, false);
  t.equal(sightings.at(5, 9_000)?.sawRequest, true);
});

t.test("another number of answers than questions is a mistake, and says nothing", async (t) => {
  const sightings = new Sightings();
  for (const answers of [[], [{ saw: "9000" }, {}]])
    t.equal(
      sightings.record([asked(9_000, 9_000)], answerOf(answers), 5_000),
      "the answers do not match the questions",
    );
  t.equal(sightings.at(4, 9_000), undefined);
});

t.test("text that is no list of ports is no port", async (t) => {
  const sightings = new Sightings();
  const message = answerOf([{ saw: "all", mute: "0", absent: "9003-9000" }]);
  t.equal(sightings.record([asked(9_000, 9_003)], message, 5_000), undefined);
  t.match(sightings.at(4, 9_000), { sawRequest: false, mute: false, serviceLeft: false });
});

t.test("an agent that did not run for long enough may have missed what it was asked", async (t) => {
  const impaired = (stalledMs: number, longestStallMs: number, withinMs: number) => {
    const sightings = new Sightings();
    const message = answerOf([{}], { stalledMs, longestStallMs });
    sightings.record([asked(9_000, 9_000)], message, withinMs);
    return sightings.at(4, 9_000)?.impaired;
  };
  t.equal(impaired(900, 900, 1_000), false, "less than a second never counts");
  t.equal(impaired(1_000, 1_000, 60_000), true, "a second at once always does");
  t.equal(impaired(14_000, 500, 60_000), false);
  t.equal(impaired(15_000, 500, 60_000), true, "and a quarter of the time in many small pieces");
});
