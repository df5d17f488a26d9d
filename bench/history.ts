/**
 * What the round trips of a node take in the journal, told as JSON: hours of sweeps go through the journal as they
 * would, at a clock of their own.
 *
 *   history.ts FOLDER TARGETS
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { openJournal } from "../coordinator/journal/open-journal.ts";
import { rttBucket } from "../shared/watch-wire.ts";
import { noiseOf } from "./noise.ts";

const [folder = "", count = "1"] = process.argv.slice(2);
const targets = Number(count);
const intervalMs = 30_000;
const hourMs = 3_600_000;
const hours = 6;
const start = Date.UTC(2026, 0, 2);
let now = start;

await using journal = await openJournal({ folder, now: () => now });
const noise = noiseOf(65_536);
const usual = Uint8Array.from(
  { length: targets },
  (_, target) => rttBucket(target % 4 < 2 ? 0.3 : 1.2) + (target % 5) + (target % 2) * 9,
);
for (let seq = 1; now < start + hours * hourMs; now += intervalMs, seq++) {
  const first = Math.floor(Math.random() * noise.length);
  const rtt = usual.map((bucket, target) => Math.max(1, bucket + noise[(first + target) % noise.length]!));
  await journal.commit({
    sweeps: [
      {
        node: "n1",
        at: now - 400,
        receivedAt: now,
        sweep: {
          type: "sweep",
          origin: "n1",
          seq,
          plan: 1,
          late: false,
          probes: targets,
          rtt: Buffer.from(rtt).toString("base64"),
          odd: [],
          agoMs: 400,
          tookMs: 400,
          skipped: [],
          cut: "",
          fullSweepMs: 0,
          stalledMs: 0,
        },
      },
    ],
  });
  if (seq % 10 === 0) await journal.tidy(now);
}
const fine = bytesOf(300) / hours;
now += 3 * 24 * hourMs;
await journal.tidy(now);
console.log(JSON.stringify({ bytesPerHour: { fine, summed: bytesOf(3_600) / hours } }));

/** With what a row takes beside its counts. */
function bytesOf(seconds: number): number {
  using db = new DatabaseSync(join(folder, "journal.db"), { readOnly: true });
  const sql = "SELECT sum(length(counts) + 60) AS bytes FROM latency WHERE seconds = ?";
  return Number(db.prepare(sql).get(seconds)!["bytes"]);
}
