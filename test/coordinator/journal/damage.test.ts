/** Files that are damaged in any way: the journal opens, says so, and never serves what was not written. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import t from "tap";
import type { Journal, KeptTransition, PastMatrix } from "../../../coordinator/journal/journal.ts";
import { openJournal } from "../../../coordinator/journal/open-journal.ts";
import { beginning } from "../../helpers/journal-plan.ts";
import {
  codesOf,
  dropped,
  nodeNames,
  pathCount,
  reachable,
  start,
  sweepOf,
  transitionOf,
} from "../../helpers/journal.ts";
import { smallDisk } from "../../helpers/small-disk.ts";
import { Random } from "../../lab/random.ts";

/** Others each time; `PORTMESH_DAMAGED_FILES=256` is for every night. */
const mutations = Number(process.env["PORTMESH_DAMAGED_FILES"] ?? 32);
const seed = Number(process.env["PORTMESH_PROPERTY_SEED"] ?? Date.now() % 1_000_000);
const changes = 600;
const endAt = start + 100 * 60_000;

/** What each path was at each moment, by what was told. */
function codesAt(all: readonly KeptTransition[], moment: number): Uint8Array {
  const codes = codesOf();
  for (const { at, path, after } of all) if (at <= moment) codes[path] = after;
  return codes;
}

const transitions = Array.from({ length: changes }, (_, index) => {
  const isDown = Math.floor(index / pathCount) % 2 === 0;
  return transitionOf(start + 1 + index * 10_000, index % pathCount, {
    before: isDown ? reachable : dropped,
    after: isDown ? dropped : reachable,
  });
});
const happenings = Array.from({ length: 100 }, (_, index) => ({
  at: start + index * 60_000,
  kind: index % 2 === 0 ? ("stale" as const) : ("fresh" as const),
  node: nodeNames[Math.floor(index / 2) % 3]!,
  text: `no. ${index}`,
}));

async function fill(journal: Journal): Promise<void> {
  await journal.commit(beginning());
  for (let minute = 0; minute < 100; minute++) {
    const from = start + minute * 60_000;
    const until = from + 60_000;
    await journal.commit({
      transitions: transitions.filter(({ at }) => at > from && at <= until),
      happenings: happenings.filter(({ at }) => at >= from && at < until),
      sweeps: nodeNames.map((node) => sweepOf(node, minute + 1, from)),
      ...(minute % 20 === 19 ? { snapshot: { at: until, plan: 1, codes: codesAt(transitions, until) } } : {}),
    });
  }
  await journal.tidy(start + 50 * 60_000);
}

/** Every answer is what was written, or says that something is missing. */
async function check(
  test: { fail(message: string): unknown },
  journal: Journal,
  name: string,
  wasHarmed: boolean,
): Promise<void> {
  const found = await journal.transitions({ order: "oldest", limit: 1_000 });
  const told = await journal.happenings({ order: "oldest", limit: 1_000 });
  for (const { id, transition } of found)
    if (JSON.stringify(transition) !== JSON.stringify(transitions[id - 1]))
      test.fail(`${name}: transition ${id}`);
  for (const { id, happening } of told)
    if (JSON.stringify(happening) !== JSON.stringify(happenings[id - 1]))
      test.fail(`${name}: happening ${id}`);
  for (let moment = start + 30_000; moment < endAt; moment += 13 * 60_000) {
    const past = await journal.at(moment);
    if (past !== undefined) checkPast(test, past, `${name} at ${moment - start}`);
  }
  for (const { counts } of await journal.latency({
    node: "n1",
    plan: 1,
    targets: [0, 1, 2, 3],
    since: start,
    until: endAt,
  }))
    for (const bucket of counts.keys())
      if (bucket < 50 || bucket > 52) test.fail(`${name}: bucket ${bucket}`);
  for (const { seq } of journal.kept.values()) if (seq > 100) test.fail(`${name}: seq ${seq}`);
  const isWhole = found.length === changes && told.length === happenings.length;
  // Behind the order to set aside what was found.
  await journal.commit({});
  const { setAside } = await journal.stats();
  if (!isWhole && !wasHarmed && journal.notes.length === 0 && setAside === 0)
    test.fail(`${name}: ${found.length} transitions, ${told.length} happenings, and not a word`);
}

/** A source that is not stale is right on every path. */
function checkPast(
  test: { fail(message: string): unknown },
  { at, codes, stale, planVersion }: PastMatrix,
  name: string,
): void {
  if (planVersion !== 1) test.fail(`${name}: plan ${planVersion}`);
  const expected = codesAt(transitions, at);
  const owing = new Set<string>();
  for (const { at: then, kind, node } of happenings) {
    if (then > at) continue;
    if (kind === "stale") owing.add(node);
    else owing.delete(node);
  }
  for (const node of owing) if (!stale.has(node)) test.fail(`${name}: ${node} is not stale`);
  if (stale.size === nodeNames.length) return;
  for (const [path, code] of codes.entries())
    if (code !== expected[path]) test.fail(`${name}: path ${path} is ${code}, not ${expected[path]}`);
}

const kinds = [
  "flip",
  "flips",
  "zero page",
  "garbage page",
  "truncate",
  "garbage",
  "flip in rows",
  "log",
] as const;

function damage(folder: string, kind: (typeof kinds)[number], random: Random): void {
  const path = join(folder, kind === "log" ? "journal.db-wal" : "journal.db");
  const bytes = readFileSync(path);
  const flip = (from = 0): void => {
    const at = random.between(from, bytes.length - 1);
    bytes[at] = bytes[at]! ^ (1 << random.between(0, 7));
  };
  const page = random.between(0, Math.ceil(bytes.length / 4_096) - 1) * 4_096;
  if (kind === "flip") flip();
  else if (kind === "flips") for (let count = 0; count < 50; count++) flip();
  // Behind the schema, where nearly all of it is what somebody wrote.
  else if (kind === "flip in rows") for (let count = 0; count < 3; count++) flip(16 * 4_096);
  else if (kind === "zero page") bytes.fill(0, page, page + 4_096);
  else if (kind === "garbage page")
    for (let at = page; at < Math.min(page + 4_096, bytes.length); at++) bytes[at] = random.between(0, 255);
  else if (kind === "garbage") for (let at = 0; at < bytes.length; at++) bytes[at] = random.between(0, 255);
  else if (random.chance(0.5)) flip();
  if (kind === "truncate" || (kind === "log" && random.chance(0.5)))
    return truncateSync(path, random.between(0, bytes.length));
  writeFileSync(path, bytes);
}

t.test(
  `${mutations} damaged files: each opens, and serves nothing that was not written, seed ${seed}`,
  async (t) => {
    // In memory: nothing here is about the power, and a disk would be waited for thousands of times.
    using disk = smallDisk(256);
    const root = disk.path;
    for (const name of ["whole", "logged"]) mkdirSync(join(root, name));
    // Threads find here what was compiled for the ones before: they start in a third of the time.
    process.env["NODE_COMPILE_CACHE"] = join(root, "compiled");
    {
      await using journal = await openJournal({ folder: join(root, "whole"), now: () => endAt });
      await fill(journal);
    }
    {
      // As a killed process leaves it: nearly all of it in the log.
      await using journal = await openJournal({ folder: join(root, "running"), now: () => endAt });
      await fill(journal);
      for (const file of ["journal.db", "journal.db-wal"])
        copyFileSync(join(root, "running", file), join(root, "logged", file));
    }
    {
      await using journal = await openJournal({ folder: join(root, "whole"), now: () => endAt });
      await check(t, journal, "undamaged", false);
      t.strictSame(journal.notes, []);
    }
    const random = new Random(seed);
    const opened: number[] = [];
    const outcomes = { silent: 0, told: 0 };
    for (let round = 0; round < mutations; round++) {
      const kind = kinds[round % kinds.length]!;
      const folder = join(root, `damaged-${round}`);
      mkdirSync(folder);
      for (const file of readdirSync(join(root, kind === "log" ? "logged" : "whole")))
        if (file.startsWith("journal.db"))
          copyFileSync(join(root, kind === "log" ? "logged" : "whole", file), join(folder, file));
      damage(folder, kind, random);
      const name = `${kind} ${round}`;
      const began = performance.now();
      try {
        await using journal = await openJournal({ folder, now: () => endAt });
        opened.push(performance.now() - began);
        // The end of a log that was cut off is like a commit that never was.
        await check(t, journal, name, kind === "log");
        await journal.commit({ sweeps: [sweepOf("n2", 101, endAt)] });
        outcomes[journal.notes.length > 0 ? "told" : "silent"]++;
      } catch (error) {
        t.fail(`${name}: ${String(error)}`);
      }
      {
        await using again = await openJournal({ folder, now: () => endAt });
        if (again.notes.some((note) => note.includes("was damaged"))) t.fail(`${name}: damaged for ever`);
        if (again.kept.get("n2")?.seq !== 101) t.fail(`${name}: what was kept after it is lost`);
      }
      rmSync(folder, { recursive: true });
    }
    opened.sort((a, b) => a - b);
    t.ok(opened.at(-1)! < 10_000, "each was open within ten seconds");
    t.ok(outcomes.told > mutations / 4);
    t.comment(
      `told ${outcomes.told}, unharmed or unseen ${outcomes.silent}; opened in ${Math.round(opened.at(-1)!)} ms at most`,
    );
  },
);

t.test("a row that was changed behind our back is set aside, counted and told", async (t) => {
  const folder = join(t.testdir(), "data");
  {
    await using journal = await openJournal({ folder, now: () => endAt });
    await fill(journal);
  }
  const db = new DatabaseSync(join(folder, "journal.db"));
  db.exec("UPDATE transitions SET after = 1 WHERE id = 7; UPDATE names SET text = 'n9' WHERE text = 'etcd'");
  db.close();
  await using journal = await openJournal({ folder, now: () => endAt });
  t.strictSame(journal.notes, [], "its structure is whole");
  const found = await journal.transitions({ order: "oldest", limit: 1_000 });
  t.notOk(found.some(({ id }) => id === 7));
  t.notOk(found.some(({ transition }) => transition.flow === "n9" || transition.flow === "etcd"));
  await journal.commit({});
  const { setAside } = await journal.stats();
  t.ok(setAside > 1);
  t.match(journal.notes, [/damaged rows of the history in .* are set aside/]);
  t.strictSame(
    (await journal.at(start + 15 * 60_000))!.stale,
    new Set(nodeNames),
    "what it said is not known",
  );
});

t.test("what is damaged while it is open is mended while it is open", async (t) => {
  const folder = join(t.testdir(), "data");
  await using journal = await openJournal({ folder, now: () => endAt });
  await fill(journal);
  await journal.tidy(endAt);
  const path = join(folder, "journal.db");
  const bytes = readFileSync(path);
  for (let page = 20; page < bytes.length / 4_096; page += 2)
    bytes.fill(0xff, page * 4_096, (page + 1) * 4_096);
  writeFileSync(path, bytes);
  await check(t, journal, "open", false);
  await journal.commit({ sweeps: [sweepOf("n1", 101, endAt)] });
  t.equal(journal.kept.get("n1")!.seq, 101);
  t.match(journal.notes, [/was damaged \(.*\) and is set aside as journal\.db\.corrupt-/]);
  t.equal(readdirSync(folder).filter((file) => /corrupt-.*Z$/.test(file)).length, 1);
});
