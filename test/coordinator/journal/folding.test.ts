/** What becomes of sweeps, and what is dropped: counts stay what they were, and moments that are kept can still be seen. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import t from "tap";
import type { Journal } from "../../../coordinator/journal/journal.ts";
import { decodeCounts, LatencyCounts } from "../../../coordinator/journal/latency-counts.ts";
import { journalPath, openForWriting, prepareFolder } from "../../../coordinator/journal/database.ts";
import { foldSome } from "../../../coordinator/journal/folding.ts";
import { decodeSummary, encodeSummary } from "../../../coordinator/journal/latency-summary.ts";
import { openJournal } from "../../../coordinator/journal/open-journal.ts";
import { Rows } from "../../../coordinator/journal/rows.ts";
import { latency } from "../../../coordinator/journal/tables.ts";
import { beginning } from "../../helpers/journal-plan.ts";
import {
  codesOf,
  dayMs,
  dropped,
  hourMs,
  minuteMs,
  start,
  sweepOf,
  transitionOf,
} from "../../helpers/journal.ts";
import { Random } from "../../lab/random.ts";

const targetCount = 2_500;

/** Of one target, over all spans. */
async function countsOf(journal: Journal, target: number, until: number): Promise<Map<number, number>> {
  const total = new Map<number, number>();
  for (const { counts } of await journal.latency({
    node: "n1",
    plan: 1,
    targets: [target],
    since: start,
    until,
  }))
    for (const [bucket, count] of counts) total.set(bucket, (total.get(bucket) ?? 0) + count);
  return new Map([...total].toSorted(([a], [b]) => a - b));
}

t.test("counts are read as they were written", (t) => {
  const random = new Random(1);
  const counts = new LatencyCounts();
  const expected = new Map<string, number>();
  for (let index = 0; index < 20_000; index++) {
    const [target, bucket, count] = [
      random.between(0, 1_000),
      random.between(0, 170),
      random.between(1, 400),
    ];
    counts.add(target, bucket, count);
    const key = `${target} ${bucket}`;
    if (bucket > 0) expected.set(key, (expected.get(key) ?? 0) + count);
  }
  const read = new Map<string, number>();
  decodeCounts(counts.encode(), (target, bucket, count) => read.set(`${target} ${bucket}`, count));
  t.strictSame(Object.fromEntries(read), Object.fromEntries(expected));
  counts.clear();
  t.ok(counts.isEmpty);
  decodeCounts(counts.encode(), () => t.fail("there is nothing"));
  t.end();
});

/** The buckets that the page shows of a span: the fastest, the median, the 90th and 99th percentile, the slowest. */
function ranksOf(counts: ReadonlyMap<number, number>): number[] {
  const sorted = [...counts].toSorted(([a], [b]) => a - b);
  const all = sorted.flatMap(([bucket, count]) => Array.from({ length: count }, () => bucket));
  return [0, 0.5, 0.9, 0.99, 1].map((share) => all[Math.max(1, Math.ceil(share * all.length)) - 1]!);
}

t.test("a summary has the ranks and the number of what it sums up, in less room", (t) => {
  const random = new Random(4);
  const counts = new LatencyCounts();
  const expected = new Map<number, Map<number, number>>();
  const add = (target: number, bucket: number): void => {
    counts.add(target, bucket);
    const of = expected.get(target) ?? new Map<number, number>();
    expected.set(target, of.set(bucket, (of.get(bucket) ?? 0) + 1));
  };
  // Few samples, many, one of which nothing is known, and extremes.
  for (let target = 0; target < 1_000; target++) {
    if (target % 7 === 3) continue;
    const samples = target % 5 === 0 ? random.between(1, 3) : 120;
    const usual = 60 + random.between(0, 6);
    for (let sample = 0; sample < samples; sample++)
      add(target, random.between(0, 49) === 0 ? random.between(1, 170) : usual + random.between(0, 3));
  }
  add(1_023, 1);
  add(1_023, 255);
  const encoded = encodeSummary(counts.targets);
  const read = new Map<number, Map<number, number>>();
  decodeSummary(encoded, (target, bucket, count) => {
    const of = read.get(target) ?? new Map<number, number>();
    read.set(target, of.set(bucket, (of.get(bucket) ?? 0) + count));
  });
  t.strictSame(
    [...read.keys()].toSorted((a, b) => a - b),
    [...expected.keys()],
  );
  const total = (of: ReadonlyMap<number, number>): number => [...of.values()].reduce((a, b) => a + b, 0);
  for (const [target, of] of expected) {
    t.strictSame(ranksOf(read.get(target)!), ranksOf(of), `${target}`);
    t.equal(total(read.get(target)!), total(of));
  }
  t.ok(encoded.length < counts.encode().length / 2, `${encoded.length} of ${counts.encode().length} bytes`);
  decodeSummary(encodeSummary([]), () => t.fail("there is nothing"));
  t.end();
});

t.test("a large cluster has its counts for hours and not for days", (t) => {
  const folder = join(t.testdir(), "data");
  prepareFolder(folder);
  using db = openForWriting(journalPath(folder));
  const rows = new Rows(db);
  const counts = new LatencyCounts();
  counts.add(0, 50, 10);
  const row = { node: "n1", plan: 1, seconds: 300, first: 0, counts: counts.encode() };
  for (let at = start; at < start + 6 * hourMs; at += 5 * minuteMs)
    rows.insert(latency, { ...row, id: rows.nextId("latency"), at });
  const now = start + 6 * hourMs;
  while (foldSome(rows, now, 40));
  const found = [...rows.select(latency, "ORDER BY at")];
  t.strictSame(
    found.map(({ seconds }) => seconds),
    [...Array.from({ length: 3 }, () => 3_600), ...Array.from({ length: 36 }, () => 300)],
    "the oldest hours first, until there are few enough",
  );
  while (foldSome(rows, now, 0));
  t.equal(
    [...rows.select(latency, "WHERE seconds = 300")].length,
    12,
    "the hour that is not long over stays",
  );
  t.end();
});

t.test("folding keeps every count, also of what comes late", async (t) => {
  const random = new Random(2);
  let now = start;
  await using journal = await openJournal({ folder: join(t.testdir(), "data"), now: () => now });
  await journal.commit(beginning());
  const sample = [0, 7, 1_023, 1_024, 2_047, 2_499];
  const expected = new Map(sample.map((target) => [target, new Map<number, number>()]));
  let seq = 0;
  const sweep = async (at: number): Promise<void> => {
    const buckets = Uint8Array.from(
      { length: targetCount },
      () => random.between(0, 9) && random.between(40, 60),
    );
    for (const [target, counts] of expected)
      if (buckets[target]! > 0) counts.set(buckets[target]!, (counts.get(buckets[target]!) ?? 0) + 1);
    await journal.commit({ sweeps: [sweepOf("n1", ++seq, at, { buckets })] });
  };
  const same = async (text: string): Promise<void> => {
    for (const [target, counts] of expected)
      t.strictSame(
        await countsOf(journal, target, now),
        new Map([...counts].toSorted(([a], [b]) => a - b)),
        `${text}: ${target}`,
      );
  };
  const spansOf = async (): Promise<number[]> => {
    const spans = await journal.latency({ node: "n1", plan: 1, targets: sample, since: start, until: now });
    return [...new Set(spans.map(({ seconds }) => seconds))].toSorted((a, b) => a - b);
  };
  for (; now < start + 40 * minuteMs; now += 30_000) await sweep(now);
  await same("raw");
  t.strictSame(await spansOf(), [60]);
  await journal.tidy(now);
  const { sweeps } = await journal.stats();
  t.ok(sweeps <= 20, `${sweeps} sweeps of the last ten minutes are as they came`);
  await same("folded");
  t.strictSame(await spansOf(), [60, 300]);
  // A backlog of the time that is folded already.
  for (let at = start + 15_000; at < start + 10 * minuteMs; at += 30_000) await sweep(at);
  await same("late");
  await journal.tidy(now);
  await same("late, and folded");
  now += 3 * dayMs;
  await journal.tidy(now);
  const hours = await journal.latency({ node: "n1", plan: 1, targets: [7], since: start, until: now });
  const summed = new Map(hours.flatMap(({ counts }) => [...counts]));
  t.strictSame(ranksOf(summed), ranksOf(expected.get(7)!), "summed up by the hour");
  t.strictSame(await spansOf(), [3_600]);
  t.equal((await journal.stats()).sweeps, 0);
  t.equal(journal.kept.get("n1")!.seq, seq);
});

/** Every hour a snapshot, every minute a transition. */
async function liveThrough(journal: Journal, from: number, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour++) {
    const at = from + hour * hourMs;
    await journal.commit({
      snapshot: { at, plan: 1, codes: codesOf() },
      transitions: Array.from({ length: 60 }, (_, minute) =>
        transitionOf(at + 1 + minute * minuteMs, minute % 18, { after: minute % 2 === 0 ? dropped : 1 }),
      ),
      happenings: [{ at, kind: "joined", node: "n1", text: "" }],
    });
  }
}

t.test("what is older than is to be kept is dropped, and all since can still be seen", async (t) => {
  const folder = join(t.testdir(), "data");
  const now = start + 10 * dayMs;
  const keepMs = 2 * dayMs + hourMs / 2;
  {
    await using journal = await openJournal({ folder, now: () => now, keepMs });
    await journal.commit(beginning());
    await liveThrough(journal, start, 240);
    const moments = Array.from({ length: 40 }, (_, index) => now - keepMs + index * 47 * minuteMs);
    const before = await Promise.all(moments.map((moment) => journal.at(moment)));
    await journal.tidy(now);
    const after = await Promise.all(moments.map((moment) => journal.at(moment)));
    t.strictSame(
      after.map((past) => past?.codes),
      before.map((past) => past?.codes),
    );
    t.ok(
      after.every((past) => past!.stale.size === 0),
      "nothing is missed",
    );
    const { since, transitions } = await journal.stats();
    t.ok(since! <= now - keepMs && since! > now - keepMs - 2 * hourMs, "a snapshot before it stays");
    t.ok(transitions < 52 * 60, `${transitions} transitions`);
    t.equal(await journal.at(start + dayMs), undefined);
    // Time goes on, and nothing happens any more.
    await journal.tidy(now + 10 * dayMs);
    await journal.tidy(now + 10 * dayMs);
  }
  await using journal = await openJournal({ folder, now: () => now + 10 * dayMs, keepMs });
  const last = (await journal.transitions({ order: "newest", limit: 1 }))[0]?.id ?? 0;
  await journal.commit({ transitions: [transitionOf(now + 10 * dayMs, 3)] });
  const [newest] = await journal.transitions({ order: "newest", limit: 1 });
  t.ok(newest!.id > Math.max(last, 239 * 60), "ids are never used again");
  t.equal((await journal.at(now + 11 * dayMs))!.codes[3], dropped);
});

t.test("of a node that is gone not even the name is left in the end", async (t) => {
  const folder = join(t.testdir(), "data");
  const keepMs = 2 * dayMs;
  await using journal = await openJournal({ folder, now: () => start, keepMs });
  const names = (): unknown[] => {
    using db = new DatabaseSync(join(folder, "journal.db"), { readOnly: true });
    return db
      .prepare("SELECT text FROM names ORDER BY text")
      .all()
      .map(({ text }) => text);
  };
  await journal.commit(beginning());
  await journal.commit({
    sweeps: [sweepOf("n1", 1, start), sweepOf("gone", 1, start)],
    transitions: [transitionOf(start, 0, { from: "gone", to: "n1", flow: "old" })],
    happenings: [{ at: start, kind: "left", node: "gone", text: "" }],
  });
  t.strictSame(names(), ["gone", "n1", "old", "test"]);
  for (const days of [1, 4, 5]) {
    const at = start + days * dayMs;
    await journal.commit({
      ...(days < 5 ? { snapshot: { at, plan: 1, codes: codesOf() } } : {}),
      sweeps: [sweepOf("n1", days + 1, at)],
      transitions: [transitionOf(at, 0, { from: "n1", to: "n2" })],
      happenings: [{ at, kind: "joined", node: "n1", text: "" }],
    });
  }
  await journal.tidy(start + dayMs);
  t.ok(names().includes("gone"));
  await journal.tidy(start + 7 * dayMs);
  t.strictSame(names(), ["etcd", "n1", "n2", "test"]);
  await journal.commit({
    sweeps: [sweepOf("n1", 7, start + 7 * dayMs), sweepOf("new", 1, start + 7 * dayMs)],
  });
  t.strictSame(names(), ["etcd", "n1", "n2", "new", "test"]);
  t.equal(journal.kept.get("n1")!.seq, 7);
  t.equal((await journal.stats()).setAside, 0);
});

t.test("how much is kept may change while it is open", async (t) => {
  const now = start + 10 * dayMs;
  await using journal = await openJournal({ folder: join(t.testdir(), "data"), now: () => now });
  await journal.commit(beginning());
  await liveThrough(journal, start, 24);
  await journal.tidy(now);
  const { transitions } = await journal.stats();
  t.equal(transitions, 24 * 60, "a month is kept");
  journal.limit({ keepMs: dayMs, bytes: 2_000_000_000 });
  await journal.tidy(now);
  t.ok((await journal.stats()).transitions < 60);
});

t.test("what is more than may be kept is dropped: latencies first", async (t) => {
  const now = start + 4 * dayMs;
  await using journal = await openJournal({
    folder: join(t.testdir(), "data"),
    now: () => now,
    maxBytes: 2_000_000,
  });
  const random = new Random(3);
  await journal.commit(beginning());
  await liveThrough(journal, start, 96);
  for (let hour = 0; hour < 96; hour++) {
    await journal.commit({
      sweeps: [
        sweepOf("n1", hour + 1, start + hour * hourMs, {
          buckets: Uint8Array.from({ length: 30_000 }, () => random.between(1, 170)),
        }),
      ],
    });
  }
  t.ok((await journal.stats()).bytes > 2_500_000);
  await journal.tidy(now);
  const { bytes, transitions } = await journal.stats();
  t.ok(bytes < 2_000_000, `${bytes} bytes`);
  t.equal(transitions, 96 * 60, "there was room for all of them");
  const spans = await journal.latency({ node: "n1", plan: 1, targets: [0], since: start, until: now });
  t.ok(spans.length > 0 && spans.length < 90, `${spans.length} of 96 spans`);
  t.ok(spans[0]!.at > start + 5 * hourMs, "the oldest are gone");

  await using small = await openJournal({
    folder: join(t.testdir(), "small"),
    now: () => now,
    maxBytes: 700_000,
  });
  await small.commit(beginning());
  await liveThrough(small, start, 96);
  await small.tidy(now);
  const left = await small.stats();
  t.ok(left.bytes < 700_000, `${left.bytes} bytes`);
  t.ok(left.transitions > 500 && left.transitions < 96 * 60, `${left.transitions} transitions`);
  t.strictSame((await small.at(now))!.stale, new Set());
});
