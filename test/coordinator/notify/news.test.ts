/** What gathers for one message, in words. */
import t from "tap";
import { Digest } from "../../../coordinator/notify/news.ts";
import { codeOf } from "../../../shared/api.ts";
import { transitionOf } from "../../helpers/journal.ts";

t.test("paths and endpoints are counted apart, since how they stand is told apart", async (t) => {
  const digest = new Digest();
  const transition = transitionOf(0, 1, { before: codeOf("reachable"), after: codeOf("dropped") });
  digest.addTransition("fail", { ...transition, isOutside: true });
  t.equal(digest.inWords, "1 endpoint began to fail");
  digest.addTransition("fail", { ...transition, isOutside: true });
  digest.addTransition("fail", transition);
  digest.addHappening({ at: 0, kind: "reload-failed", node: undefined, text: "a mistake" });
  t.equal(digest.inWords, "1 path and 2 endpoints began to fail, reload-failed");
  digest.addHappening({ at: 0, kind: "reload-failed", node: undefined, text: "a mistake" });
  t.match(digest.inWords, /, 2 times reload-failed$/);
});
