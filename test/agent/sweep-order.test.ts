/** The order of a sweep: spread evenly wherever it is cut, and every port has its turn. */
import t from "tap";
import { smallestSample, sweepOrder } from "../../agent/sweep-order.ts";
import { eachPort, portSetOf, type PortSet } from "../../shared/ports.ts";
import { Random } from "../lab/random.ts";

const range: PortSet = [[30_000, 32_767]];
const sorted = (ports: readonly number[]): number[] => ports.toSorted((a, b) => a - b);

/** The most ports in a row that are left out, counted over the ports of the set. */
function largestGap(ports: PortSet, probed: ReadonlySet<number>): number {
  let [largest, gap] = [0, 0];
  for (const port of eachPort(ports)) {
    gap = probed.has(port) ? 0 : gap + 1;
    largest = Math.max(largest, gap);
  }
  return largest;
}

t.test("a small set is always probed whole, whatever came before", async (t) => {
  const scattered = portSetOf(Array.from({ length: smallestSample }, (_, index) => 1_000 + index * 7));
  const sets: PortSet[] = [[[443, 443]], [[9_000, 9_000 + smallestSample - 1]], scattered];
  for (const ports of sets)
    t.strictSame(sweepOrder(ports, 12_345), { always: [...eachPort(ports)], inTurn: new Uint16Array() });
  const larger: PortSet = [[9_000, 9_000 + smallestSample]];
  t.equal(sweepOrder(larger, 0).inTurn.length, smallestSample - 1, "one port more is a range");
});

t.test("beside a range what is small is always probed whole, and of the range its ends", async (t) => {
  const several: PortSet = [
    [5_000, 5_000],
    [5_010, 5_012],
    [6_000, 6_500],
    [7_000, 7_900],
  ];
  const always = [5_000, 5_010, 5_011, 5_012, 6_000, 6_500, 7_000, 7_900];
  t.strictSame(sorted(sweepOrder(several, 99).always), always);
  const scattered = portSetOf(Array.from({ length: 500 }, (_, index) => 1_000 + index * 7));
  t.strictSame(sweepOrder(scattered, 0).always, [], "but not where that would be all of a long list");
});

t.test("every port is probed once in a sweep, wherever it starts", async (t) => {
  const random = new Random(1);
  for (let run = 0; run < 200; run++) {
    const first = random.between(1, 30_000);
    const ports = portSetOf(
      Array.from({ length: random.between(1, 4) }, () => {
        const start = first + random.between(0, 3_000);
        return Array.from({ length: random.between(1, 900) }, (_, index) => start + index);
      }).flat(),
    );
    const { always, inTurn } = sweepOrder(ports, random.between(0, 100_000));
    if (sorted([...always, ...inTurn]).join() === [...eachPort(ports)].join()) continue;
    t.strictSame(sorted([...always, ...inTurn]), [...eachPort(ports)]);
    return;
  }
  t.pass("in 200 sets");
});

t.test("wherever a sweep is cut, what it has probed is spread evenly over the range", async (t) => {
  for (const size of [100, 1_000, 2_768, 16_384]) {
    const ports: PortSet = [[10_000, 10_000 + size - 1]];
    for (const start of [0, 1, 777]) {
      const { always, inTurn } = sweepOrder(ports, start);
      for (const cut of [16, 64, 100, 500].filter((each) => each < inTurn.length)) {
        const probed = new Set([...always, ...inTurn.slice(0, cut)]);
        const gap = largestGap(ports, probed);
        t.ok(gap <= (4 * size) / cut, `${cut} of ${size} from ${start} on: at most ${gap} left out in a row`);
      }
    }
  }
});

t.test("samples one after the other cover every port exactly once, and then begin again", async (t) => {
  const taken = 300;
  const { always, inTurn } = sweepOrder(range, 0);
  const sweeps = Math.floor(inTurn.length / taken);
  const probed: number[] = [];
  for (let sweep = 0; sweep < sweeps; sweep++)
    probed.push(...sweepOrder(range, sweep * taken).inTurn.slice(0, taken));
  const rest = inTurn.length - probed.length;
  const last = sweepOrder(range, probed.length).inTurn;
  t.strictSame(sorted([...always, ...probed, ...last.slice(0, rest)]), [...eachPort(range)]);
  t.strictSame(last.slice(rest), inTurn.slice(0, inTurn.length - rest), "from the beginning again");
});
