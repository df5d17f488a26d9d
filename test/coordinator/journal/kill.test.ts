/** kill -9 of a process that keeps history, at moments that nobody chose: what it has acknowledged is there. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { verifyJournal } from "../../../coordinator/journal/copies.ts";
import { openJournal } from "../../../coordinator/journal/open-journal.ts";
import { nodeNames, start } from "../../helpers/journal.ts";
import { Random } from "../../lab/random.ts";

/** More for every night. */
const kills = Number(process.env["PORTMESH_KILLS"] ?? 60);
const seed = Number(process.env["PORTMESH_PROPERTY_SEED"] ?? 1);

t.test(`nothing that was acknowledged is lost by ${kills} kills`, async (t) => {
  const random = new Random(seed);
  // Two at a time, since most of it is a process that starts.
  const halves = [t.testdir({ a: {}, b: {} })].flatMap((folder) => [join(folder, "a"), join(folder, "b")]);
  const acknowledged = await Promise.all(
    halves.map(async (folder) => {
      const seen = new Map(nodeNames.map((node) => [node, 0]));
      await once(keeping(folder, "once"), "close");
      for (let round = 0; round < kills / 2; round++) await live(folder, random.between(0, 60), seen);
      return seen;
    }),
  );
  for (const [index, folder] of halves.entries()) {
    const told = acknowledged[index]!;
    await using journal = await openJournal({ folder, now: () => start });
    t.strictSame(journal.notes, []);
    let total = 0;
    for (const node of nodeNames) {
      const { seq } = journal.kept.get(node)!;
      t.ok(seq >= told.get(node)!, `${node}: ${seq} sweeps are kept, ${told.get(node)} were acknowledged`);
      total += seq;
      let after = 0;
      let expected = 1;
      for (;;) {
        const page = await journal.transitions({ from: node, after, order: "oldest", limit: 1_000 });
        for (const { transition } of page)
          if (transition.at !== start + expected++) t.fail(`transition ${expected - 1} of ${node}`);
        if (page.length < 1_000) break;
        after = page.at(-1)!.id;
      }
      t.equal(expected - 1, seq, "each transition came with its sweep, once and in order");
    }
    const { sweeps, setAside } = await journal.stats();
    t.strictSame([sweeps, setAside], [total, 0]);
    t.match(await verifyJournal(join(folder, "journal.db")), { bad: 0 });
    t.comment(`${total} commits`);
  }
});

/** One life of the process; what it acknowledges is written down, and what it finds compared with that. */
async function live(folder: string, lifeMs: number, seen: Map<string, number>): Promise<void> {
  const child = keeping(folder);
  const closed = once(child, "close");
  let isDoomed = false;
  for await (const line of createInterface(child.stdout)) {
    const [word, ...rest] = line.split(" ");
    if (word === "open") {
      const found = new Map(rest.filter(Boolean).map((text) => text.split("=") as [string, string]));
      for (const [node, seq] of seen)
        if (Number(found.get(node) ?? 0) < seq) throw new Error(`${node} had ${seq}, and now ${line}`);
    } else if (word === "note") throw new Error(line);
    else seen.set(word!, Math.max(seen.get(word!)!, Number(rest[0])));
    if (isDoomed) continue;
    isDoomed = true;
    void sleep(lifeMs).then(() => child.kill("SIGKILL"));
  }
  await closed;
}

function keeping(folder: string, ...rest: string[]): ChildProcessByStdio<null, Readable, null> {
  return spawn(
    process.execPath,
    [join(import.meta.dirname, "../../helpers/journal-process.ts"), folder, ...rest],
    // Without the test runner's own, and with what was compiled before: it starts in a third of the time.
    { stdio: ["ignore", "pipe", "inherit"], env: { NODE_COMPILE_CACHE: join(folder, "../compiled") } },
  );
}
