/** Who is asked to sweep its ranges whole, and when. */
import t from "tap";
import { FullSweeps } from "../../../coordinator/calendar/full-sweeps.ts";

const hourMs = 3_600_000;
const nodes = Array.from({ length: 100 }, (_, index) => ({ name: `n${index}`, index }));

t.test("nodes are asked one after the other, each once, and only those that sample", async (t) => {
  const asked: number[] = [];
  const order = (node: number): boolean => asked.push(node) > 0;
  const sweeps = new FullSweeps({ nodes: () => nodes, isSampled: (node) => node % 2 === 0, order });
  t.strictSame(sweeps.tick(0), [], "before the time nobody is");
  sweeps.begin(0);
  for (let now = 0; now <= hourMs / 2; now += 60_000) sweeps.tick(now);
  t.ok(asked.length > 10 && asked.length < 40, `${asked.length} in half of the time`);
  for (let now = hourMs / 2; now <= 2 * hourMs; now += 60_000) sweeps.tick(now);
  t.strictSame(
    asked.toSorted((a, b) => a - b),
    nodes.flatMap(({ index }) => (index % 2 === 0 ? [index] : [])),
  );
});

t.test("who is not there, or has not told anything yet, is asked later, and not for ever", async (t) => {
  const sampled = new Map<number, boolean>();
  let isThere = false;
  const asked: number[] = [];
  const sweeps = new FullSweeps(
    {
      nodes: () => nodes.slice(0, 2),
      isSampled: (node) => sampled.get(node),
      order: (node) => isThere && asked.push(node) > 0,
    },
    0,
  );
  sweeps.begin(0);
  t.strictSame(sweeps.tick(1), []);
  sampled.set(0, true).set(1, true);
  t.strictSame(sweeps.tick(2), [], "nobody is there");
  isThere = true;
  sampled.delete(1);
  t.strictSame(sweeps.tick(3), ["n0"]);
  sampled.set(1, true);
  t.strictSame(sweeps.tick(7 * hourMs), [], "the night is over");
  t.strictSame(asked, [0]);
});
