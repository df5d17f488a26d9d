/**
 * All paths and targets of a plan without an object for each: pairs of nodes point at the rows that are asked
 * of them, and ids are counted. A thousand nodes with twenty flows have twenty million paths; this takes 12 bytes
 * a pair.
 */
import { localhostOf } from "./addresses.ts";
import type { ClusterNode } from "./cluster-file.ts";
import { loopbackAddress } from "./link.ts";
import type { NodeKind, PairRows, PairRowsBuilder, PathRow, TargetRow } from "./pair-rows.ts";

/** From one node to one address of another, over one protocol. */
export interface Target extends Omit<TargetRow, "address"> {
  /** Position in the plan: how results refer to it. */
  id: number;
  from: number;
  to: number;
  address: string;
}

/** What a verdict is about: one flow between two nodes. */
export interface Path extends PathRow {
  /** Position in the plan. */
  id: number;
  from: number;
  to: number;
  /** Ids of the targets whose probes prove it, one for each address of the far node. */
  targets: readonly number[];
}

export class PairTable {
  readonly #nodes: readonly ClusterNode[];
  readonly #rows: PairRows[] = [];
  /** By pair, `from * nodes + to`: a position in the rows. */
  readonly #rowsOf: Uint32Array;
  /** By pair: the first id, and behind the last pair the number of all. */
  readonly #firstPath: Uint32Array;
  readonly #firstTarget: Uint32Array;

  constructor(nodes: readonly ClusterNode[], kinds: readonly NodeKind[], builder: PairRowsBuilder) {
    this.#nodes = nodes;
    const count = nodes.length;
    this.#rowsOf = new Uint32Array(count * count);
    this.#firstPath = new Uint32Array(count * count + 1);
    this.#firstTarget = new Uint32Array(count * count + 1);
    this.#assign(kinds, builder);
    for (let pair = 0; pair < count * count; pair++) {
      const { paths, targets } = this.#rows[this.#rowsOf[pair]!]!;
      this.#firstPath[pair + 1] = this.#firstPath[pair]! + paths.length;
      this.#firstTarget[pair + 1] = this.#firstTarget[pair]! + targets.length;
    }
  }

  get pathCount(): number {
    return this.#firstPath.at(-1)!;
  }

  get targetCount(): number {
    return this.#firstTarget.at(-1)!;
  }

  /** The rows of all pairs, each once. */
  get distinctRows(): readonly PairRows[] {
    return this.#rows;
  }

  rows(from: number, to: number): PairRows {
    return this.#rows[this.#rowsOf[this.#pair(from, to)]!]!;
  }

  /** By pair: which of the distinct rows it has, as the bytes of 32-bit numbers of this machine. */
  get rowsOfPairs(): Uint8Array {
    return new Uint8Array(this.#rowsOf.buffer);
  }

  /** The id of the first path of a pair; the others follow in the order of its rows. */
  firstPath(from: number, to: number): number {
    return this.#firstPath[this.#pair(from, to)]!;
  }

  firstTarget(from: number, to: number): number {
    return this.#firstTarget[this.#pair(from, to)]!;
  }

  /** The paths of one source have ids that follow each other: from the first to before the second. */
  pathsFrom(from: number): [start: number, end: number] {
    return [this.#firstPath[this.#pair(from, 0)]!, this.#firstPath[this.#pair(from + 1, 0)]!];
  }

  targetsFrom(from: number): [start: number, end: number] {
    return [this.#firstTarget[this.#pair(from, 0)]!, this.#firstTarget[this.#pair(from + 1, 0)]!];
  }

  /** Undefined where there is no such id. */
  path(id: number): Path | undefined {
    const pair = pairOf(this.#firstPath, id);
    if (pair === undefined) return undefined;
    const [from, to] = this.#ends(pair);
    const row = this.rows(from, to).paths[id - this.#firstPath[pair]!]!;
    const first = this.#firstTarget[pair]!;
    return { ...row, id, from, to, targets: row.targets.map((position) => first + position) };
  }

  target(id: number): Target | undefined {
    const pair = pairOf(this.#firstTarget, id);
    if (pair === undefined) return undefined;
    const [from, to] = this.#ends(pair);
    const { address, ...row } = this.rows(from, to).targets[id - this.#firstTarget[pair]!]!;
    return { ...row, id, from, to, address: addressAt(this.#nodes[to]!, address) };
  }

  *paths(): Generator<Path> {
    for (let id = 0; id < this.pathCount; id++) yield this.path(id)!;
  }

  *targets(): Generator<Target> {
    for (let id = 0; id < this.targetCount; id++) yield this.target(id)!;
  }

  #assign(kinds: readonly NodeKind[], builder: PairRowsBuilder): void {
    const add = (rows: PairRows): number => this.#rows.push(rows) - 1;
    for (const from of kinds) {
      for (const to of kinds) {
        // Of a kind with one node there is no pair of two.
        if (from === to && from.nodes.length === 1) continue;
        const position = add(builder.between(from, to, false));
        for (const a of from.nodes) for (const b of to.nodes) this.#rowsOf[this.#pair(a, b)] = position;
      }
    }
    for (const kind of kinds) {
      const position = add(builder.between(kind, kind, true));
      for (const node of kind.nodes) this.#rowsOf[this.#pair(node, node)] = position;
    }
  }

  #pair(from: number, to: number): number {
    return from * this.#nodes.length + to;
  }

  #ends(pair: number): [from: number, to: number] {
    const to = pair % this.#nodes.length;
    return [(pair - to) / this.#nodes.length, to];
  }
}

/** The address at a position, as `TargetRow` and the messages to agents name it. */
export function addressAt({ addresses }: Pick<ClusterNode, "addresses">, index: number): string {
  return index === loopbackAddress ? localhostOf(addresses[0]!) : addresses[index]!;
}

/** The pair whose ids have this one among them: the last that does not begin behind it. */
function pairOf(first: Uint32Array, id: number): number | undefined {
  if (!(Number.isInteger(id) && id >= 0 && id < first.at(-1)!)) return undefined;
  let low = 0;
  let high = first.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (first[middle]! <= id) low = middle;
    else high = middle - 1;
  }
  return low;
}
