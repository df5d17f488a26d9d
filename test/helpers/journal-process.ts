/**
 * A process that keeps history until it is killed: `node journal-process.ts FOLDER`. Says on stdout how far everything was
 * kept when it opened (`open NODE=SEQ …`), then a line for each commit once it is kept (`NODE SEQ`).
 * With `once` it ends by itself, which leaves what was compiled for the next ones; with `alone` one commit follows the
 * other, 200 times.
 */
import { writeSync } from "node:fs";
import { openJournal } from "../../coordinator/journal/open-journal.ts";
import { nodeNames, start, sweepOf, transitionOf } from "./journal.ts";

const [folder, manner] = process.argv.slice(2) as [string, ("once" | "alone")?];
const journal = await openJournal({ folder, now: () => start });
writeSync(1, `open ${[...journal.kept.values()].map(({ node, seq }) => `${node}=${seq}`).join(" ")}\n`);
if (journal.notes.length > 0) writeSync(1, `note ${journal.notes.join("; ")}\n`);
const last = manner === "alone" ? 200 : Infinity;
if (manner !== "once") await Promise.all(nodeNames.slice(0, manner === "alone" ? 1 : undefined).map(report));
await journal[Symbol.asyncDispose]();

/** Both or neither: the transition's time says to which sweep it belongs. */
async function report(node: string): Promise<void> {
  for (let seq = (journal.kept.get(node)?.seq ?? 0) + 1; seq <= last; seq++) {
    await journal.commit({
      sweeps: [sweepOf(node, seq, start + seq)],
      transitions: [transitionOf(start + seq, 0, { from: node })],
    });
    writeSync(1, `${node} ${seq}\n`);
  }
}
