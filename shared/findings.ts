/**
 * Patterns in a matrix, in words: a dead node is a cross in the picture, a closed port a thinner one, two zones that
 * do not reach each other a block. Each failing path is explained once, by the largest pattern that has it.
 */
import type { Finding } from "./api.ts";

/** One flow as the patterns name it. */
export interface FindingRow {
  spec: string;
  flow: string;
  /** `tcp/9042` */
  ports: string;
}

export interface FailingPath {
  from: number;
  to: number;
  /** Position in `rows`. */
  row: number;
}

export interface FindingSource {
  nodes: readonly { name: string; group: string }[];
  rows: readonly FindingRow[];
  failing: readonly FailingPath[];
  /** All paths that lead from or to a node, of one row or of all, but for those of which nothing is known; those that fail among them. */
  into: (node: number, row?: number) => number;
  outOf: (node: number) => number;
  /** The same of one row between two groups. */
  between: (fromGroup: string, toGroup: string, row: number) => number;
}

/** One pair alone is no pattern. */
const fewestPeers = 2;
const fewestAlike = 3;
const mostFindings = 50;
const mostPorts = 4;

export function findingsOf(source: FindingSource): Finding[] {
  let left = source.failing;
  const found: Finding[] = [];
  for (const pattern of [
    deadNodes,
    muteNodes,
    everywhere,
    closedPorts,
    groupPairs,
    manyToOne,
    oneToMany,
    pairs,
  ]) {
    const { findings, explained } = pattern(source, left);
    found.push(...findings);
    left = left.filter((path) => !explained.has(path));
  }
  return found.toSorted((a, b) => b.explains - a.explains).slice(0, mostFindings);
}

interface Explained {
  findings: Finding[];
  explained: Set<FailingPath>;
}
type Pattern = (source: FindingSource, failing: readonly FailingPath[]) => Explained;

/** Nobody reaches a node on anything. */
const deadNodes: Pattern = (source, failing) =>
  collected(
    Map.groupBy(failing, ({ to }) => to),
    (to, paths) => {
      const all = source.into(to);
      const peers = distinct(paths, "from");
      if (paths.length < all || peers.length < fewestPeers) return undefined;
      const name = source.nodes[to]!.name;
      return {
        kind: "node-down",
        text: `${name} is unreachable from all ${peers.length} peers on ${portCount(paths)}: node down?`,
        ...told(source, paths, all),
      };
    },
  );

/** A node reaches nobody on anything. */
const muteNodes: Pattern = (source, failing) =>
  collected(
    Map.groupBy(failing, ({ from }) => from),
    (from, paths) => {
      const all = source.outOf(from);
      const peers = distinct(paths, "to");
      if (paths.length < all || peers.length < fewestPeers) return undefined;
      return {
        kind: "node-egress",
        text: `${source.nodes[from]!.name} reaches none of its ${peers.length} peers: its own firewall, or its route?`,
        ...told(source, paths, all),
      };
    },
  );

/** A flow is closed at every node that has it. */
const everywhere: Pattern = (source, failing) =>
  collected(
    Map.groupBy(failing, ({ row }) => row),
    (row, paths) => {
      const all = source.nodes.reduce((sum, _node, to) => sum + source.into(to, row), 0);
      const targets = distinct(paths, "to");
      if (paths.length < all || targets.length < fewestPeers) return undefined;
      const { flow, ports } = source.rows[row]!;
      return {
        kind: "port-everywhere",
        text: `${ports} (${flow}) is blocked between all nodes: a filter on the port?`,
        ...told(source, paths, all),
      };
    },
  );

/** Nobody reaches a node on some of its ports. */
const closedPorts: Pattern = (source, failing) => {
  const whole = [...Map.groupBy(failing, ({ to, row }) => `${to} ${row}`).values()].filter((paths) => {
    const { to, row } = paths[0]!;
    return distinct(paths, "from").length >= fewestPeers && paths.length === source.into(to, row);
  });
  return collected(
    Map.groupBy(whole.flat(), ({ to }) => to),
    (to, paths) => {
      const peers = distinct(paths, "from");
      return {
        kind: "node-ingress",
        text: `${source.nodes[to]!.name} answers none of its ${peers.length} peers on ${portsText(source, paths)}: blocked at its host, or not listening?`,
        ...told(source, paths, paths.length),
      };
    },
  );
};

/** One group does not reach another on some ports. */
const groupPairs: Pattern = (source, failing) => {
  const groupOf = (node: number): string => source.nodes[node]!.group;
  const key = ({ from, to }: FailingPath): string => `${groupOf(from)}\n${groupOf(to)}`;
  const whole = [...Map.groupBy(failing, (path) => `${key(path)}\n${path.row}`).values()].filter((paths) => {
    const { from, to, row } = paths[0]!;
    return paths.length >= fewestPeers && paths.length === source.between(groupOf(from), groupOf(to), row);
  });
  return collected(Map.groupBy(whole.flat(), key), (_key, paths) => {
    const { from, to } = paths[0]!;
    return {
      kind: "zone-pair",
      text: `${groupOf(from)} does not reach ${groupOf(to)} on ${portsText(source, paths)}: a filter between them?`,
      ...told(source, paths, paths.length),
    };
  });
};

/** Several nodes do not reach one on the same ports, while others do. */
const manyToOne: Pattern = (source, failing) =>
  alike(source, failing, "to", (to, paths, peers) => ({
    kind: "node-ingress",
    text: `${source.nodes[to]!.name} is not reached by ${peers} of its peers on ${portsText(source, paths)}`,
  }));

/** One node does not reach several on the same ports. */
const oneToMany: Pattern = (source, failing) =>
  alike(source, failing, "from", (from, paths, peers) => ({
    kind: "node-egress",
    text: `${source.nodes[from]!.name} does not reach ${peers} of its peers on ${portsText(source, paths)}`,
  }));

/** Pairs that share an end, and fail on the same rows. */
function alike(
  source: FindingSource,
  failing: readonly FailingPath[],
  end: "from" | "to",
  tell: (node: number, paths: readonly FailingPath[], peers: number) => Pick<Finding, "kind" | "text">,
): Explained {
  const byPair = [...Map.groupBy(failing, ({ from, to }) => `${from} ${to}`).values()];
  const byEnd = Map.groupBy(byPair, (paths) => `${paths[0]![end]} ${distinct(paths, "row").join()}`);
  return collected(new Map([...byEnd].map(([key, some]) => [key, some.flat()])), (_key, paths) => {
    const peers = distinct(paths, end === "to" ? "from" : "to").length;
    if (peers < fewestAlike) return undefined;
    return { ...tell(paths[0]![end], paths, peers), ...told(source, paths, paths.length) };
  });
}

/** What is left, pair by pair. */
const pairs: Pattern = (source, failing) =>
  collected(
    Map.groupBy(failing, ({ from, to }) => `${from} ${to}`),
    (_key, paths) => {
      const { from, to } = paths[0]!;
      return {
        kind: "pair",
        text: `${source.nodes[from]!.name} does not reach ${source.nodes[to]!.name} on ${portsText(source, paths)}`,
        ...told(source, paths, paths.length),
      };
    },
  );

function collected<Key>(
  groups: Map<Key, FailingPath[]>,
  findingOf: (key: Key, paths: readonly FailingPath[]) => Finding | undefined,
): Explained {
  const findings: Finding[] = [];
  const explained = new Set<FailingPath>();
  for (const [key, paths] of groups) {
    const finding = findingOf(key, paths);
    if (finding === undefined) continue;
    findings.push(finding);
    for (const path of paths) explained.add(path);
  }
  return { findings, explained };
}

function told(
  { nodes, rows }: FindingSource,
  paths: readonly FailingPath[],
  of: number,
): Pick<Finding, "explains" | "of" | "from" | "to" | "spec" | "flow"> {
  const names = (end: "from" | "to"): string[] => distinct(paths, end).map((node) => nodes[node]!.name);
  const only = distinct(paths, "row").length === 1 ? rows[paths[0]!.row]! : undefined;
  return {
    explains: paths.length,
    of,
    from: names("from"),
    to: names("to"),
    ...(only === undefined ? {} : { spec: only.spec, flow: only.flow }),
  };
}

function distinct(paths: readonly FailingPath[], part: keyof FailingPath): number[] {
  return [...new Set(paths.map((path) => path[part]))].toSorted((a, b) => a - b);
}

function portCount(paths: readonly FailingPath[]): string {
  const { length } = distinct(paths, "row");
  return length === 1 ? "its only flow" : `all ${length} flows`;
}

function portsText({ rows }: FindingSource, paths: readonly FailingPath[]): string {
  const ports = [...new Set(distinct(paths, "row").map((row) => rows[row]!.ports))];
  const more = ports.length - mostPorts;
  return more > 0 ? `${ports.slice(0, mostPorts).join(", ")} and ${more} more` : ports.join(", ");
}
