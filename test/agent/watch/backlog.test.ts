/** What is kept of undelivered sweeps, in memory and on disk, and what is declared to be missing. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import {
  Backlog,
  defaultBacklogLimits,
  type BacklogLimits,
  type TellableSweep,
} from "../../../agent/watch/backlog.ts";
import type { GapMessage, SweepMessage } from "../../../shared/watch-wire.ts";

/** `probes` is a mark by which it is known again. */
function sweepOf(probes: number, weight = 0): TellableSweep {
  const rtt = "A".repeat(weight);
  return { plan: 1, probes, rtt, odd: [], tookMs: 1, skipped: [], cut: "", fullSweepMs: 0, stalledMs: 0 };
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "portmesh-backlog-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(folder: string | undefined, limits: Partial<BacklogLimits> = {}, said: string[] = []): Backlog {
  return new Backlog({
    folder,
    tell: (line) => said.push(line),
    limits: { ...defaultBacklogLimits, ...limits },
  });
}

function fill(backlog: Backlog, count: number, weight = 0): void {
  for (let sweep = 0; sweep < count; sweep++)
    backlog.add(sweepOf(backlog.nextSeq, weight), performance.now(), Date.now());
}

async function everything(backlog: Backlog): Promise<(SweepMessage | GapMessage)[]> {
  const all: (SweepMessage | GapMessage)[] = [];
  let at = backlog.acked;
  for (let portion = await backlog.after(at); portion !== undefined; portion = await backlog.after(at)) {
    all.push(...portion.messages);
    at = portion.until;
  }
  return all;
}

function countsOf(messages: readonly (SweepMessage | GapMessage)[]): (number | string)[] {
  return messages.map((message) =>
    message.type === "gap" ? `${message.seq}-${message.until}` : message.seq,
  );
}

t.test("what is not acknowledged is there in its order, and only the newest is not late", async (t) => {
  using backlog = open(undefined);
  fill(backlog, 4);
  const all = await everything(backlog);
  t.strictSame(countsOf(all), [1, 2, 3, 4]);
  t.match(all, [{ late: true }, { late: true }, { late: true }, { late: false, probes: 4 }]);
  backlog.ack(backlog.origin, 2);
  t.strictSame(countsOf(await everything(backlog)), [3, 4]);
  backlog.ack(backlog.origin, 1);
  backlog.ack("somebody else", 4);
  t.equal(backlog.size, 2, "an older acknowledgement takes nothing back");
  backlog.ack(backlog.origin, 4);
  t.strictSame(await everything(backlog), []);
  t.equal(backlog.nextSeq, 5);
});

t.test("memory has an end, and what had to go is a gap in its place", async (t) => {
  using backlog = open(undefined, { memoryBytes: 10_000 });
  fill(backlog, 3);
  backlog.ack(backlog.origin, 1);
  fill(backlog, 20, 1_000);
  const all = await everything(backlog);
  t.equal(all[0]!.type, "gap");
  t.match(all[0], { seq: 2, reason: /no room in memory/ });
  t.equal((all[0] as GapMessage).until + 1, all[1]!.seq);
  t.equal(all.at(-1)!.seq, 23);
  t.ok(all.length < 12);
});

t.test(
  "another process goes on with the count of the one before, and knows what was acknowledged",
  async (t) => {
    const folder = folderOf(t);
    const first = open(folder);
    fill(first, 5);
    first.ack(first.origin, 2);
    const { origin } = first;
    // No farewell: the process was killed.
    using second = open(folder);
    t.equal(second.origin, origin);
    t.equal(second.nextSeq, 6);
    fill(second, 1);
    const all = await everything(second);
    t.strictSame(countsOf(all), [3, 4, 5, 6]);
    t.ok(all.every((message) => message.type === "sweep" && message.agoMs >= 0 && message.agoMs < 60_000));
    for (const name of readdirSync(folder)) t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    second.ack(origin, 6);
    using third = open(folder);
    t.strictSame([third.size, third.nextSeq, third.origin], [0, 7, origin]);
  },
);

t.test("a torn last record is cut off; a broken one in the middle is a gap", async (t) => {
  const folder = folderOf(t);
  const first = open(folder);
  fill(first, 5);
  const { origin } = first;
  first[Symbol.dispose]();
  const file = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".log"))!,
  );
  truncateSync(file, statSync(file).size - 10);
  const content = readFileSync(file);
  const third = content.indexOf('{"n":3');
  content[third + 20] = content[third + 20]! ^ 1;
  writeFileSync(file, content);
  using second = open(folder);
  t.equal(second.nextSeq, 5, "the fifth was never told");
  fill(second, 1);
  t.strictSame(countsOf(await everything(second)), [1, 2, "3-3", 4, 5]);
  t.equal(second.origin, origin);
});

t.test("the disk has an end, too: the oldest file goes, and that survives the process", async (t) => {
  const folder = folderOf(t);
  const limits = { diskBytes: 20_000, segmentBytes: 4_000, memoryBytes: 8_000 };
  const first = open(folder, limits);
  fill(first, 60, 1_000);
  const before = countsOf(await everything(first));
  t.match(before[0], /^1-/);
  t.equal(before.at(-1), 60);
  t.ok(before.length > 8 && before.length < 22, `${before.length} are kept`);
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  t.ok(bytes <= 24_100, `${bytes} bytes`);
  using second = open(folder, limits);
  t.strictSame(countsOf(await everything(second)), before);
  using few = open(folderOf(t), { sweeps: 10, segmentBytes: 300 });
  fill(few, 50);
  const counts = countsOf(await everything(few));
  t.ok(counts.length <= 13, `${counts.length} of 10 by number`);
  t.match(counts[0], /^1-/);
});

t.test(
  "a log that was not whole, or of another boot, is told under its own name, and another begins",
  async (t) => {
    for (const spoil of ["whole", "boot"]) {
      const folder = folderOf(t);
      const first = open(folder);
      fill(first, 2);
      const { origin } = first;
      if (spoil === "whole") rmSync(join(folder, "whole"));
      else {
        const name = readdirSync(folder).find((each) => each.endsWith(".log"))!;
        const { crc32 } = await import("node:zlib");
        const lines = readFileSync(join(folder, name), "utf8").split("\n");
        const head = JSON.stringify({ ...JSON.parse(lines[0]!.slice(9)), boot: "another" });
        lines[0] = `${crc32(head).toString(16).padStart(8, "0")} ${head}`;
        writeFileSync(join(folder, name), lines.join("\n"));
      }
      using second = open(folder);
      t.not(second.origin, origin, spoil);
      fill(second, 2);
      t.match(await everything(second), [
        { origin, seq: 1 },
        { origin, seq: 2 },
        { origin: second.origin, seq: 1 },
        { origin: second.origin, seq: 2 },
      ]);
      second.ack(origin, 2);
      t.equal(second.size, 2);
      second.ack(second.origin, 1);
      t.equal(second.size, 1);
    }
  },
);

t.test("who is told of counts that it never made counts anew", async (t) => {
  using backlog = open(folderOf(t));
  fill(backlog, 3);
  const { origin } = backlog;
  backlog.ack(origin, 1);
  backlog.ack(origin, 9);
  t.not(backlog.origin, origin);
  t.match(await everything(backlog), [
    { origin: backlog.origin, seq: 1, probes: 2 },
    { origin: backlog.origin, seq: 2, probes: 3 },
  ]);
});

t.test("a folder that cannot be had is told once, and memory does", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "file"), "");
  const said: string[] = [];
  using backlog = open(join(folder, "file", "backlog"), {}, said);
  fill(backlog, 3);
  t.strictSame(countsOf(await everything(backlog)), [1, 2, 3]);
  t.equal(said.length, 1);
  t.match(said[0], /ENOTDIR/);
});

t.test("strange files in the folder are left alone", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "000000000001.log"), "no record\n00000000 {}\n");
  appendFileSync(join(folder, "note.txt"), "keep me");
  using backlog = open(folder);
  fill(backlog, 1);
  t.strictSame(countsOf(await everything(backlog)), [1]);
  t.equal(readFileSync(join(folder, "note.txt"), "utf8"), "keep me");
});
