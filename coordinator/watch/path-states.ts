/**
 * How every path of one plan stands and how it came to that. Nearly all paths are calm: of those a byte is kept.
 * What is suspected, flaps or changed lately has a record of its own.
 */
import { codeOf } from "../../shared/api.ts";
import type { Judgement } from "../../shared/judge.ts";
import { verdicts } from "../../shared/names.ts";
import type { PathRow } from "../../shared/pair-rows.ts";
import type { Plan } from "../../shared/plan.ts";
import {
  calmAt,
  isCalm,
  strikesNeeded,
  type Confirmation,
  type SettledVerdict,
  type Transition,
} from "../settled-verdict.ts";
import { LiveMatrix, verdictOfCode } from "./live-matrix.ts";
import { PathMap, PathTimes } from "./path-map.ts";
import { Settling } from "./settling.ts";

/** Which path of which pair. */
export interface PathPlace {
  from: number;
  to: number;
  row: PathRow;
  id: number;
}

export interface PathHistory {
  /** Of paths between nodes, and then of endpoints. */
  codes: Uint8Array;
  /** For the paths of which it is known, in milliseconds. */
  since: ReadonlyMap<number, number>;
}

const passing = verdicts.indexOf("pass");
const warning = verdicts.indexOf("warn");
const failing = verdicts.indexOf("fail");

export class PathStates {
  readonly plan: Plan;
  readonly matrix: LiveMatrix;
  readonly #restless = new PathMap<SettledVerdict>();
  readonly #since = new PathTimes();
  #settling = new Settling(0, 0);
  readonly #beganAt: number;

  constructor(plan: Plan, beganAt: number, past?: PathHistory) {
    this.plan = plan;
    this.matrix = new LiveMatrix(plan, past?.codes);
    for (const [path, since] of past?.since ?? []) this.#since.set(path, since);
    this.#beganAt = beganAt;
  }

  /** Since when the shown verdict is what it is, in milliseconds. */
  since(path: number): number {
    return this.#since.get(path) ?? this.#beganAt;
  }

  /** Since when, of paths that do not pass. Of a storm of failures only so many. */
  *troubled(most: number): Generator<[path: number, since: number]> {
    let count = 0;
    for (const [path, since] of this.#since) {
      if (verdictOfCode(this.matrix.codes[path]!) === "pass") continue;
      if (count++ >= most) return;
      yield [path, since];
    }
  }

  isFlapping(path: number): boolean {
    return this.#restless.get(path)?.isFlapping === true;
  }

  /** The ids of the paths that flap. */
  *flapping(): Generator<number> {
    for (const [path, { isFlapping }] of this.#restless) if (isFlapping) yield path;
  }

  /**
   * When a path is to be judged again although nothing else is told of it, in milliseconds: what is suspected or flaps at
   * once, what changed lately when that may be forgotten. Undefined where its past does not matter.
   */
  judgeAgainAt(path: number): number | undefined {
    const state = this.#restless.get(path);
    return state === undefined ? undefined : calmAt(state);
  }

  /** How many more looks must fail before a path that is suspected is believed to fail; 0 where it is not suspected. */
  looksWanted(place: PathPlace): number {
    const strikes = this.#restless.get(place.id)?.suspected?.strikes;
    return strikes === undefined ? 0 : Math.max(1, strikesNeeded[this.#confirmation(place)] - strikes);
  }

  /** One more judgement of a path, which stands on so many looks. */
  judge(place: PathPlace, judgement: Judgement, at: number, looks: number): Transition | undefined {
    const { id, from, to, row } = place;
    const code = this.matrix.codes[id]!;
    const known = this.#restless.get(id);
    if (known === undefined && code === codeOf(judgement.reason)) return undefined;
    if (!this.#settling.isOf(at, looks)) this.#settling = new Settling(at, looks);
    const before = known ?? this.#settling.calm(code, this.since(id));
    const { state, transition } = this.#settling.settle(before, judgement, this.#confirmation(place));
    this.matrix.set(from, to, row, id, codeOf(state.shown.reason));
    const wasTold = this.#since.get(id) !== undefined;
    const isNews =
      transition !== undefined &&
      !(transition.from.verdict === "unknown" && transition.to.verdict === "pass");
    if (state.since !== before.since && (wasTold || isNews)) this.#since.set(id, state.since);
    if (isCalm(state)) this.#restless.delete(id);
    else this.#restless.set(id, state);
    // That a path works which never did anything else is no news: it was not probed before, or nobody was there.
    const isFirst = !wasTold && transition?.from.verdict === "unknown" && transition.to.verdict === "pass";
    return isFirst ? undefined : transition;
  }

  /** Who else knows the far end: the far end itself on its way back, and other nodes on theirs. */
  #confirmation({ from, to, row, id }: PathPlace): Confirmation {
    const others = this.matrix.atFarEnd(to, row);
    const own = verdictOfCode(this.matrix.code(from, id));
    if (others[failing]! > Number(own === "fail")) return "confirmed";
    let areWell = others[passing]! + others[warning]! > Number(own === "pass" || own === "warn");
    const { pairs } = this.plan;
    const first = pairs.firstPath(to, from);
    for (let index = pairs.rows(to, from).paths.length; index-- > 0;) {
      const verdict = verdictOfCode(this.matrix.code(to, first + index));
      if (verdict === "fail") return "confirmed";
      areWell ||= verdict !== "unknown";
    }
    return areWell ? "alone" : "unknown";
  }
}
