/**
 * Work by the calendar of a watched cluster. It looks at the clock now and then and does what has become due since; so
 * what fell into a time when no coordinator ran is made up for at the next start, once, if that is within a day.
 */
import { join } from "node:path";
import type { HistoryLimits, ReportFileFormat, Schedule } from "../../shared/calendar-settings.ts";
import { describeError } from "../../shared/errors.ts";
import { readKept, writeDurably } from "../durable-file.ts";
import type { WatchCoordinator } from "../watch/watch-coordinator.ts";
import { cronTimes, mostLateMs, type CronTimes } from "./due.ts";
import { FullSweeps } from "./full-sweeps.ts";
import { writeReports } from "./report-files.ts";

export interface CalendarConfig {
  schedule: Schedule;
  history: HistoryLimits;
  /** Where reports are put unless the cluster file says where; paths in it are resolved already. */
  reportFolder: string;
  /** Where is kept what was done last. */
  dataDir: string;
  /** The report of now, piece by piece. */
  reportText: (format: ReportFileFormat) => AsyncIterable<string>;
  /** Over which time full sweeps are spread; an hour. */
  spreadMs?: number;
}

const jobs = ["fullSweep", "report"] as const;
type Job = (typeof jobs)[number];

interface KeptCalendar {
  apiVersion: "portmesh/v1";
  kind: "CalendarState";
  /** Up to when everything that was due is done, by job; milliseconds since 1970. */
  done: Partial<Record<Job, number>>;
}

const stateFile = "calendar.json";
const tickMs = 5_000;
/** In one line of a log. */
const mostNamed = 10;

export class Calendar implements AsyncDisposable {
  #config: CalendarConfig;
  readonly #coordinator: WatchCoordinator;
  readonly #fullSweeps: FullSweeps;
  readonly #timer: NodeJS.Timeout;
  #times: Partial<Record<Job, CronTimes>> = {};
  readonly #done: Partial<Record<Job, number>>;
  /** Up to when it was looked what is due. */
  readonly #looked: Partial<Record<Job, number>> = {};
  #reporting: Promise<void> | undefined;

  constructor(config: CalendarConfig, coordinator: WatchCoordinator) {
    this.#config = config;
    this.#coordinator = coordinator;
    const kept = readKept<KeptCalendar>(join(config.dataDir, stateFile), "CalendarState");
    this.#done = { ...kept?.done };
    const { watch } = coordinator;
    this.#fullSweeps = new FullSweeps(
      {
        nodes: () => watch.watched.plan.nodes,
        isSampled: (node) =>
          watch.lastSweepAt(node) === undefined ? undefined : watch.watched.source(node).cut.size > 0,
        order: (node, budgetMs) => watch.sweepWhole(node, budgetMs),
      },
      config.spreadMs,
    );
    const now = coordinator.now();
    for (const job of jobs) this.#looked[job] = this.#done[job] ??= now;
    this.#keep();
    this.#apply();
    this.#timer = setInterval(() => this.tick(), tickMs);
  }

  /** Goes by another cluster file from now on. */
  reload(config: CalendarConfig): void {
    this.#config = config;
    this.#apply();
  }

  /** Does what has become due. */
  tick(): void {
    const now = this.#coordinator.now();
    for (const job of jobs) {
      const looked = this.#looked[job]!;
      // A clock that was set back begins anew.
      const since = looked - now > mostLateMs ? now : looked;
      const due = this.#times[job]?.lastBetween(since, now);
      if (due !== undefined && !this.#do(job, due, now)) continue;
      this.#looked[job] = Math.max(since, now);
      if (due === undefined) continue;
      this.#done[job] = due;
      this.#keep();
    }
    const asked = this.#fullSweeps.tick(now);
    if (asked.length > 0)
      this.#coordinator.watch.happened(
        "full-sweep",
        asked.length === 1 ? asked[0] : undefined,
        `asked to sweep ranges whole: ${asked.length > mostNamed ? `${asked.length} nodes` : asked.join(", ")}`,
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#reporting;
  }

  #apply(): void {
    const { schedule, history } = this.#config;
    const { timezone, fullSweep, report } = schedule;
    this.#times = {
      ...(fullSweep === undefined ? {} : { fullSweep: cronTimes(fullSweep, timezone) }),
      ...(report === undefined ? {} : { report: cronTimes(report.at, timezone) }),
    };
    this.#coordinator.journal.limit(history);
    // A journal that has no room is told of by the watch.
    void this.#coordinator.journal.tidy(this.#coordinator.now()).catch(() => {});
  }

  /** @returns whether it was begun. */
  #do(job: Job, due: number, now: number): boolean {
    if (job === "fullSweep") {
      this.#fullSweeps.begin(now);
      return true;
    }
    if (this.#reporting !== undefined) return false;
    this.#reporting = this.#report(due).finally(() => (this.#reporting = undefined));
    return true;
  }

  async #report(due: number): Promise<void> {
    const { schedule, reportFolder: folder, reportText } = this.#config;
    const { formats, keep } = schedule.report!;
    const cluster = this.#coordinator.cluster.name;
    try {
      const files = await writeReports({ folder, cluster, formats, keep }, due, reportText);
      this.#coordinator.watch.happened("report", undefined, `wrote ${files.join(", ")}`);
    } catch (error) {
      this.#coordinator.watch.happened("report", undefined, describeError(error));
    }
  }

  #keep(): void {
    const kept: KeptCalendar = { apiVersion: "portmesh/v1", kind: "CalendarState", done: this.#done };
    try {
      writeDurably(join(this.#config.dataDir, stateFile), `${JSON.stringify(kept)}\n`);
    } catch {
      // A disk without room is told of by the watch; at worst it is done once more.
    }
  }
}
