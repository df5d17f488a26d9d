import t from "tap";
import { median } from "../../shared/median.ts";

t.test("the median is one of the values, whatever their order", async (t) => {
  const values = [30, 9, 100];
  t.equal(median(values), 30);
  t.strictSame(values, [30, 9, 100], "which stay as they were");
  t.equal(median([100, 9, 30, 31]), 30, "the lower one of two");
  t.equal(median([]), undefined);
});
