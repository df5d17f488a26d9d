/** Values of paths stand in blocks: they must be there as in any map. */
import t from "tap";
import { PathMap, PathTimes } from "../../../coordinator/watch/path-map.ts";
import { Random } from "../../lab/random.ts";

t.test("what is set is there until it is deleted, as in a map", (t) => {
  const random = new Random(1);
  const paths = new PathMap<string>();
  const map = new Map<number, string>();
  for (let step = 0; step < 20_000; step++) {
    // Neighbours mostly, and some far away.
    const path = random.between(0, 9) === 0 ? random.between(0, 10_000_000) : random.between(700, 1_600);
    if (random.between(0, 2) === 0) {
      paths.delete(path);
      map.delete(path);
    } else {
      paths.set(path, `${step}`);
      map.set(path, `${step}`);
    }
    if (step % 100 === 0) t.equal(paths.get(path), map.get(path));
  }
  const sorted = (items: Iterable<[number, string]>): [number, string][] =>
    [...items].toSorted(([a], [b]) => a - b);
  t.strictSame(sorted(paths), sorted(map));
  for (const path of map.keys()) paths.delete(path);
  t.strictSame([...paths], []);
  t.end();
});

t.test("times are there as they were, also the first of all", (t) => {
  const times = new PathTimes();
  t.equal(times.get(5), undefined);
  times.set(5, 0);
  times.set(9_989_999, 1_767_312_000_123);
  t.equal(times.get(5), 0);
  t.equal(times.get(9_989_999), 1_767_312_000_123);
  t.equal(times.get(9_989_998), undefined);
  t.strictSame(
    [...times],
    [
      [5, 0],
      [9_989_999, 1_767_312_000_123],
    ],
  );
  t.end();
});
