/** What is kept, and what is known of it afterwards: after a restart, at any moment, and of each field. */
import { statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Entry, Journal, KeptSweep, KeptTransition } from "../../../coordinator/journal/journal.ts";
import { openJournal } from "../../../coordinator/journal/open-journal.ts";
import { codeOf } from "../../../shared/api.ts";
import type { PortmeshError } from "../../../shared/errors.ts";
import type { PublicPlan } from "../../../shared/offline.ts";
import {
  codesOf,
  dropped,
  flows,
  hourMs,
  minuteMs,
  nodeNames,
  pathCount,
  reachable,
  start,
  sweepOf,
  transitionOf,
} from "../../helpers/journal.ts";
import { beginning, planOf } from "../../helpers/journal-plan.ts";

t.strictSame([reachable, dropped], [codeOf("reachable"), codeOf("dropped")]);

function folderOf(test: { testdir(): string }): string {
  return join(test.testdir(), "data");
}

t.test("an empty folder is made with room for nobody else, and knows nothing", async (t) => {
  const folder = folderOf(t);
  await using journal = await openJournal({ folder, now: () => start });
  t.equal(journal.restored, undefined);
  t.equal(journal.kept.size, 0);
  t.strictSame(journal.notes, []);
  t.equal(await journal.at(start), undefined);
  t.strictSame(await journal.transitions({ order: "newest", limit: 10 }), []);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  await journal.commit(beginning());
  for (const file of [
    "journal.db",
    "journal.db-wal",
    "journal.db-shm",
    "writer.lock",
    "writer.pid",
    "reserve",
  ])
    t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
});

t.test("what was committed is there when it is opened again", async (t) => {
  const folder = folderOf(t);
  const happened = { at: start + 1_500, kind: "joined", node: "n1", text: "n1 joined" } as const;
  const changed = transitionOf(start + 2_000, 4);
  {
    await using journal = await openJournal({ folder, now: () => start });
    await journal.commit(beginning());
    await journal.commit({ sweeps: [sweepOf("n1", 1, start)], happenings: [happened] });
    await journal.commit({ sweeps: [sweepOf("n1", 2, start + 30_000)], transitions: [changed] });
    t.strictSame(journal.kept.get("n1"), { node: "n1", origin: "origin-1", seq: 2 });
  }
  await using journal = await openJournal({ folder, now: () => start + minuteMs });
  t.strictSame([...journal.kept.values()], [{ node: "n1", origin: "origin-1", seq: 2 }]);
  t.strictSame(journal.notes, []);
  const codes = codesOf();
  codes[4] = dropped;
  t.strictSame(journal.restored, {
    at: start + minuteMs,
    planVersion: 1,
    plan: JSON.parse(JSON.stringify(planOf())) as PublicPlan,
    codes,
    since: new Map([[4, start + 2_000]]),
    stale: new Set(),
  });
  t.strictSame(await journal.transitions({ order: "newest", limit: 10 }), [{ id: 1, transition: changed }]);
  t.strictSame(await journal.happenings({ order: "newest", limit: 10 }), [{ id: 1, happening: happened }]);
  t.match(await journal.stats(), {
    since: start,
    transitions: 1,
    sweeps: 2,
    setAside: 0,
    problem: undefined,
  });
});

t.test("any moment is known as it was: plans, transitions, and who was stale", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  await journal.commit(beginning());
  await journal.commit({ transitions: [transitionOf(start + 10_000, 0), transitionOf(start + 20_000, 1)] });
  await journal.commit({
    transitions: [transitionOf(start + 30_000, 0, { before: dropped, after: reachable })],
    happenings: [{ at: start + 25_000, kind: "stale", node: "n2", text: "n2 owes its sweeps" }],
  });
  await journal.commit({ happenings: [{ at: start + 40_000, kind: "fresh", node: "n2", text: "" }] });
  await journal.commit({
    plan: { version: 2, at: start + 60_000, plan: planOf("b") },
    snapshot: { at: start + 60_000, plan: 2, codes: codesOf(codeOf("never-probed"), 6) },
  });
  const told = async (moment: number): Promise<unknown> => {
    const past = await journal.at(moment);
    if (past === undefined) return undefined;
    const bad = [...past.codes.entries()].filter(([, code]) => code === dropped).map(([path]) => path);
    return [past.planVersion, past.codes.length, bad, [...past.since.keys()], [...past.stale]];
  };
  t.equal(await told(start - 1), undefined);
  t.strictSame(await told(start), [1, pathCount, [], [], []]);
  t.strictSame(await told(start + 10_000), [1, pathCount, [0], [0], []]);
  t.strictSame(await told(start + 27_000), [1, pathCount, [0, 1], [0, 1], ["n2"]]);
  t.strictSame(await told(start + 59_999), [1, pathCount, [1], [0, 1], []]);
  t.strictSame(await told(start + 60_000), [2, 6, [], [], []]);
  t.equal((await journal.at(start + 30_000))!.since.get(0), start + 30_000);
});

t.test("a transition that is told late counts for the time of which it tells", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  await journal.commit(beginning());
  await journal.commit({ transitions: [transitionOf(start + 90_000, 2)] });
  // The snapshot was taken before anybody knew of path 3, and of its recovery.
  const since = new Map([[1, start + 5_000]]);
  await journal.commit({ snapshot: { at: start + hourMs, plan: 1, codes: codesOf(), since } });
  await journal.commit({
    transitions: [transitionOf(start + hourMs - 10_000, 3, { isLate: true })],
  });
  const before = (await journal.at(start + hourMs - 5_000))!;
  t.equal(before.codes[3], dropped);
  t.equal(before.codes[2], dropped);
  const after = (await journal.at(start + hourMs + 5_000))!;
  t.equal(after.codes[3], dropped, "and of the snapshot that did not know");
  t.strictSame(
    [...after.since],
    [
      [1, start + 5_000],
      [3, start + hourMs - 10_000],
    ],
  );
});

t.test("while no coordinator was there, all is stale", async (t) => {
  const folder = folderOf(t);
  {
    await using journal = await openJournal({ folder, now: () => start });
    await journal.commit(beginning());
  }
  await using journal = await openJournal({ folder, now: () => start + hourMs });
  await journal.commit({ happenings: [{ at: start + hourMs, kind: "started", node: undefined, text: "" }] });
  t.strictSame((await journal.at(start + minuteMs))!.stale, new Set());
  t.strictSame((await journal.at(start + hourMs / 2))!.stale, new Set(nodeNames));
  t.strictSame((await journal.at(start + hourMs))!.stale, new Set());
});

t.test("sweeps are kept once, in order, and what never came is declared", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  await journal.commit(beginning());
  const at = (seq: number): number => start + seq * 30_000;
  const keep = (...seqs: number[]): Promise<void> =>
    journal.commit({ sweeps: seqs.map((seq) => sweepOf("n1", seq, at(seq))) });
  await keep(1, 2);
  await keep(2, 1, 3);
  t.equal((await journal.stats()).sweeps, 3);
  t.equal(journal.kept.get("n1")!.seq, 3);
  const gap = { type: "gap", origin: "origin-1", seq: 4, until: 6, reason: "no room" } as const;
  await journal.commit({ gaps: [{ node: "n1", at: at(7), gap }], sweeps: [sweepOf("n1", 7, at(7))] });
  t.equal(journal.kept.get("n1")!.seq, 7);
  await journal.commit({ gaps: [{ node: "n1", at: at(8), gap }] });
  t.equal(journal.kept.get("n1")!.seq, 7);
  await keep(10);
  t.match(await journal.happenings({ order: "oldest", limit: 9 }), [
    { happening: { kind: "gap", node: "n1", text: "3 sweeps of n1 were lost: no room" } },
    { happening: { kind: "gap", node: "n1", text: "sweeps 8 to 9 of n1 never came" } },
  ]);
  t.equal((await journal.stats()).sweeps, 5);
  await journal.commit({ sweeps: [sweepOf("n1", 1, at(11), { origin: "origin-2" })] });
  t.strictSame(journal.kept.get("n1"), { node: "n1", origin: "origin-2", seq: 1 });
  await keep(9);
  t.strictSame(
    journal.kept.get("n1"),
    { node: "n1", origin: "origin-2", seq: 1 },
    "an old origin stays behind",
  );
  const farther = { ...gap, origin: "origin-2", seq: 3, until: 4 };
  await journal.commit({ gaps: [{ node: "n1", at: at(12), gap: farther }] });
  t.match(
    (await journal.happenings({ order: "oldest", limit: 9 })).slice(2),
    [
      { happening: { text: "sweeps 2 to 2 of n1 never came" } },
      { happening: { text: "2 sweeps of n1 were lost: no room" } },
    ],
    "what a declared gap leaves out is missed, too",
  );
});

t.test("what follows something that could not be kept is refused, and never hides it", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  await journal.commit(beginning());
  const told = (seq: number): KeptSweep => sweepOf("n1", seq, start + seq);
  await journal.commit({ sweeps: [told(1)] });
  const third = { sweeps: [told(3)], follows: { node: "n1", origin: "origin-1", seq: 2 } };
  await t.rejects(journal.commit(third), { message: /what n1 told before it is not kept/ });
  t.equal(journal.kept.get("n1")!.seq, 1);
  t.strictSame(await journal.happenings({ order: "oldest", limit: 9 }), []);
  await Promise.all([journal.commit({ sweeps: [told(2)] }), journal.commit(third)]);
  t.equal(journal.kept.get("n1")!.seq, 3);
});

t.test("an entry is kept whole or not at all, and takes no other with it", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  await journal.commit(beginning());
  const other = { plan: { version: 1, at: start + 1, plan: planOf("f") }, sweeps: [sweepOf("n2", 1, start)] };
  const results = await Promise.allSettled([
    journal.commit({ sweeps: [sweepOf("n1", 1, start)] }),
    journal.commit(other),
    journal.commit({ transitions: [transitionOf(start + 1, 1)], sweeps: [sweepOf("n3", 1, start)] }),
  ]);
  t.strictSame(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const { reason } = results[1] as PromiseRejectedResult & { reason: PortmeshError };
  t.equal(reason.code, "cannot-run");
  t.match(reason.message, /version 1 of the plan is that of another plan/);
  t.strictSame([...journal.kept.keys()].toSorted(), ["n1", "n3"]);
  t.equal((await journal.stats()).sweeps, 2);
  await journal.commit({ ...other, plan: { version: 1, at: start + 1, plan: planOf() } });
  t.ok(journal.kept.has("n2"), "the same plan again is no other plan");
});

t.test("transitions are found by every field, a page at a time", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  await journal.commit(beginning());
  const all = Array.from({ length: 300 }, (_, index) =>
    transitionOf(start + index * 1_000, index % pathCount, {
      before: index % 5 === 0 ? codeOf("rejected") : reachable,
      after: index % 7 === 0 ? codeOf("lossy") : dropped,
      expected: index % 11 === 0 ? "closed" : "open",
      spec: index % 13 === 0 ? "other" : "test",
      isFlapping: index % 17 === 0,
    }),
  );
  await Promise.all(all.map((transition) => journal.commit({ transitions: [transition] })));
  const pages = async (query: Partial<Parameters<Journal["transitions"]>[0]>): Promise<number[]> => {
    const found: number[] = [];
    let after: number | undefined;
    for (;;) {
      const page = await journal.transitions({
        order: "newest",
        limit: 17,
        ...query,
        ...(after === undefined ? {} : { after }),
      });
      for (const { id, transition } of page) t.strictSame(transition, all[id - 1]);
      found.push(...page.map(({ id }) => id - 1));
      if (page.length < 17) return found;
      after = page.at(-1)!.id;
    }
  };
  const expected = (isWanted: (one: (typeof all)[number], index: number) => boolean): number[] =>
    [...all.keys()].filter((index) => isWanted(all[index]!, index)).toReversed();
  t.strictSame(
    await pages({}),
    expected(() => true),
  );
  t.strictSame(await pages({ order: "oldest" }), [...all.keys()]);
  t.strictSame(
    await pages({ from: "n2" }),
    expected(({ from }) => from === "n2"),
  );
  t.strictSame(
    await pages({ to: "n3" }),
    expected(({ to }) => to === "n3"),
  );
  t.strictSame(
    await pages({ flow: "https" }),
    expected(({ flow }) => flow === "https"),
  );
  t.strictSame(
    await pages({ spec: "other" }),
    expected(({ spec }) => spec === "other"),
  );
  t.strictSame(
    await pages({ expected: "closed" }),
    expected((one) => one.expected === "closed"),
  );
  const codes = [codeOf("rejected"), codeOf("lossy")];
  t.strictSame(
    await pages({ codes }),
    expected(({ before, after }) => codes.includes(before) || codes.includes(after)),
  );
  const since = start + 50_000;
  const until = start + 99_000;
  t.strictSame(
    await pages({ since, until }),
    expected(({ at }) => at >= since && at <= until),
  );
  t.strictSame(
    await pages({ since, from: "n1", flow: flows[0]!, codes }),
    expected(
      ({ at, from, flow, before, after }) =>
        at >= since &&
        from === "n1" &&
        flow === flows[0] &&
        (codes.includes(before) || codes.includes(after)),
    ),
  );
  t.strictSame(await pages({ from: "nobody" }), []);
});

t.test("happenings are found by time, a page at a time", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  const all = Array.from({ length: 50 }, (_, index) => ({
    at: start + index * 1_000,
    kind: index % 2 === 0 ? ("joined" as const) : ("lost" as const),
    node: index % 3 === 0 ? undefined : `n${index % 3}`,
    text: `no. ${index} \ud800 \u0000`,
  }));
  await journal.commit({ happenings: all });
  const page = await journal.happenings({
    since: start + 10_000,
    until: start + 40_000,
    order: "oldest",
    limit: 20,
  });
  t.equal(page.length, 20);
  t.strictSame(page[0], { id: 11, happening: { ...all[10]!, text: "no. 10 \ufffd \u0000" } });
  const rest = await journal.happenings({
    until: start + 40_000,
    after: page.at(-1)!.id,
    order: "oldest",
    limit: 20,
  });
  t.strictSame(
    rest.map(({ id }) => id),
    Array.from({ length: 11 }, (_, index) => 31 + index),
  );
});

t.test("a name that is an SQL statement is a name", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  const from = `x'; DROP TABLE transitions; --`;
  await journal.commit({ transitions: [transitionOf(start, 0, { from })] });
  t.equal((await journal.transitions({ from, order: "newest", limit: 5 })).length, 1);
});

t.test("calls of a moment share a transaction, and come back in their order", async (t) => {
  await using journal = await openJournal({ folder: folderOf(t), now: () => start });
  const done: number[] = [];
  const entries: Entry[] = Array.from({ length: 2_000 }, (_, index) => ({
    transitions: [transitionOf(start + index, index % pathCount)],
  }));
  await Promise.all(entries.map((entry, index) => journal.commit(entry).then(() => done.push(index))));
  t.strictSame(done, [...entries.keys()]);
  const found = await journal.transitions({ order: "oldest", limit: 2_000 });
  t.strictSame(
    found.map(({ transition }) => transition.at),
    entries.map(({ transitions }) => transitions![0]!.at),
  );
});

t.test("more than can wait is refused, and what is closed takes nothing", async (t) => {
  const journal = await openJournal({ folder: folderOf(t), now: () => start });
  const many = Array.from({ length: 10_500 }, () => journal.commit({}));
  const results = await Promise.allSettled(many);
  t.equal(results.filter(({ status }) => status === "rejected").length, 500);
  const last = journal.commit(beginning());
  await journal[Symbol.asyncDispose]();
  await last;
  await t.rejects(journal.commit({}), { code: "cannot-run", message: /it is closed/ });
  await t.rejects(journal.at(start), { code: "cannot-run" });
});

t.test("paths that changed together are one transition, and each of them is known by itself", async (t) => {
  const folder = folderOf(t);
  // From n1 to the others, by the ids of a small plan.
  const together = {
    ...transitionOf(start + 2_000, 0, { from: "n1", to: "n2", flow: flows[0]! }),
    others: [
      { to: "n3", path: 7 },
      { to: "n4", path: 3 },
    ],
  };
  await using journal = await openJournal({ folder, now: () => start + minuteMs });
  await journal.commit(beginning());
  await journal.commit({ transitions: [together, transitionOf(start + 3_000, 4, { to: "n2" })] });
  const of = async (query: object): Promise<KeptTransition[]> =>
    (await journal.transitions({ order: "oldest", limit: 10, ...query })).map(({ transition }) => transition);
  t.strictSame((await of({}))[0], together);
  t.match(await of({ to: "n3" }), [{ to: "n3", path: 7, evidence: undefined }]);
  t.equal((await of({ to: "n3" })).length, 1);
  t.equal((await of({ to: "n3" }))[0]!.others, undefined);
  t.match(await of({ to: "n2" }), [{ path: 0 }, { path: 4 }]);
  t.strictSame(await of({ to: "n3", from: "n2" }), []);
  t.strictSame(await of({ to: "elsewhere" }), []);
  const { codes, since } = (await journal.at(start + minuteMs))!;
  t.strictSame(
    [...codes].flatMap((code, path) => (code === dropped ? [path] : [])),
    [0, 3, 4, 7],
  );
  t.equal(since.get(7), start + 2_000);
});
