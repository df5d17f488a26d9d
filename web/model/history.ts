/** The time line: how far back it goes, and what is drawn of the transitions in it. */
import type { TransitionState } from "../../shared/api.ts";
import { verdicts, type Verdict } from "../../shared/names.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const spans = [
  { name: "1h", title: "1 hour", ms: hourMs },
  { name: "15m", title: "15 minutes", ms: 15 * minuteMs },
  { name: "6h", title: "6 hours", ms: 6 * hourMs },
  { name: "24h", title: "24 hours", ms: 24 * hourMs },
  { name: "7d", title: "7 days", ms: 7 * 24 * hourMs },
  { name: "30d", title: "30 days", ms: 30 * 24 * hourMs },
] as const;

export function spanMsOf(name: string | undefined): number {
  return (spans.find((span) => span.name === name) ?? spans[0]).ms;
}

export interface Bucket {
  count: number;
  /** The worst verdict that something changed to; undefined where nothing changed. */
  verdict: Verdict | undefined;
}

export function bucketsOf(
  transitions: readonly Pick<TransitionState, "at" | "after" | "others">[],
  start: number,
  end: number,
  count: number,
): Bucket[] {
  const buckets = Array.from({ length: count }, (): Bucket => ({ count: 0, verdict: undefined }));
  for (const { at, after, others = 0 } of transitions) {
    const position = Math.floor(((Date.parse(at) - start) / (end - start)) * count);
    const bucket = buckets[Math.min(position, count - 1)];
    if (bucket === undefined) continue;
    bucket.count += 1 + others;
    if (bucket.verdict === undefined || verdicts.indexOf(after.verdict) > verdicts.indexOf(bucket.verdict))
      bucket.verdict = after.verdict;
  }
  return buckets;
}

/** Changes that are closer are one step. */
const stepMs = 1_000;

/** When something changed last before a moment, or first after it; undefined where nothing did. */
export function changeBeside(
  transitions: readonly Pick<TransitionState, "at">[],
  moment: number,
  by: -1 | 1,
): number | undefined {
  const beside = transitions
    .map(({ at }) => Date.parse(at))
    .filter((at) => (by < 0 ? at < moment - stepMs : at > moment + stepMs));
  if (beside.length === 0) return undefined;
  const nearest = by < 0 ? Math.max(...beside) : Math.min(...beside);
  // All that came at once has happened by then.
  return Math.max(...beside.filter((at) => Math.abs(at - nearest) <= stepMs));
}

const steps = [1, 2, 5, 10, 15, 30, 60, 2 * 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60, 2 * 24 * 60, 5 * 24 * 60];

/** Round moments in the reader's zone, at most `most` of them. */
export function ticksOf(start: number, end: number, most: number): number[] {
  const minutes = steps.find((step) => (end - start) / (step * minuteMs) <= most) ?? steps.at(-1)!;
  const step = minutes * minuteMs;
  const zoneMs = new Date(end).getTimezoneOffset() * minuteMs;
  const ticks: number[] = [];
  for (let at = Math.ceil((start - zoneMs) / step) * step + zoneMs; at < end; at += step) ticks.push(at);
  return ticks;
}
