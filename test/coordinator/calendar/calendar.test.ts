/** Work by the calendar of a whole coordinator, by a clock that the test sets. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Check } from "typebox/value";
import t from "tap";
import { Calendar, type CalendarConfig } from "../../../coordinator/calendar/calendar.ts";
import { reportText } from "../../../coordinator/watch/watch-report.ts";
import { reportRenderers } from "../../../cli/views/formats.ts";
import { defaultHistory, noSchedule, type Schedule } from "../../../shared/calendar-settings.ts";
import { ReportSchema, type Report } from "../../../shared/report.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../../helpers/domain-fixtures.ts";
import { watchedFleet, type WatchedFleet } from "../../helpers/watched-fleet.ts";

t.setTimeout(60_000);

const flows = [flowOf("gossip", { ports: "9000-9999" }), flowOf("web", { ports: 9_443, security: "tls" })];
const cluster = clusterOf(specOf({ flows }), nodesOf(["peer"], ["peer"]));
const evening = Date.UTC(2026, 10, 20, 22, 0);
const minuteMs = 60_000;

function configOf(folder: string, fleet: WatchedFleet, schedule: Partial<Schedule>): CalendarConfig {
  return {
    schedule: { ...noSchedule, ...schedule },
    history: defaultHistory,
    reportFolder: join(folder, "reports"),
    dataDir: folder,
    reportText: (format) => reportText(fleet.view, fleet.coordinator.now(), format, reportRenderers),
    spreadMs: 0,
  };
}

/** What happened of a kind. */
async function told(fleet: WatchedFleet, kind: string): Promise<string> {
  return new Promise((resolve) => {
    fleet.coordinator.on("happening", (each, _node, text) => {
      if (each === kind) resolve(text);
    });
  });
}

t.test("at night, who samples is asked for a whole sweep, and what it found holds", async (t) => {
  const folder = t.testdir();
  const clock = { at: evening };
  await using fleet = await watchedFleet(folder, cluster, undefined, () => clock.at);
  await using calendar = new Calendar(configOf(folder, fleet, { fullSweep: "0 3 * * *" }), fleet.coordinator);
  await fleet.join();
  const [first, second] = fleet.agents;
  const coverage = (): unknown => {
    const [place] = fleet.view.places(0, 1);
    const { coverage: ports, coveredAt, verdict } = fleet.view.evidence(place!);
    return [verdict, ports, coveredAt];
  };
  t.strictSame(coverage(), ["pass", "1000/1000", undefined], "all of it fits into a sweep");
  await first!.sweep({ cut: "0", fullSweepMs: 600_000 });
  t.strictSame(coverage(), ["pass", "100/1000", undefined], "of ten minutes there is one for ranges");
  clock.at = evening + 4 * 60 * minuteMs;
  calendar.tick();
  t.notOk(
    first!.heard.some(({ type }) => type === "full"),
    "it is two o'clock",
  );
  clock.at = evening + 5 * 60 * minuteMs;
  calendar.tick();
  t.match(await first!.until(({ type }) => type === "full"), { plan: 1 });
  t.notOk(
    second!.heard.some(({ type }) => type === "full"),
    "whose ranges fit into a sweep",
  );
  clock.at += 10 * minuteMs;
  fleet.coordinator.watch.tick();
  t.notOk(fleet.view.matrix.isStale(0), "it has leave to be late");
  t.ok(fleet.view.matrix.isStale(1));
  t.equal(fleet.view.sweepLagMs() > 0, true);
  await first!.sweep({ tookMs: 9 * minuteMs, agoMs: 9 * minuteMs });
  const wholeAt = new Date(clock.at).toISOString();
  await first!.sweep({ cut: "0", fullSweepMs: 600_000 });
  t.strictSame(coverage(), ["pass", "1000/1000", wholeAt]);
  clock.at += 2 * 24 * 60 * minuteMs;
  await first!.sweep({ cut: "0", fullSweepMs: 600_000 });
  t.strictSame(coverage(), ["pass", "100/1000", undefined], "not for ever");
});

t.test("a report is written at its time, and what was missed is made up for once", async (t) => {
  const folder = t.testdir();
  const clock = { at: evening };
  const schedule = {
    report: {
      at: "0 6 * * *",
      folder: undefined,
      formats: ["json", "html", "csv", "junit", "md"] as const,
      keep: 9,
    },
  };
  const morning = Date.UTC(2026, 10, 21, 6, 0);
  let identity;
  {
    await using fleet = await watchedFleet(folder, cluster, undefined, () => clock.at);
    identity = fleet.identity;
    await fleet.join();
    await using calendar = new Calendar(configOf(folder, fleet, schedule), fleet.coordinator);
    calendar.tick();
    t.notOk(existsSync(join(folder, "reports")));
  }
  clock.at = morning + 90 * minuteMs;
  await using fleet = await watchedFleet(folder, cluster, identity, () => clock.at);
  {
    await using calendar = new Calendar(configOf(folder, fleet, schedule), fleet.coordinator);
    const written = told(fleet, "report");
    calendar.tick();
    calendar.tick();
    t.match(await written, /^wrote .*prod-20261121T0600Z\.json, /);
  }
  {
    await using calendar = new Calendar(configOf(folder, fleet, schedule), fleet.coordinator);
    calendar.tick();
  }
  const files = readdirSync(join(folder, "reports")).toSorted();
  t.strictSame(
    files,
    ["csv", "html", "json", "junit.xml", "md"].map((ending) => `prod-20261121T0600Z.${ending}`),
  );
  const report = JSON.parse(readFileSync(join(folder, "reports", files[2]!), "utf8")) as Report;
  t.ok(Check(ReportSchema, report));
  t.match(report.summary, { paths: 4, unknown: 4, verdict: "unknown" }, "nobody has told since");
});

t.test("a folder that cannot be written to is told, and another cluster file takes over", async (t) => {
  const folder = t.testdir({ file: "" });
  const clock = { at: evening };
  await using fleet = await watchedFleet(folder, cluster, undefined, () => clock.at);
  const report = { at: "0 * * * *", folder: undefined, formats: ["csv"] as const, keep: 1 };
  const config = configOf(folder, fleet, { report });
  await using calendar = new Calendar({ ...config, reportFolder: join(folder, "file") }, fleet.coordinator);
  const failed = told(fleet, "report");
  clock.at += 60 * minuteMs;
  calendar.tick();
  t.match(await failed, /cannot write the report to .*EEXIST/);
  calendar.reload({ ...config, schedule: { ...config.schedule, timezone: "Asia/Kolkata" } });
  clock.at += 30 * minuteMs;
  const written = told(fleet, "report");
  calendar.tick();
  t.match(await written, /prod-20261120T2330Z\.csv/, "half past, as it is there");
});
