import t from "tap";
import {
  countPorts,
  eachPort,
  formatPorts,
  hasPort,
  normalise,
  parsePorts,
  portSetOf,
  readPorts,
  union,
  type PortSet,
  type PortsText,
} from "../../shared/ports.ts";

t.test("every way of writing ports becomes sorted, disjoint intervals", async (t) => {
  const cases: [PortsText, PortSet][] = [
    [443, [[443, 443]]],
    ["443", [[443, 443]]],
    ["5701-5710", [[5701, 5710]]],
    [" 5701 - 5710 ", [[5701, 5710]]],
    [
      [636, 389, "8000-8010"],
      [
        [389, 389],
        [636, 636],
        [8000, 8010],
      ],
    ],
    [["100-200", "150-250"], [[100, 250]]],
    [
      [1, 65535],
      [
        [1, 1],
        [65535, 65535],
      ],
    ],
  ];
  for (const [text, expected] of cases) t.strictSame(parsePorts(text), expected, JSON.stringify(text));
});

t.test("ports that make no sense are a sentence that names them", async (t) => {
  t.equal(parsePorts("0-10"), "0-10 is not within 1 to 65535");
  t.equal(parsePorts(65536), "65536 is not within 1 to 65535");
  t.equal(parsePorts([443, "10-5"]), "the range 10-5 ends before it begins");
  t.equal(parsePorts("https"), "https is not within 1 to 65535");
});

t.test("neighbouring and overlapping intervals merge, others stay apart", async (t) => {
  t.strictSame(
    normalise([
      [3, 4],
      [1, 2],
      [6, 6],
    ]),
    [
      [1, 4],
      [6, 6],
    ],
  );
  t.strictSame(
    normalise([
      [1, 100],
      [5, 10],
    ]),
    [[1, 100]],
    "an interval inside another does not shorten it",
  );
  t.strictSame(normalise([]), []);
  t.strictSame(union([[[1, 2]], [], [[2, 5]]]), [[1, 5]]);
  t.strictSame(portSetOf([3, 1, 2, 2, 9]), [
    [1, 3],
    [9, 9],
  ]);
});

t.test("normalising leaves its input as it was", async (t) => {
  const interval: [number, number] = [1, 2];
  normalise([interval, [2, 9]]);
  t.strictSame(interval, [1, 2]);
});

t.test("a range counts, lists and contains its ports on both ends", async (t) => {
  const set: PortSet = [
    [10, 12],
    [20, 20],
  ];
  t.equal(countPorts(set), 4);
  t.strictSame([...eachPort(set)], [10, 11, 12, 20]);
  t.ok([10, 12, 20].every((port) => hasPort(set, port)));
  t.notOk([9, 13, 19, 21].some((port) => hasPort(set, port)));
});

t.test("what is shown can be read back", async (t) => {
  t.equal(
    formatPorts([
      [5701, 5710],
      [9042, 9042],
    ]),
    "5701-5710,9042",
  );
  t.equal(formatPorts([]), "");
  t.strictSame(parsePorts(formatPorts([[1, 65535]])), [[1, 65535]]);
  for (const set of [
    [],
    [[443, 443]],
    [[1, 65535]],
    [
      [5701, 5710],
      [9042, 9042],
    ],
  ] as PortSet[])
    t.strictSame(readPorts(formatPorts(set)), set);
  for (const text of ["x", "0", "1,", "65536", "9-1"]) t.equal(readPorts(text), undefined, text);
});
