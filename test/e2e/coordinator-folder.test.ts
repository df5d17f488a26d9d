/** `portmesh coordinator run` with a data folder that is in use, of another cluster, damaged, or no folder: one clear message each. */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Running, smallSpec, type Finished } from "../helpers/cli.ts";

t.setTimeout(100_000);

function clusterFile(folder: string, name: string): string {
  const spec = join(folder, "small.yaml");
  writeFileSync(spec, JSON.stringify(smallSpec));
  const file = join(folder, `${name}.yaml`);
  const nodes = [{ name: "n1", address: "127.71.0.1", roles: ["nodes"] }];
  writeFileSync(file, JSON.stringify({ name, specs: [{ file: spec }], nodes }));
  return file;
}

/** One that is to end by itself, and is killed where it does not. */
async function refused(args: readonly string[]): Promise<Finished> {
  await using running = new Running(args);
  const timer = setTimeout(() => running.child.kill("SIGKILL"), 20_000);
  const finished = await running.finished;
  clearTimeout(timer);
  return finished;
}

t.test("a data folder that will not do is told, and why", async (t) => {
  const folder = t.testdir({ file: "" });
  const file = clusterFile(folder, "one");
  const data = join(folder, "data");
  const joinFile = join(folder, "join");
  const anywhere = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--join-file", joinFile];
  const run = ["coordinator", "run", file, "--data-dir", data, ...anywhere];
  {
    await using first = new Running(run);
    await first.says("metrics on http");
    const second = await refused(run);
    t.equal(second.exitCode, 1);
    t.match(
      second.err,
      new RegExp(`${data} is in use by another coordinator \\(process ${first.child.pid}\\)`),
    );
    t.match(second.err, /Stop that one, or choose another --data-dir/);
    first.child.kill("SIGTERM");
    t.equal((await first.finished).exitCode, 143);
  }
  const other = await refused([
    "coordinator",
    "run",
    clusterFile(folder, "two"),
    "--data-dir",
    data,
    ...anywhere,
  ]);
  t.equal(other.exitCode, 1);
  t.match(other.err, /holds the history of the cluster "one", and this one is "two"/);

  const database = join(data, "journal.db");
  const bytes = readFileSync(database);
  writeFileSync(database, bytes.fill(0xff, 0, 4_096));
  {
    await using mended = new Running(run);
    await mended.says("is set aside as journal.db.corrupt-");
    t.match(mended.err, /journal\.db was damaged \(.*\)/);
    const url = /metrics on (http:\S+)/.exec(mended.err)![1]!;
    t.equal((await fetch(`${url}/readyz`)).status, 200, "and it goes on");
    mended.child.kill("SIGTERM");
    await mended.finished;
  }
  t.equal(readdirSync(data).filter((name) => /corrupt-.*Z$/.test(name)).length, 1);

  const identity = join(data, "identity.json");
  const kept = readFileSync(identity);
  for (const [what, change] of [
    [/identity\.json holds secrets, and others may read it/, () => chmodSync(identity, 0o644)],
    [
      /identity\.json is damaged, or of another version/,
      () => {
        chmodSync(identity, 0o600);
        writeFileSync(identity, kept.subarray(0, kept.length / 2));
      },
    ],
  ] as const) {
    change();
    const { exitCode, err } = await refused(run);
    t.equal(exitCode, 1);
    t.match(err, what);
    t.notMatch(err, /\n +at /, "no stack");
  }
  const none = await refused(["coordinator", "run", file, "--data-dir", join(folder, "file"), ...anywhere]);
  t.equal(none.exitCode, 1);
  t.match(none.err, /cannot make the data folder .*file: EEXIST/);
});
