/**
 * Settles the paths of one judgement. Where half of a cluster fails at once, thousands of paths of a node have the same
 * past and the same new verdict: they share one record, which is worked out once.
 */
import type { Judgement } from "../../shared/judge.ts";
import { verdictOf } from "../../shared/names.ts";
import { calm, settle, type Confirmation, type SettledVerdict } from "../settled-verdict.ts";
import { reasonOfCode } from "./live-matrix.ts";

type Settled = ReturnType<typeof settle>;

/** Records that are remembered. */
const maxRecords = 1_000;

export class Settling {
  readonly #at: number;
  readonly #looks: number;
  /** By code, then since when. */
  readonly #calm = new Map<number, Map<number, SettledVerdict>>();
  readonly #settled = new Map<SettledVerdict, Map<string, Settled>>();
  #count = 0;

  constructor(at: number, looks: number) {
    this.#at = at;
    this.#looks = looks;
  }

  /** Whether it is one of that moment, and has room. */
  isOf(at: number, looks: number): boolean {
    return this.#at === at && this.#looks === looks && this.#count < maxRecords;
  }

  /** A path of which no more was known than how it is shown, and since when. */
  calm(code: number, since: number): SettledVerdict {
    let bySince = this.#calm.get(code);
    if (bySince === undefined) this.#calm.set(code, (bySince = new Map()));
    let state = bySince.get(since);
    if (state === undefined) {
      const reason = reasonOfCode(code);
      state = calm({ verdict: verdictOf(reason), reason }, since, this.#at);
      bySince.set(since, state);
      this.#count++;
    }
    return state;
  }

  settle(before: SettledVerdict, judgement: Judgement, confirmation: Confirmation): Settled {
    let known = this.#settled.get(before);
    if (known === undefined) this.#settled.set(before, (known = new Map()));
    const key = `${judgement.reason} ${confirmation}`;
    let settled = known.get(key);
    if (settled === undefined) {
      settled = settle(before, judgement, confirmation, this.#at, this.#looks);
      known.set(key, settled);
      this.#count++;
    }
    return settled;
  }
}
