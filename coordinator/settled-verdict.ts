/**
 * What is shown of a path that is probed again and again. A single bad probe is noise: a fail needs three in a
 * row, and more where everybody else finds the far end well. A path that keeps changing is held as flapping
 * instead of ringing an alarm each time (damping as RFC 2439 does it for routes). Pure; time by argument.
 */
import type { Judgement } from "../shared/judge.ts";

export interface SettledVerdict {
  shown: Judgement;
  /** When the shown verdict began, in milliseconds of any clock. */
  since: number;
  /** A fail that is not yet believed, and how often in a row it was seen. */
  suspected: { judgement: Judgement; strikes: number } | undefined;
  /** Grows with every change and halves with time. */
  penalty: number;
  penaltyAt: number;
  isFlapping: boolean;
}

export interface Transition {
  from: Judgement;
  to: Judgement;
  at: number;
  isFlapping: boolean;
}

/**
 * What others see of the far end of a failing path: a failure of the way back, or of another node's way to the
 * same port, confirms it. `alone` where there are others and all of them pass; `unknown` where there are none.
 */
export type Confirmation = "confirmed" | "alone" | "unknown";

const strikesNeeded: Readonly<Record<Confirmation, number>> = { confirmed: 3, unknown: 3, alone: 4 };
const changePenalty = 1_000;
/** About four changes in quick succession. */
const suppressAt = 3_000;
const reuseAt = 1_000;
const halfLifeMs = 5 * 60_000;

const unproved: Judgement = { verdict: "unknown", reason: "never-probed" };

/** Before the first judgement. */
export function unsettled(now: number): SettledVerdict {
  return {
    shown: unproved,
    since: now,
    suspected: undefined,
    penalty: 0,
    penaltyAt: now,
    isFlapping: false,
  };
}

/** One more judgement of a path. The transition is what people are to be told, if anything. */
export function settle(
  state: SettledVerdict,
  judgement: Judgement,
  confirmation: Confirmation,
  now: number,
): { state: SettledVerdict; transition?: Transition } {
  const penalty = state.penalty * 0.5 ** ((now - state.penaltyAt) / halfLifeMs);
  const decayed = { ...state, penalty, penaltyAt: now };
  if (judgement.verdict === "fail" && state.shown.verdict !== "fail") {
    const strikes = (state.suspected?.strikes ?? 0) + 1;
    if (strikes < strikesNeeded[confirmation])
      return { state: calmed({ ...decayed, suspected: { judgement, strikes } }) };
  }
  const next = { ...decayed, suspected: undefined };
  // Another reason for the same verdict is worth showing and no alarm.
  if (judgement.verdict === state.shown.verdict) return { state: calmed({ ...next, shown: judgement }) };
  return change(next, judgement, now, state.shown.reason === unproved.reason ? 0 : changePenalty);
}

function change(
  state: SettledVerdict,
  judgement: Judgement,
  now: number,
  added: number,
): { state: SettledVerdict; transition?: Transition } {
  const penalty = state.penalty + added;
  const isFlapping = penalty >= suppressAt || (state.isFlapping && penalty > reuseAt);
  // Held at its worst: a path that comes and goes is no path to rely on.
  if (isFlapping && state.isFlapping && state.shown.verdict === "fail")
    return { state: { ...state, penalty, isFlapping } };
  const transition = { from: state.shown, to: judgement, at: now, isFlapping };
  return { state: { ...state, shown: judgement, since: now, penalty, isFlapping }, transition };
}

/** A flapping path is believed again once it has been quiet for long enough. */
function calmed(state: SettledVerdict): SettledVerdict {
  return state.isFlapping && state.penalty <= reuseAt ? { ...state, isFlapping: false } : state;
}
