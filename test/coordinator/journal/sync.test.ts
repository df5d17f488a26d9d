/**
 * A power cut takes what was written and not synced. It cannot be had in a test, but the order of calls can: nothing is
 * acknowledged while a byte of the log is not synced.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

t.test("no commit is acknowledged before the log is synced", async (t) => {
  const root = t.testdir();
  const log = join(root, "calls");
  const calls = "trace=pwrite64,pwritev,write,fdatasync,fsync";
  const script = join(import.meta.dirname, "../../helpers/journal-process.ts");
  const child = spawn(
    "strace",
    ["-f", "-y", "-s", "64", "-e", calls, "-o", log, process.execPath, script, join(root, "data"), "alone"],
    { stdio: ["ignore", "pipe", "inherit"], env: { PATH: process.env["PATH"] } },
  );
  child.stdout.resume();
  const [code] = (await once(child, "close")) as [number];
  t.equal(code, 0);

  let dirty = 0;
  let synced = 0;
  let acknowledged = 0;
  let early = 0;
  for (const line of readFileSync(log, "utf8").split("\n")) {
    // Those of another thread may come in between: a call counts as made when it begins, and a sync when it is done.
    const isOfLog = line.includes("journal.db-wal>");
    if (isOfLog && /\bpwrite(64|v)\(/.test(line)) dirty++;
    else if (/\bf(data)?sync\(/.test(line) && isOfLog && line.endsWith("= 0")) {
      dirty = 0;
      synced++;
    } else if (/<\.\.\. f(data)?sync resumed>.*= 0$/.test(line)) {
      dirty = 0;
      synced++;
    } else if (/\bwrite\(1<.*"n1 [0-9]+\\n"/.test(line)) {
      acknowledged++;
      if (dirty > 0) early++;
    }
  }
  t.equal(acknowledged, 200);
  t.ok(synced >= acknowledged, `${synced} syncs`);
  t.equal(early, 0);
});
