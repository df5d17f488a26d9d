/** What the cluster file says of work by the calendar: the nightly sweep of whole ranges, reports, and how long history is kept. */
import { validateDetailed } from "node-cron";
import Type, { type Static } from "typebox";
import type { SourceDocument } from "./document.ts";
import { parseDuration } from "./duration.ts";
import type { Problem } from "./errors.ts";
import { expects } from "./schema-errors.ts";
import { DurationSchema } from "./schemas.ts";

const exact = { additionalProperties: false };
const Cron = Type.String({
  maxLength: 100,
  description: "A cron expression: minute, hour, day of month, month, day of week.",
});

export const reportFileFormats = ["json", "html", "csv", "junit", "md"] as const;
export type ReportFileFormat = (typeof reportFileFormats)[number];

/** Fields of the cluster file. */
export const calendarFields = {
  schedule: Type.Optional(
    Type.Object(
      {
        timezone: Type.Optional(
          Type.String({ description: "Of the times below, such as Europe/Vienna; UTC unless said." }),
        ),
        fullSweep: Type.Optional(
          Type.Union([Cron, Type.Literal(false)], {
            description: "When ranges that are sampled otherwise are swept to the last port.",
            ...expects('a cron expression such as "0 3 * * *", or false'),
          }),
        ),
        report: Type.Optional(
          Type.Object(
            {
              at: Cron,
              folder: Type.Optional(
                Type.String({ minLength: 1, description: "Relative to the cluster file." }),
              ),
              formats: Type.Optional(Type.Array(Type.Enum([...reportFileFormats]), { minItems: 1 })),
              keep: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
            },
            exact,
          ),
        ),
      },
      exact,
    ),
  ),
  history: Type.Optional(
    Type.Object(
      {
        keep: Type.Optional({ ...DurationSchema, description: "How far back history goes: 30d." }),
        size: Type.Optional(
          Type.String({
            pattern: "^[0-9]+(\\.[0-9]+)?(MB|GB|TB|MiB|GiB|TiB)$",
            description: "What it may take on the disk: 2GB.",
            ...expects("a size with its unit, such as 500MB or 2GiB"),
          }),
        ),
      },
      exact,
    ),
  ),
};
const CalendarSchema = Type.Object(calendarFields);

export interface ReportSchedule {
  at: string;
  /** As it is written; undefined for the default. */
  folder: string | undefined;
  formats: readonly ReportFileFormat[];
  /** So many reports stay. */
  keep: number;
}

export interface Schedule {
  /** An IANA name. */
  timezone: string;
  fullSweep: string | undefined;
  report: ReportSchedule | undefined;
}

export interface HistoryLimits {
  keepMs: number;
  bytes: number;
}

const dayMs = 86_400_000;
/** At night, and in no time zone at an hour that a change of clocks leaves out or has twice. */
const defaultFullSweep = "0 3 * * *";
const defaultReport = { formats: ["html", "json"] as const, keep: 30 };
export const defaultHistory: HistoryLimits = { keepMs: 30 * dayMs, bytes: 2_000_000_000 };
/** Nothing by the calendar. */
export const noSchedule: Schedule = { timezone: "UTC", fullSweep: undefined, report: undefined };
const leastHistory: HistoryLimits = { keepMs: 3_600_000, bytes: 50_000_000 };
const bytesPer = { MB: 1e6, GB: 1e9, TB: 1e12, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

export function readCalendar(
  source: SourceDocument<Static<typeof CalendarSchema>>,
  problems: Problem[],
): { schedule: Schedule; history: HistoryLimits } {
  const { schedule = {}, history = {} } = source.value;
  const { timezone = "UTC", fullSweep = defaultFullSweep, report } = schedule;
  const check = (pointer: string, expression: string): void => {
    const problem = cronProblem(expression);
    if (problem !== undefined) problems.push(source.problem(pointer, problem));
  };
  if (fullSweep !== false) check("/schedule/fullSweep", fullSweep);
  if (report !== undefined) check("/schedule/report/at", report.at);
  if (!isTimeZone(timezone))
    problems.push(
      source.problem("/schedule/timezone", `must be a time zone such as Europe/Vienna; found ${timezone}`),
    );
  const keepMs = history.keep === undefined ? defaultHistory.keepMs : parseDuration(history.keep)!;
  if (keepMs < leastHistory.keepMs) problems.push(source.problem("/history/keep", "must be at least 1h"));
  const bytes = history.size === undefined ? defaultHistory.bytes : parseSize(history.size);
  if (bytes < leastHistory.bytes) problems.push(source.problem("/history/size", "must be at least 50MB"));
  return {
    schedule: {
      timezone,
      fullSweep: fullSweep === false ? undefined : fullSweep,
      report:
        report === undefined
          ? undefined
          : {
              at: report.at,
              folder: report.folder,
              formats: report.formats ?? defaultReport.formats,
              keep: report.keep ?? defaultReport.keep,
            },
    },
    history: { keepMs, bytes },
  };
}

/** Seconds are not taken: nothing here is that precise. */
function cronProblem(expression: string): string | undefined {
  const wanted = `must be a cron expression such as "0 3 * * *"`;
  if (expression.trim().split(/\s+/).length !== 5)
    return `${wanted}: five fields; found ${JSON.stringify(expression)}`;
  const { errors } = validateDetailed(expression);
  const [first] = errors;
  return first === undefined
    ? undefined
    : `${wanted}; the ${first.field} ${JSON.stringify(first.value ?? expression)} is none`;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).format() !== "";
  } catch {
    return false;
  }
}

function parseSize(text: string): number {
  const unit = text.replace(/^[0-9.]+/, "") as keyof typeof bytesPer;
  return Math.round(parseFloat(text) * bytesPer[unit]);
}
