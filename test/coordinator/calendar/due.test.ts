/** When work by the calendar is due, in time zones and over the changes of their clocks. */
import t from "tap";
import { cronTimes } from "../../../coordinator/calendar/due.ts";

const at = (text: string): number => Date.parse(text);
const iso = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString();

t.test("a time is due once, and the last one where several were missed", async (t) => {
  const nightly = cronTimes("0 3 * * *", "UTC");
  t.equal(nightly.lastBetween(at("2026-11-21T03:00:00Z"), at("2026-11-22T02:59:59Z")), undefined);
  t.equal(
    iso(nightly.lastBetween(at("2026-11-21T03:00:00Z"), at("2026-11-22T03:00:04Z"))),
    "2026-11-22T03:00:00.000Z",
  );
  const often = cronTimes("*/5 * * * *", "UTC");
  t.equal(
    iso(often.lastBetween(at("2026-11-21T03:01:00Z"), at("2026-11-21T09:13:00Z"))),
    "2026-11-21T09:10:00.000Z",
  );
});

t.test("what was missed by more than a day is not made up for", async (t) => {
  const sundays = cronTimes("0 3 * * 0", "UTC");
  const sunday = at("2026-11-22T03:00:00Z");
  t.equal(sundays.lastBetween(at("2026-11-15T03:00:00Z"), sunday + 23 * 3_600_000), sunday);
  t.equal(sundays.lastBetween(at("2026-11-15T03:00:00Z"), sunday + 25 * 3_600_000), undefined);
});

t.test("the time is that of the zone, before and after its clocks change", async (t) => {
  const vienna = cronTimes("0 3 * * *", "Europe/Vienna");
  const due = (day: string): string | undefined =>
    iso(vienna.lastBetween(at(`${day}T00:00:00Z`), at(`${day}T12:00:00Z`)));
  t.equal(due("2026-07-01"), "2026-07-01T01:00:00.000Z");
  t.equal(due("2026-11-21"), "2026-11-21T02:00:00.000Z");
  t.equal(due("2026-03-29"), "2026-03-29T01:00:00.000Z", "an hour is left out before it");
  t.equal(due("2026-10-25"), "2026-10-25T02:00:00.000Z", "an hour comes twice before it");
});
