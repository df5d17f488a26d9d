/** Sets of positions as text: `0-11,15`. As ports are written, but from 0 and without their upper end. */

/** Of numbers in rising order. */
export function formatRanges(positions: Iterable<number>): string {
  const runs: [first: number, last: number][] = [];
  for (const position of positions) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] + 1 === position) run[1] = position;
    else runs.push([position, position]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** Undefined where the text is none of that, does not rise, or names a position that is not below `end`. */
export function readRanges(text: string, end: number): number[] | undefined {
  if (text === "") return [];
  const positions: number[] = [];
  for (const part of text.split(",")) {
    const match = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last >= end || first <= (positions.at(-1) ?? -1)) return undefined;
    for (let position = first; position <= last; position++) positions.push(position);
  }
  return positions;
}
