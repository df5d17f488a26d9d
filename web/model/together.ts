/** Pairs that can be told in one line: several to one node, or from one node to several. */

interface Ends {
  from: string;
  to: string;
}

export interface Together<Pair extends Ends> {
  /** The node, or how many of them: `22 nodes`. */
  from: string;
  to: string;
  pairs: readonly Pair[];
}

const fewest = 3;

export function together<Pair extends Ends>(pairs: readonly Pair[]): Together<Pair>[] {
  const byFar = [...Map.groupBy(pairs, ({ to }) => to).values()];
  const rest = byFar.filter((some) => some.length < fewest).flat();
  const byNear = [...Map.groupBy(rest, ({ from }) => from).values()];
  return [...byFar.filter((some) => some.length >= fewest), ...byNear.flatMap(apartIfFew)].map((some) => ({
    from: endOf(some.map(({ from }) => from)),
    to: endOf(some.map(({ to }) => to)),
    pairs: some,
  }));
}

function apartIfFew<Pair>(some: Pair[]): Pair[][] {
  return some.length >= fewest ? [some] : some.map((each) => [each]);
}

function endOf(names: readonly string[]): string {
  const distinct = new Set(names);
  return distinct.size === 1 ? names[0]! : `${distinct.size} nodes`;
}
