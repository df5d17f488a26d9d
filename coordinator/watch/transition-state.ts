/** A change of a path's verdict as the API and notifications tell it. */
import type { TransitionState } from "../../shared/api.ts";
import type { Plan } from "../../shared/plan.ts";
import { formatPorts } from "../../shared/ports.ts";
import type { KeptTransition } from "../journal/journal.ts";
import { reasonOfCode, verdictOfCode } from "./live-matrix.ts";

/** Ports are those of the present plan; empty where it has no such flow any more. */
export function transitionState(id: number, transition: KeptTransition, plan: Plan): TransitionState {
  const {
    at,
    from,
    to,
    isOutside,
    spec,
    flow,
    expected,
    before,
    after,
    isFlapping,
    isLate,
    others,
    evidence,
  } = transition;
  const row = isOutside
    ? plan.endpoints.find((each) => each.spec === spec && each.row === flow && each.host === to)
    : plan.pairs.distinctRows
        .flatMap(({ paths }) => paths)
        .find((each) => each.spec === spec && each.flow === flow && each.open === (expected === "open"));
  return {
    id,
    at: new Date(at).toISOString(),
    from,
    to,
    isOutside,
    spec,
    flow,
    transport: row?.transport ?? "tcp",
    ports: row === undefined ? "" : formatPorts(row.ports),
    expected,
    before: { verdict: verdictOfCode(before), reason: reasonOfCode(before) },
    after: { verdict: verdictOfCode(after), reason: reasonOfCode(after) },
    isFlapping,
    isLate,
    ...(others === undefined ? {} : { others: others.length }),
    evidence: evidence ?? null,
  };
}
