/**
 * Sets of port numbers as sorted, disjoint intervals. A range of 2,768 ports stays two numbers all the
 * way from the spec to the report.
 */
/** Inclusive on both ends. */
export type PortInterval = readonly [first: number, last: number];
/** Sorted, disjoint and not adjacent. */
export type PortSet = readonly PortInterval[];

/** How ports are written in specs: `443`, `5701-5710`, `[389, 636, "8000-8010"]`. */
export type PortsText = number | string | readonly (number | string)[];

/** Parses ports as specs write them. Returns a sentence where the numbers make no sense. */
export function parsePorts(text: PortsText): PortSet | string {
  const intervals: PortInterval[] = [];
  for (const item of Array.isArray(text) ? text : [text as number | string]) {
    const [firstText, lastText] = String(item).split("-");
    const first = Number(firstText);
    const last = lastText === undefined ? first : Number(lastText);
    for (const port of [first, last]) {
      if (!Number.isInteger(port) || port < 1 || port > 65535) return `${item} is not within 1 to 65535`;
    }
    if (first > last) return `the range ${item} ends before it begins`;
    intervals.push([first, last]);
  }
  return normalise(intervals);
}

export function normalise(intervals: Iterable<PortInterval>): PortSet {
  const result: [number, number][] = [];
  for (const [first, last] of [...intervals].toSorted((a, b) => a[0] - b[0])) {
    const previous = result.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}

/** Collapses sorted or unsorted port numbers into intervals. */
export function portSetOf(ports: Iterable<number>): PortSet {
  return normalise(Array.from(ports, (port): PortInterval => [port, port]));
}

export function union(sets: Iterable<PortSet>): PortSet {
  return normalise(Array.from(sets).flat());
}

/** The ports of `set` that are not in `other`. */
export function subtract(set: PortSet, other: PortSet): PortSet {
  return other.reduce<PortSet>(
    (left, [first, last]) =>
      left.flatMap(([from, to]): PortInterval[] => {
        const parts: PortInterval[] = [
          [from, Math.min(to, first - 1)],
          [Math.max(from, last + 1), to],
        ];
        return to < first || from > last ? [[from, to]] : parts.filter(([a, b]) => a <= b);
      }),
    set,
  );
}

/** The ports that both sets have. */
export function intersection(set: PortSet, other: PortSet): PortSet {
  return subtract(set, subtract(set, other));
}

export function countPorts(set: PortSet): number {
  return set.reduce((count, [first, last]) => count + last - first + 1, 0);
}

export function* eachPort(set: PortSet): Generator<number> {
  for (const [first, last] of set) for (let port = first; port <= last; port++) yield port;
}

export function hasPort(set: PortSet, port: number): boolean {
  return set.some(([first, last]) => port >= first && port <= last);
}

/** `5701-5710,9042`: how ports are shown to people and written in reports. */
export function formatPorts(set: PortSet): string {
  return set.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** Reads what `formatPorts` wrote, the empty text included; undefined where it is none of that. */
export function readPorts(text: string): PortSet | undefined {
  const parsed = text === "" ? [] : parsePorts(text.split(","));
  return typeof parsed === "string" ? undefined : parsed;
}
