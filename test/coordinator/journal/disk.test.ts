/** A disk that is full, and folders in which no history can be kept. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import t from "tap";
import { isTooOld, networkFileSystem, openForWriting } from "../../../coordinator/journal/database.ts";
import { openJournal } from "../../../coordinator/journal/open-journal.ts";
import { migrations } from "../../../coordinator/journal/tables.ts";
import { PortmeshError } from "../../../shared/errors.ts";
import { beginning } from "../../helpers/journal-plan.ts";
import { fillUp, smallDisk } from "../../helpers/small-disk.ts";
import { codesOf, dayMs, hourMs, nodeNames, start, sweepOf, transitionOf } from "../../helpers/journal.ts";

t.test("on a full disk commits are refused, reads go on, and room is all it takes", async (t) => {
  using small = smallDisk(8);
  const root = small.path;
  const folder = join(root, "data");
  await using journal = await openJournal({ folder, now: () => start });
  await journal.commit(beginning());
  await journal.commit({ sweeps: [sweepOf("n1", 1, start)], transitions: [transitionOf(start + 1, 1)] });
  fillUp(join(root, "ballast"));
  let refused: unknown;
  let kept = 1;
  for (let seq = 2; refused === undefined; seq++) {
    try {
      await journal.commit({
        sweeps: [sweepOf("n1", seq, start + seq)],
        transitions: Array.from({ length: 100 }, (_, index) => transitionOf(start + seq, index % 18)),
      });
      kept = seq;
    } catch (error) {
      refused = error;
    }
  }
  t.ok(refused instanceof PortmeshError);
  t.match(refused, {
    code: "cannot-run",
    message: /cannot keep history in .*portmesh-disk.*data: .*full/,
    next: /Make room/,
  });
  t.equal(journal.kept.get("n1")!.seq, kept);
  const before = await journal.stats();
  t.match(before.problem, /full/);
  t.equal(before.transitions, 1 + (kept - 1) * 100, "nothing of what was refused is kept");
  t.equal((await journal.transitions({ from: "n2", order: "oldest", limit: 1 })).length, 1);
  t.ok(await journal.at(start + hourMs));
  await t.rejects(
    journal.commit({
      sweeps: [sweepOf("n1", kept + 1, start, { buckets: Buffer.alloc(1e6, 7) })],
      transitions: Array.from({ length: 9_000 }, () => transitionOf(start, 1)),
    }),
    { code: "cannot-run" },
  );
  rmSync(join(root, "ballast"));
  await journal.commit({ sweeps: [sweepOf("n1", kept + 1, start)] });
  t.equal(journal.kept.get("n1")!.seq, kept + 1, "and the same may be said again");
  t.equal((await journal.stats()).problem, undefined);
});

t.test("retention makes room on a disk that the journal itself has filled", async (t) => {
  using small = smallDisk(12);
  const root = small.path;
  let now = start;
  await using journal = await openJournal({ folder: join(root, "data"), now: () => now, keepMs: dayMs });
  await journal.commit(beginning());
  const full = new AbortController();
  for (let hour = 0; !full.signal.aborted && hour < 10_000; hour++) {
    now = start + hour * 60_000;
    await journal
      .commit({
        transitions: Array.from({ length: 200 }, (_, index) => transitionOf(now, index % 18)),
        snapshot: { at: now, plan: 1, codes: codesOf() },
      })
      .catch(() => full.abort());
  }
  t.ok(full.signal.aborted);
  now += 2 * dayMs;
  await t.rejects(
    journal.commit({ transitions: Array.from({ length: 3_000 }, () => transitionOf(now, 1)) }),
    { code: "cannot-run" },
  );
  await journal.tidy(now);
  await journal.commit({ transitions: Array.from({ length: 3_000 }, () => transitionOf(now, 1)) });
  t.equal((await journal.stats()).problem, undefined);
});

t.test("a second coordinator is refused, and told which process has it", async (t) => {
  const folder = join(t.testdir(), "data");
  await using journal = await openJournal({ folder, now: () => start });
  await journal.commit(beginning());
  await t.rejects(openJournal({ folder, now: () => start }), {
    code: "cannot-run",
    message: `${folder} is in use by another coordinator (process ${process.pid})`,
    next: /--data-dir/,
  });
  await journal.commit({ sweeps: [sweepOf("n1", 1, start)] });
});

t.test("a journal of a newer version is refused, and not touched", async (t) => {
  const folder = join(t.testdir(), "data");
  {
    await using journal = await openJournal({ folder, now: () => start });
    await journal.commit(beginning());
  }
  const path = join(folder, "journal.db");
  const newer = [...migrations, "CREATE TABLE later (id INTEGER PRIMARY KEY)"];
  openForWriting(path, newer).close();
  const digest = (): string => createHash("sha256").update(readFileSync(path)).digest("hex");
  const before = digest();
  const known = migrations.length;
  await t.rejects(openJournal({ folder, now: () => start }), {
    code: "cannot-run",
    message: new RegExp(`was written by a newer Portmesh \\(schema ${known + 1}, this one knows ${known}\\)`),
    next: /Use that version again, restore a backup/,
  });
  t.equal(digest(), before);
  t.notOk(readdirSync(folder).some((file) => file.includes("corrupt") || file.endsWith("-wal")));
});

t.test("a journal of an older version becomes one of this, or stays as it is", (t) => {
  const path = join(t.testdir(), "journal.db");
  openForWriting(path).close();
  {
    using db = new DatabaseSync(path);
    db.exec("INSERT INTO runs VALUES (1, 2, 3, 4)");
  }
  const versions = [...migrations, "ALTER TABLE runs ADD COLUMN why TEXT; UPDATE runs SET why = 'migrated'"];
  const broken = [...versions, "CREATE TABLE half (id INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (1)"];
  t.throws(() => openForWriting(path, broken), /no such table: nowhere/);
  {
    using db = openForWriting(path);
    t.strictSame(
      { ...db.prepare("SELECT * FROM runs").get() },
      { id: 1, since: 2, until: 3, crc: 4 },
      "all or nothing",
    );
  }
  for (const _again of [1, 2]) {
    using db = openForWriting(path, versions);
    t.match(db.prepare("SELECT * FROM runs").all(), [{ id: 1, since: 2, why: "migrated" }]);
  }
  t.end();
});

t.test(
  "a disk that does not do what it is told is told as such, and nothing is acknowledged then",
  async (t) => {
    const folder = join(t.testdir(), "data");
    const script = join(import.meta.dirname, "../../helpers/journal-process.ts");
    // No error of a disk can be had in a test, but one of its file system can: no file may grow over this size.
    // Without what the test runner adds, which would end the process at the signal that comes with it.
    const command = ["-u", "NODE_OPTIONS", "prlimit", "--fsize=400000", process.execPath, script, folder];
    const child = spawn("env", command, { env: { PATH: process.env["PATH"] } });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    await once(child, "close");
    t.match(err, /cannot keep history in .*: disk I\/O error \(SQLite [0-9]+\)/);
    t.match(err, /Look at the disk/);
    await using journal = await openJournal({ folder, now: () => start });
    t.strictSame(journal.notes, []);
    for (const node of nodeNames) {
      const acknowledged = out.split("\n").filter((line) => line.startsWith(`${node} `)).length;
      t.ok(acknowledged > 0 && journal.kept.get(node)!.seq >= acknowledged, `${node}: ${acknowledged}`);
    }
  },
);

t.test("a folder that cannot be written to is an error that names it", async (t) => {
  const file = join(t.testdir({ file: "" }), "file");
  await t.rejects(openJournal({ folder: join(file, "data"), now: () => start }), {
    code: "cannot-run",
    message: new RegExp(`cannot keep history in ${file}/data: .*ENOTDIR`),
  });
  using small = smallDisk(1);
  const root = small.path;
  execFileSync("mount", ["-o", "remount,ro", root]);
  await t.rejects(openJournal({ folder: root, now: () => start }), {
    code: "cannot-run",
    message: /EROFS/,
  });
});

t.test("file systems without locks, and SQLite with a known fault, are known", (t) => {
  t.strictSame([0x6969, -11317950, 0xef53, 0x01021994].map(networkFileSystem), [
    "NFS",
    "CIFS",
    undefined,
    undefined,
  ]);
  t.strictSame(["3.51.2", "3.51.3", "3.53.4", "4.0.0", "2.9.9"].map(isTooOld), [
    true,
    false,
    false,
    false,
    true,
  ]);
  t.end();
});
