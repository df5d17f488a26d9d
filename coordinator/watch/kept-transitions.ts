/** Changes of verdicts as they are kept: those of one flow that came together, from one node, are one. */
import { codeOf } from "../../shared/api.ts";
import type { KeptTransition } from "../journal/journal.ts";
import type { PathTransition, WatchedPlan } from "./watched-plan.ts";

/** So many paths of a flow from one node that change alike at a moment are told together. */
const fewestTogether = 32;

export function keptTransitions(
  found: readonly PathTransition[],
  { version, plan }: WatchedPlan,
  at: number,
  isLate: boolean,
): KeptTransition[] {
  const nameOf = (node: number): string => plan.nodes[node]!.name;
  const alike = Map.groupBy(found, ({ place, from, to, isFlapping }) =>
    [place.row.rank, from.reason, to.reason, isFlapping].join(" "),
  );
  const isMass = (each: readonly PathTransition[]): boolean => each.length >= fewestTogether;
  const groups = [...alike.values()].flatMap((each) => (isMass(each) ? [each] : each.map((one) => [one])));
  return groups.map(([first, ...others]): KeptTransition => {
    const { place, from, to, isFlapping, evidence } = first!;
    const { spec, flow, open } = place.row;
    return {
      at,
      plan: version,
      path: place.id,
      from: nameOf(place.from),
      to: nameOf(place.to),
      spec,
      flow,
      expected: open ? "open" : "closed",
      isOutside: false,
      before: codeOf(from.reason),
      after: codeOf(to.reason),
      isFlapping,
      isLate,
      evidence: evidence(),
      ...(others.length === 0
        ? {}
        : { others: others.map((other) => ({ to: nameOf(other.place.to), path: other.place.id })) }),
    };
  });
}
