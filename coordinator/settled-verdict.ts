/**
 * What is shown of a path that is probed again and again. A single bad probe is noise: a fail needs three in a
 * row, and more where everybody else finds the far end well. A path that keeps changing is held as flapping
 * instead of ringing an alarm each time (damping as RFC 2439 does it for routes). Pure; time by argument.
 */
import type { Judgement } from "../shared/judge.ts";
import { worse } from "../shared/names.ts";

export interface SettledVerdict {
  shown: Judgement;
  /** When the shown verdict began, in milliseconds of any clock. */
  since: number;
  /** What would be shown if the path did not flap. */
  believed: Judgement;
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

export const strikesNeeded: Readonly<Record<Confirmation, number>> = { confirmed: 3, unknown: 3, alone: 4 };
const changePenalty = 1_000;
/** About four changes in quick succession. */
const suppressAt = 3_000;
const reuseAt = 1_000;
const halfLifeMs = 5 * 60_000;
/** One change, four half-lives ago. */
const calmPenalty = changePenalty / 2 ** 4;
/** However often it changed: quiet for four half-lives is quiet enough. */
const maxPenalty = reuseAt * 2 ** 4;

const unproved: Judgement = { verdict: "unknown", reason: "never-probed" };

/** Before the first judgement. */
export function unsettled(now: number): SettledVerdict {
  return {
    shown: unproved,
    since: now,
    believed: unproved,
    suspected: undefined,
    penalty: 0,
    penaltyAt: now,
    isFlapping: false,
  };
}

/**
 * One more judgement of a path, which stands on so many looks, each of which saw the same. The transition is
 * what people are to be told, if anything.
 */
export function settle(
  state: SettledVerdict,
  judgement: Judgement,
  confirmation: Confirmation,
  now: number,
  looks = 1,
): { state: SettledVerdict; transition?: Transition } {
  const { believed } = state;
  // A clock that was set back makes nothing grow.
  const decayed = state.penalty * 0.5 ** (Math.max(0, now - state.penaltyAt) / halfLifeMs);
  const strikes = (state.suspected?.strikes ?? 0) + looks;
  const isNewFail = judgement.verdict === "fail" && believed.verdict !== "fail";
  if (isNewFail && strikes < strikesNeeded[confirmation])
    return show(state, { ...state, ...damping(state, decayed, now), suspected: { judgement, strikes } });
  // Another reason for the same verdict is worth showing and no alarm.
  const isChange = judgement.verdict !== believed.verdict && believed.reason !== unproved.reason;
  const penalty = isChange ? Math.min(maxPenalty, decayed + changePenalty) : decayed;
  const next = { ...state, ...damping(state, penalty, now), believed: judgement, suspected: undefined };
  return show(state, next);
}

/** Whether nothing of its past matters to what comes: it is as it was shown, and has not changed for long. */
export function isCalm(state: SettledVerdict): boolean {
  return isAsShown(state) && state.penalty < calmPenalty;
}

/** When a path that is judged the same from now on will be calm; at once where its next judgement matters. */
export function calmAt(state: SettledVerdict): number {
  const { penalty, penaltyAt } = state;
  if (!isAsShown(state) || penalty < calmPenalty) return penaltyAt;
  return penaltyAt + halfLifeMs * Math.log2(penalty / calmPenalty);
}

function isAsShown({ shown, believed, suspected, isFlapping }: SettledVerdict): boolean {
  return shown.reason === believed.reason && suspected === undefined && !isFlapping;
}

/** What is known of a calm path. */
export function calm(shown: Judgement, since: number, now: number): SettledVerdict {
  return {
    shown,
    since,
    believed: shown,
    suspected: undefined,
    penalty: 0,
    penaltyAt: now,
    isFlapping: false,
  };
}

/** A flapping path is believed again once it has been quiet for long enough. */
function damping(
  { isFlapping }: SettledVerdict,
  penalty: number,
  now: number,
): Pick<SettledVerdict, "penalty" | "penaltyAt" | "isFlapping"> {
  const isStill = isFlapping && penalty > reuseAt;
  return { penalty, penaltyAt: now, isFlapping: isStill || penalty >= suppressAt };
}

/** A path that comes and goes is no path to rely on: once it is told to flap, it is shown at its worst. */
function show(
  before: SettledVerdict,
  state: SettledVerdict,
): { state: SettledVerdict; transition?: Transition } {
  const { shown, believed, isFlapping, penaltyAt: now } = state;
  if (shown.verdict === believed.verdict) return { state: { ...state, shown: believed } };
  const isHeld = before.isFlapping && isFlapping;
  if (isHeld && worse(shown.verdict, believed.verdict) === shown.verdict) return { state };
  const transition = { from: shown, to: believed, at: now, isFlapping };
  return { state: { ...state, shown: believed, since: now }, transition };
}
