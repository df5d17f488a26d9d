/**
 * A coordinator that watches until it is killed: `coordinator-process.ts FOLDER HOST PORT`. Says on stdout what was kept
 * when it began (`kept NODE=SEQ …`), what there was to tell of the history (`note …`), its join string (`join …`), and each
 * transition once it is told (`told AT PATH AFTER`).
 */
import { writeSync } from "node:fs";
import { keptIdentity, prepareDataDir } from "../../coordinator/data-dir.ts";
import { openJournal } from "../../coordinator/journal/open-journal.ts";
import { WatchCoordinator } from "../../coordinator/watch/watch-coordinator.ts";
import { skippable } from "../../shared/names.ts";
import { reportedCluster } from "./reported-cluster.ts";

const [folder, host, port] = process.argv.slice(2) as [string, string, string];
prepareDataDir(folder);
const identity = await keptIdentity(folder, new Date());
const journal = await openJournal({ folder, now: Date.now });
writeSync(1, `kept ${[...journal.kept.values()].map(({ node, seq }) => `${node}=${seq}`).join(" ")}\n`);
for (const note of journal.notes) writeSync(1, `note ${note}\n`);
const coordinator = await WatchCoordinator.start({
  cluster: reportedCluster,
  phase: "runtime",
  skip: skippable,
  host,
  port: Number(port),
  advertise: undefined,
  identity,
  journal,
  now: () => new Date(),
  monotonic: () => performance.now(),
});
coordinator.on("transitions", (transitions) => {
  const lines = transitions.map(({ at, path, after }) => `told ${at} ${path} ${after}\n`);
  writeSync(1, lines.join(""));
});
writeSync(1, `join ${coordinator.joinString}\n`);
// An end in good order leaves what was compiled for the next ones.
if (process.argv[5] === "once") {
  await coordinator[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
}
