/** Long lists by what they are about: which groups are worst, and how many of each are so. */
import { verdicts, type Verdict } from "../../shared/names.ts";

export interface Group<Item> {
  key: string;
  /** Worst first. */
  items: Item[];
  worst: Verdict;
  /** How many have the worst verdict. */
  count: number;
}

/** Worst groups first, else in the order in which they come. */
export function grouped<Item extends { verdict: Verdict }>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): Group<Item>[] {
  const rank = ({ verdict }: { verdict: Verdict }): number => verdicts.indexOf(verdict);
  const groups = Array.from(Map.groupBy(items, keyOf), ([key, some]): Group<Item> => {
    const sorted = some.toSorted((a, b) => rank(b) - rank(a));
    const worst = sorted[0]!.verdict;
    return { key, items: sorted, worst, count: sorted.filter(({ verdict }) => verdict === worst).length };
  });
  return groups.toSorted((a, b) => verdicts.indexOf(b.worst) - verdicts.indexOf(a.worst));
}
