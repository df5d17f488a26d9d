/** Reports in a folder: whole, for one user, and not more than are kept. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { writeReports } from "../../../coordinator/calendar/report-files.ts";
import type { ReportFileFormat } from "../../../shared/calendar-settings.ts";

const dayMs = 86_400_000;
const start = Date.UTC(2026, 10, 21, 6, 0);

async function* pieces(format: ReportFileFormat): AsyncGenerator<string> {
  yield `${format} `;
  yield "whole";
}

t.test("each report has its moment in its name, and the oldest go", async (t) => {
  const folder = join(t.testdir(), "reports");
  const settings = { folder, cluster: "prod / EU", formats: ["html", "junit"] as const, keep: 2 };
  for (let day = 0; day < 3; day++) {
    const files = await writeReports(settings, start + day * dayMs, pieces);
    t.equal(files.length, 2);
    if (day === 0) writeFileSync(join(folder, "prod-EU-notes.html"), "mine");
  }
  t.strictSame(readdirSync(folder).toSorted(), [
    "prod-EU-20261122T0600Z.html",
    "prod-EU-20261122T0600Z.junit.xml",
    "prod-EU-20261123T0600Z.html",
    "prod-EU-20261123T0600Z.junit.xml",
    "prod-EU-notes.html",
  ]);
  const path = join(folder, "prod-EU-20261123T0600Z.html");
  t.equal(readFileSync(path, "utf8"), "html whole");
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test("a report that breaks off leaves nothing", async (t) => {
  const folder = t.testdir();
  const settings = { folder, cluster: "prod", formats: ["json"] as const, keep: 2 };
  async function* broken(): AsyncGenerator<string> {
    yield "{";
    throw new Error("the plan is gone");
  }
  await t.rejects(writeReports(settings, start, broken), { message: "the plan is gone" });
  t.strictSame(readdirSync(folder), []);
  const file = join(folder, "file");
  writeFileSync(file, "");
  await t.rejects(writeReports({ ...settings, folder: join(file, "reports") }, start, pieces), {
    code: "cannot-run",
    message: /cannot write the report to .*: ENOTDIR/,
  });
  t.notOk(existsSync(join(folder, "reports")));
});
