/** Paths of a pair as they stood at an earlier moment, from the changes before and after it. */
import type { PathDetail, TransitionState } from "../../shared/api.ts";

export interface PastPath {
  path: PathDetail["path"];
  /** What was seen when it became so; undefined where that is not in the history any more. */
  evidence: PathDetail["evidence"] | null;
  /** RFC 3339; undefined where it was so before the history begins. */
  since: string | undefined;
}

/** `before` is newest first and until the moment, `after` oldest first and from then on. */
export function pathsAt(
  there: readonly PathDetail[],
  before: readonly TransitionState[],
  after: readonly TransitionState[],
): PastPath[] {
  return there.map(({ path }) => {
    const isOfPath = (each: TransitionState): boolean =>
      !each.isOutside &&
      each.spec === path.spec &&
      each.flow === path.flow &&
      each.expected === path.expected;
    const last = before.find(isOfPath);
    if (last !== undefined)
      return { path: { ...path, ...last.after }, evidence: evidenceOf(last), since: last.at };
    const next = after.find(isOfPath);
    return {
      path: next === undefined ? path : { ...path, ...next.before },
      evidence: null,
      since: undefined,
    };
  });
}

function evidenceOf({ evidence }: TransitionState): PathDetail["evidence"] | null {
  return evidence !== null && "source" in evidence ? evidence : null;
}
