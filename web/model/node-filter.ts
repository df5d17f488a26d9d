/** Which nodes a pattern means: `n17`, `db-*`, several of them (`n1 n2`), and `db-* > web-*` for one direction. */
export interface NodeFilter {
  isFrom: (name: string) => boolean;
  isTo: (name: string) => boolean;
  /** Whether both ends have to match; otherwise one is enough. */
  isDirected: boolean;
}

export function nodeFilterOf(pattern: string | undefined): NodeFilter | undefined {
  if (pattern === undefined || pattern.trim() === "") return undefined;
  const [from, to] = pattern.split(/>|→/, 2);
  const isFrom = matcherOf(from!);
  if (to === undefined) return { isFrom, isTo: isFrom, isDirected: false };
  return { isFrom, isTo: matcherOf(to), isDirected: true };
}

export function matchesPair(filter: NodeFilter, from: string, to: string): boolean {
  return filter.isDirected ? filter.isFrom(from) && filter.isTo(to) : filter.isFrom(from) || filter.isTo(to);
}

/** Nothing means every node. */
function matcherOf(patterns: string): (name: string) => boolean {
  const wanted = patterns
    .split(/[\s,]+/)
    .filter((pattern) => pattern !== "")
    .map((pattern) => new RegExp(`^${pattern.split("*").map(escaped).join(".*")}$`, "iu"));
  return (name) => wanted.length === 0 || wanted.some((each) => each.test(name));
}

function escaped(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}
