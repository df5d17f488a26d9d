/**
 * What is shown of every path of a watched cluster, a byte a path, with the counts that people and Prometheus ask
 * for kept beside it: nobody has to walk through millions of paths to know how many fail.
 */
import { codeOf, reasonCodes } from "../../shared/api.ts";
import { verdictOf, verdicts, type Reason, type Verdict } from "../../shared/names.ts";
import type { PathRow } from "../../shared/pair-rows.ts";
import type { Plan } from "../../shared/plan.ts";
import { groupsOf } from "./groups.ts";

/** By position in `verdicts`. */
export type VerdictCounts = Uint32Array;

const verdictCount = verdicts.length;
const verdictPositions = Uint8Array.from([
  0,
  ...reasonCodes.map((reason) => verdicts.indexOf(verdictOf(reason))),
]);
const staleCode = codeOf("stale");

/** One flow between two groups of nodes. */
export interface GroupCounts {
  row: PathRow;
  from: string;
  to: string;
  counts: VerdictCounts;
}

interface RowCounts {
  row: PathRow;
  /** By far node, then verdict: who else reaches the same ports? */
  atFarEnd: Uint32Array;
  /** By group of the near end and of the far end. */
  groups: (VerdictCounts | undefined)[];
}

export class LiveMatrix {
  readonly plan: Plan;
  /** Names of the groups, and the group of each node. */
  readonly groups: readonly string[];
  readonly groupOf: Uint16Array;
  readonly #codes: Uint8Array;
  readonly #total = new Uint32Array(verdictCount);
  readonly #reasons = new Uint32Array(reasonCodes.length + 1);
  /** By node and verdict. */
  readonly #out: Uint32Array;
  readonly #in: Uint32Array;
  /** By rank. */
  readonly #rows: (RowCounts | undefined)[] = [];
  readonly #stale: Uint8Array;

  /** `codes` are those of an earlier moment, of endpoints behind those of paths; without them nothing was ever probed. All is stale until it is swept. */
  constructor(plan: Plan, codes?: Uint8Array) {
    this.plan = plan;
    const { names, groupOf } = groupsOf(plan.nodes);
    this.groups = names;
    this.groupOf = groupOf;
    this.#codes = new Uint8Array(plan.pairs.pathCount);
    if (codes === undefined) this.#codes.fill(codeOf("never-probed"));
    else this.#codes.set(codes.subarray(0, this.#codes.length));
    this.#out = new Uint32Array(plan.nodes.length * verdictCount);
    this.#in = new Uint32Array(plan.nodes.length * verdictCount);
    this.#stale = new Uint8Array(plan.nodes.length).fill(codes === undefined ? 0 : 1);
    for (const from of plan.nodes.keys()) this.#countSource(from, 1);
  }

  /** What is believed of each path, whether it is stale or not; not to be written to. */
  get codes(): Uint8Array {
    return this.#codes;
  }

  /** What is shown. */
  code(from: number, path: number): number {
    return this.#stale[from] === 1 ? staleCode : this.#codes[path]!;
  }

  set(from: number, to: number, row: PathRow, path: number, code: number): void {
    const before = this.code(from, path);
    this.#codes[path] = code;
    const after = this.code(from, path);
    if (before === after) return;
    this.#count(from, to, row, before, -1);
    this.#count(from, to, row, after, 1);
  }

  isStale(from: number): boolean {
    return this.#stale[from] === 1;
  }

  setStale(from: number, isStale: boolean): void {
    if (this.isStale(from) === isStale) return;
    this.#countSource(from, -1);
    this.#stale[from] = Number(isStale);
    this.#countSource(from, 1);
  }

  get total(): VerdictCounts {
    return this.#total;
  }

  /** How many paths have each reason, by its code. */
  get byReason(): Uint32Array {
    return this.#reasons;
  }

  outOf(node: number): VerdictCounts {
    return this.#out.subarray(node * verdictCount, (node + 1) * verdictCount);
  }

  into(node: number): VerdictCounts {
    return this.#in.subarray(node * verdictCount, (node + 1) * verdictCount);
  }

  /** How everybody's paths to the ports of one row at one node stand. */
  atFarEnd(to: number, row: PathRow): VerdictCounts {
    return this.#countsOf(row).atFarEnd.subarray(to * verdictCount, (to + 1) * verdictCount);
  }

  *byGroup(): Generator<GroupCounts> {
    // Ranks without a path, and groups without one, are holes.
    for (const counts of this.#rows) {
      if (counts === undefined) continue;
      for (const [position, found] of counts.groups.entries()) {
        if (found === undefined) continue;
        const to = position % this.groups.length;
        const from = (position - to) / this.groups.length;
        yield { row: counts.row, from: this.groups[from]!, to: this.groups[to]!, counts: found };
      }
    }
  }

  /** The worst of each pair as bytes, row after row; 0 where there is no path. `isWanted` chooses the flows. */
  worst(isWanted: (row: PathRow) => boolean = () => true): Uint8Array {
    const { nodes, pairs } = this.plan;
    const cells = new Uint8Array(nodes.length * nodes.length);
    const wanted = new Map(
      pairs.distinctRows.map(({ paths }) => [
        paths,
        paths.flatMap((row, index) => (isWanted(row) ? [index] : [])),
      ]),
    );
    for (const from of nodes.keys()) {
      for (const to of nodes.keys()) {
        const first = pairs.firstPath(from, to);
        let worst = 0;
        for (const index of wanted.get(pairs.rows(from, to).paths)!)
          worst = worseCode(worst, this.code(from, first + index));
        cells[from * nodes.length + to] = worst;
      }
    }
    return cells;
  }

  #countSource(from: number, by: 1 | -1): void {
    const { nodes, pairs } = this.plan;
    for (const to of nodes.keys()) {
      const first = pairs.firstPath(from, to);
      for (const [index, row] of pairs.rows(from, to).paths.entries())
        this.#count(from, to, row, this.code(from, first + index), by);
    }
  }

  #count(from: number, to: number, row: PathRow, code: number, by: 1 | -1): void {
    const verdict = verdictPositions[code]!;
    this.#total[verdict]! += by;
    this.#reasons[code]! += by;
    this.#out[from * verdictCount + verdict]! += by;
    this.#in[to * verdictCount + verdict]! += by;
    const counts = this.#countsOf(row);
    counts.atFarEnd[to * verdictCount + verdict]! += by;
    const group = this.groupOf[from]! * this.groups.length + this.groupOf[to]!;
    (counts.groups[group] ??= new Uint32Array(verdictCount))[verdict]! += by;
  }

  #countsOf(row: PathRow): RowCounts {
    return (this.#rows[row.rank] ??= {
      row,
      atFarEnd: new Uint32Array(this.plan.nodes.length * verdictCount),
      groups: [],
    });
  }
}

/** Of two codes; 0, where there is no path, is better than any. */
export function worseCode(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return verdictPositions[b]! > verdictPositions[a]! ? b : a;
}

export function reasonOfCode(code: number): Reason {
  return reasonCodes[code - 1]!;
}

export function verdictOfCode(code: number): Verdict {
  return verdicts[verdictPositions[code]!]!;
}
