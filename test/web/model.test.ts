/** What the dashboard makes of the API's answers before anything is drawn. */
import t from "tap";
import { codeOf } from "../../shared/reason-codes.ts";
import { axisOf } from "../../web/model/axis.ts";
import { EventStreamParser } from "../../web/model/event-stream.ts";
import { lookOf, sameCode } from "../../web/model/looks.ts";
import { matchesPair, nodeFilterOf } from "../../web/model/node-filter.ts";
import { changesBetween, slotCells, tallyOf } from "../../web/model/slot-cells.ts";
import { spanText } from "../../web/model/times.ts";
import { everything, searchOf, viewOf } from "../../web/model/view.ts";
import { failureFrom, stepFrom } from "../../web/matrix/walk.ts";

const [reachable, dropped, stale] = [codeOf("reachable"), codeOf("dropped"), codeOf("stale")];
const nodes = [
  { name: "n10", group: "workers/b" },
  { name: "n2", group: "workers/a" },
  { name: "n9", group: "workers/b" },
];
const everywhere = { isFolded: () => false, isShown: () => true };

t.test("nodes stand by group and in natural order", async (t) => {
  const axis = axisOf(nodes, everywhere);
  t.same(
    axis.slots.map(({ label }) => label),
    ["n2", "n9", "n10"],
  );
  t.same(axis.blocks, [
    { group: "workers/a", start: 0, end: 1 },
    { group: "workers/b", start: 1, end: 3 },
  ]);
});

t.test("a folded group shows the worst of its pairs", async (t) => {
  const axis = axisOf(nodes, { isFolded: (group) => group === "workers/b", isShown: () => true });
  const cells = {
    size: 3,
    codes: Uint8Array.of(0, reachable, reachable, reachable, 0, dropped, stale, reachable, 0),
  };
  const shown = slotCells(cells, axis, axis);
  t.same([...shown.codes], [0, dropped, reachable, stale]);
  t.same(tallyOf(cells, axis.slots[0]!, axis.slots[1]!), { pairs: 2, worst: 1, code: dropped });
});

t.test("between two moments only what changed has a look", async (t) => {
  const before = { size: 2, codes: Uint8Array.of(0, reachable, reachable, 0) };
  const after = { size: 2, codes: Uint8Array.of(0, reachable, dropped, 0) };
  const two = ["a", "b"];
  const changed = changesBetween({ cells: before, names: two }, { cells: after, names: two });
  t.same([...changed.codes], [0, sameCode, dropped, 0]);
  t.equal(lookOf(sameCode), "same");
  const moved = changesBetween({ cells: before, names: ["b", "c"] }, { cells: after, names: two });
  t.same([...moved.codes], [0, reachable, dropped, 0], "a node that was not there has only changes");
});

t.test("the address of the page says what is looked at, and nothing else", async (t) => {
  const view = {
    ...everything,
    tab: "failures" as const,
    flow: "etcd",
    port: 2379,
    verdict: "fail" as const,
    node: "db-* > web-*",
    from: "n3",
    to: "n1",
    at: "2026-11-21T14:03:00Z",
    open: ["a/b", "c+d"],
  };
  t.same(viewOf(searchOf(view)), view);
  t.equal(searchOf(everything), "");
  t.same(
    viewOf("?tab=nonsense&port=99999&verdict=good&at=yesterday"),
    everything,
    "what cannot be read is left out",
  );
});

t.test("server-sent events arrive in any pieces", async (t) => {
  const text =
    'id: 1\nevent: status\ndata: {"a":\ndata: 1}\n\n: still there\r\n\r\nevent: happening\r\ndata: x\r\n\r\n';
  for (const size of [1, 2, 7, text.length]) {
    const parser = new EventStreamParser();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.feed(text.slice(at, at + size)));
    t.same(found, [
      { event: "status", data: '{"a":\n1}' },
      { event: "happening", data: "x" },
    ]);
  }
  t.throws(() => new EventStreamParser().feed("x".repeat(9 * 1024 * 1024)), /does not end/);
});

t.test("a pattern means nodes at either end, or at both", async (t) => {
  const either = nodeFilterOf("db-*, n1")!;
  t.ok(matchesPair(either, "db-1", "web-1"));
  t.ok(matchesPair(either, "web-1", "N1"));
  t.notOk(matchesPair(either, "web-1", "n10"));
  const directed = nodeFilterOf("db-* > web-*")!;
  t.ok(matchesPair(directed, "db-1", "web-1"));
  t.notOk(matchesPair(directed, "web-1", "db-1"));
  t.ok(matchesPair(nodeFilterOf("> n.1")!, "any", "n.1"));
  t.equal(nodeFilterOf("  "), undefined);
});

t.test("keys walk the matrix, and failures come round", async (t) => {
  const cells = { rows: 2, columns: 3, codes: Uint8Array.of(0, dropped, 0, 0, 0, dropped) };
  const from = { row: 0, column: 1 };
  t.same(stepFrom(from, "ArrowLeft", false, cells, 1), { row: 0, column: 0 });
  t.same(stepFrom(from, "ArrowUp", false, cells, 1), from, "the edge is the end");
  t.same(stepFrom(from, "End", true, cells, 1), { row: 1, column: 2 });
  t.same(stepFrom(from, "]", false, cells, 1), { row: 1, column: 2 });
  t.same(stepFrom({ row: 1, column: 2 }, "]", false, cells, 1), from);
  t.same(stepFrom(from, "[", false, cells, 1), { row: 1, column: 2 });
  t.equal(failureFrom(from, 1, { rows: 1, columns: 2, codes: Uint8Array.of(0, reachable) }), undefined);
  t.equal(stepFrom(from, "x", false, cells, 1), undefined);
});

t.test("spans are told by their two largest units", async (t) => {
  t.equal(spanText(400), "0 s");
  t.equal(spanText(200_000), "3 min 20 s");
  t.equal(spanText(90_061_000), "1 d 1 h");
  t.equal(spanText(3_600_000 + 5_000), "1 h");
});
