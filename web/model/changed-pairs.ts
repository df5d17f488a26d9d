/** What differs between two moments, pair by pair. */
import type { MatrixNode } from "./axis.ts";
import { lookOf, reasonOf, severityOf, words, type Look } from "./looks.ts";
import type { Cells } from "./slot-cells.ts";

interface OneMoment {
  nodes: readonly MatrixNode[];
  cells: Cells;
}

export interface ChangedPair {
  from: string;
  to: string;
  before: Look;
  after: Look;
  /** The reason now, or that there is no path any more. */
  says: string;
}

export interface ChangedPairs {
  worse: ChangedPair[];
  better: ChangedPair[];
  /** As bad as before, but for another reason. */
  otherwise: ChangedPair[];
  /** Nodes that are only in one of the two plans. */
  added: string[];
  removed: string[];
}

export function changedPairs(before: OneMoment, after: OneMoment): ChangedPairs {
  const found: ChangedPairs = { worse: [], better: [], otherwise: [], added: [], removed: [] };
  const positions = new Map(before.nodes.map(({ name }, position) => [name, position]));
  const names = new Set(after.nodes.map(({ name }) => name));
  found.removed = before.nodes.map(({ name }) => name).filter((name) => !names.has(name));
  const earlier = Int32Array.from(after.nodes, ({ name }) => positions.get(name) ?? -1);
  for (const [from, { name }] of after.nodes.entries()) {
    if (earlier[from]! < 0) {
      found.added.push(name);
      continue;
    }
    for (const [to, far] of after.nodes.entries()) {
      if (earlier[to]! < 0) continue;
      const then = before.cells.codes[earlier[from]! * before.cells.size + earlier[to]!]!;
      const now = after.cells.codes[from * after.cells.size + to]!;
      if (then === now) continue;
      const pair = {
        from: name,
        to: far.name,
        before: lookOf(then),
        after: lookOf(now),
        says: reasonOf(now) ?? words.none,
      };
      const by = severityOf[now]! - severityOf[then]!;
      found[by > 0 ? "worse" : by < 0 ? "better" : "otherwise"].push(pair);
    }
  }
  return found;
}
