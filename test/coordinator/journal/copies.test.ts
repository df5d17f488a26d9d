/** Backups of a journal that is written to, and the way back, by the functions and by the commands. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import t from "tap";
import { backupJournal, restoreJournal, verifyJournal } from "../../../coordinator/journal/copies.ts";
import { openJournal } from "../../../coordinator/journal/open-journal.ts";
import { portmesh } from "../../helpers/cli.ts";
import { beginning } from "../../helpers/journal-plan.ts";
import { nodeNames, start, sweepOf, transitionOf } from "../../helpers/journal.ts";

t.test("a backup while it is written to is a moment of it, and can be gone back to", async (t) => {
  const root = t.testdir();
  const [folder, file] = [join(root, "data"), join(root, "history.backup")];
  const progress = { written: 0, isOver: false };
  {
    await using journal = await openJournal({ folder, now: () => start });
    await journal.commit(beginning());
    const write = async (node: string): Promise<void> => {
      for (let seq = 1; !progress.isOver; seq++) {
        const transitions = [transitionOf(start + seq, 1, { from: node })];
        await journal.commit({ sweeps: [sweepOf(node, seq, start + seq)], transitions });
        progress.written++;
      }
    };
    const writers = nodeNames.map(write);
    while (progress.written < 300) await journal.commit({});
    const before = new Map(journal.kept);
    await journal.backup(file);
    const during = progress.written;
    await journal.backup(file);
    progress.isOver = true;
    await Promise.all(writers);
    t.ok(progress.written > during, "nobody waited for it");
    t.equal(statSync(file).mode & 0o777, 0o600);
    t.notOk(existsSync(`${file}.partial`));
    t.match(await verifyJournal(file), { bad: 0, since: start });
    await t.rejects(restoreJournal(file, folder, start), {
      code: "cannot-run",
      message: /in use by another/,
    });

    const restored = join(root, "restored");
    await restoreJournal(file, restored, start);
    await using copy = await openJournal({ folder: restored, now: () => start });
    let total = 0;
    for (const node of nodeNames) {
      const { seq } = copy.kept.get(node)!;
      t.ok(seq >= before.get(node)!.seq && seq <= journal.kept.get(node)!.seq);
      total += seq;
    }
    const stats = await copy.stats();
    t.strictSame([stats.sweeps, stats.transitions, stats.setAside], [total, total, 0]);
    t.ok(copy.restored);
  }
  // Over the one that is there, whose log must not be taken for the copy's.
  await restoreJournal(file, folder, start);
  t.equal(readdirSync(folder).filter((name) => name.startsWith("journal.db.replaced-")).length, 1);
  await using journal = await openJournal({ folder, now: () => start });
  t.ok((await journal.stats()).transitions < progress.written);
  t.strictSame(journal.notes, []);
});

t.test("a copy that is damaged, or none, is told and changes nothing", async (t) => {
  const root = t.testdir({ "none.backup": "no journal at all", "empty.backup": "" });
  const [folder, file] = [join(root, "data"), join(root, "history.backup")];
  {
    await using journal = await openJournal({ folder, now: () => start });
    await journal.commit({ ...beginning(), transitions: [transitionOf(start, 1)] });
  }
  await backupJournal(folder, file);
  const db = new DatabaseSync(file);
  db.exec("UPDATE transitions SET after = 2");
  db.close();
  t.match(await verifyJournal(file), { bad: 1 });
  for (const [bad, message] of [
    [file, /is damaged: 1 of [0-9]+ rows/],
    [join(root, "none.backup"), /file is not a database|not a journal/],
    [join(root, "empty.backup"), /not a journal/],
    [join(root, "missing.backup"), /there is no file/],
  ] as const)
    await t.rejects(restoreJournal(bad, folder, start), { code: "cannot-run", message }, bad);
  await t.rejects(backupJournal(join(root, "nowhere"), file), {
    code: "cannot-run",
    message: /no history in/,
  });
  await t.rejects(backupJournal(folder, join(root, "nowhere/history.backup")), {
    code: "cannot-run",
    message: /there is no folder/,
  });
  for (const own of ["journal.db", "journal.db-wal", "identity.json", "reserve"])
    await t.rejects(backupJournal(folder, join(folder, own)), { message: /has that file itself/ }, own);
  await using journal = await openJournal({ folder, now: () => start });
  t.equal((await journal.stats()).transitions, 1);
});

t.test("coordinator backup and coordinator restore", async (t) => {
  const root = t.testdir();
  const [folder, file] = [join(root, "data"), join(root, "history.backup")];
  await using journal = await openJournal({ folder, now: () => start });
  await journal.commit({ ...beginning(), transitions: [transitionOf(start, 1)] });
  const backup = await portmesh("coordinator", "backup", folder, file);
  t.equal(backup.exitCode, 0, backup.err);
  t.match(
    backup.out,
    /^.*history\.backup: [0-9]+ rows, 2026-01-02T00:00:00.000Z to 2026-01-02T00:00:00.000Z\n$/,
  );
  const refused = await portmesh("coordinator", "restore", file, folder);
  t.equal(refused.exitCode, 1);
  t.match(refused.err, new RegExp(`in use by another coordinator \\(process ${process.pid}\\)`));
  const restored = await portmesh("coordinator", "restore", file, join(root, "restored"));
  t.equal(restored.exitCode, 0, restored.err);
  writeFileSync(file, readFileSync(file).fill(7, 4_096));
  t.equal((await portmesh("coordinator", "restore", file, join(root, "other"))).exitCode, 1);
  await using copy = await openJournal({ folder: join(root, "restored"), now: () => start });
  t.equal((await copy.stats()).transitions, 1);
});
