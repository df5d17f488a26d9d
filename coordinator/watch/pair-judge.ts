/**
 * Judges all paths from one node to another by what the near end told. What is the same as for another pair, or
 * as it was, is not worked out again: a thousand nodes tell of twenty million ports every half a minute.
 */
import type { Judgement } from "../../shared/judge.ts";
import type { PairRows } from "../../shared/pair-rows.ts";
import type { Plan } from "../../shared/plan.ts";
import type { ReportPath } from "../../shared/report.ts";
import type { Attendance } from "../attendance.ts";
import { reportPath } from "../path-findings.ts";
import type { SweptSource } from "./swept-source.ts";

/** Judgements that are remembered. */
const maxMemo = 50_000;
export class PairJudge {
  readonly #plan: Plan;
  readonly #attendance: Attendance;
  readonly #memo = new Map<string, readonly Judgement[]>();
  readonly #rowsIds = new Map<PairRows, number>();
  /** By far node: how often what it holds, or its agent, has changed. */
  readonly #farVersion: Uint32Array;

  constructor(plan: Plan, attendance: Attendance) {
    this.#plan = plan;
    this.#attendance = attendance;
    this.#farVersion = new Uint32Array(plan.nodes.length);
  }

  /** What a node holds, or whether its agent is there, has changed: judgements of its ports may be others now. */
  changed(node: number): void {
    this.#farVersion[node]! += 1;
  }

  version(node: number): number {
    return this.#farVersion[node]!;
  }

  /** In the order of the rows of the pair. */
  judge(source: SweptSource, to: number): readonly Judgement[] {
    const rows = this.#plan.pairs.rows(source.node, to);
    const what = `${source.signature(to)}\n${source.circumstances(to)}`;
    const isThere = this.#attendance.member(source.node) !== undefined;
    const key = `${to} ${this.#farVersion[to]} ${this.#rowsId(rows)} ${isThere} ${what}`;
    const known = this.#memo.get(key);
    if (known !== undefined) return known;
    const judged = rows.paths.map((_, index) => {
      const { verdict, reason } = this.path(source, to, index);
      return { verdict, reason };
    });
    if (this.#memo.size >= maxMemo) this.#memo.clear();
    this.#memo.set(key, judged);
    return judged;
  }

  /** One path with its evidence. */
  path(source: SweptSource, to: number, index: number): ReportPath {
    const { pairs } = this.#plan;
    const path = pairs.path(pairs.firstPath(source.node, to) + index)!;
    return reportPath(path, this.#plan, source, this.#attendance, this.#plan.phase === "runtime");
  }

  #rowsId(rows: PairRows): number {
    const known = this.#rowsIds.get(rows);
    if (known !== undefined) return known;
    this.#rowsIds.set(rows, this.#rowsIds.size);
    return this.#rowsIds.size - 1;
  }
}
