/** When work by the calendar is due: whether a cron expression has met a time since it was last looked at. */
import { createTask } from "node-cron";

const minuteMs = 60_000;
/** What was missed for longer is not made up for. */
export const mostLateMs = 24 * 60 * minuteMs;

export interface CronTimes {
  /** The last time after `from`, up to `until` and at most a day before it; in milliseconds since 1970, undefined where there is none. */
  lastBetween(from: number, until: number): number | undefined;
}

/** Expressions of five fields, in an IANA time zone; both were checked with the cluster file. */
export function cronTimes(expression: string, timezone: string): CronTimes {
  // It is asked for times only, and never started: clocks that jump and restarts are for who asks.
  const task = createTask(expression, () => {}, { timezone });
  return {
    lastBetween(from, until) {
      const first = Math.max(from, until - mostLateMs);
      for (let at = Math.floor(until / minuteMs) * minuteMs; at > first; at -= minuteMs)
        if (task.match(new Date(at))) return at;
      return undefined;
    },
  };
}
