/** Moments in queries: `2026-11-21T14:03:00Z`, or so long ago, `1h`. */
import Type from "typebox";
import { parseDuration } from "../../shared/duration.ts";
import { ApiError } from "./problems.ts";

const Moment = Type.Optional(
  Type.String({ maxLength: 40, description: "RFC 3339, or a duration before now such as 1h. Absent: now." }),
);
export const MomentQuery = Type.Object({ at: Moment });
export const SpanQuery = Type.Object({ since: Moment, until: Moment });

/** Milliseconds since 1970; undefined where the text is. */
export function momentOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const isWhole =
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;
  const at = isWhole.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new ApiError(
      400,
      "bad-moment",
      `${JSON.stringify(text)} is no moment`,
      "Write 2026-11-21T14:03:00Z, or how long ago, such as 90s, 15m or 2h.",
    );
  return at;
}
