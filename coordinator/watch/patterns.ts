/** The patterns of a matrix: what `findingsOf` needs of it, and the nodes whose agents say nothing. */
import type { AgentState, Finding } from "../../shared/api.ts";
import { findingsOf, type FailingPath } from "../../shared/findings.ts";
import { verdicts } from "../../shared/names.ts";
import type { PathRow } from "../../shared/pair-rows.ts";
import { formatPorts } from "../../shared/ports.ts";
import { verdictOfCode, type LiveMatrix, type VerdictCounts } from "./live-matrix.ts";

const failing = verdicts.indexOf("fail");
const unknown = verdicts.indexOf("unknown");
/** Of more paths no patterns are looked for, since it would keep the agents waiting. */
const mostFailing = 100_000;

export function patternsOf(matrix: LiveMatrix, agentState: (node: number) => AgentState): Finding[] {
  const silent = silentAgents(matrix, agentState);
  const all = matrix.total[failing]!;
  if (all === 0) return silent;
  const names = matrix.plan.nodes.map(({ name }) => name);
  if (all > mostFailing)
    return [
      ...silent,
      {
        kind: "port-everywhere",
        text: `${all} paths fail: more than patterns are looked for in`,
        explains: all,
        of: sum(matrix.total),
        from: names,
        to: names,
      },
    ];
  const rows: PathRow[] = [];
  const between = new Map<string, number>();
  for (const { row, from, to, counts } of matrix.byGroup()) {
    rows[row.rank] = row;
    between.set(`${from}\n${to}\n${row.rank}`, known(counts));
  }
  const found = findingsOf({
    nodes: names.map((name, index) => ({ name, group: matrix.groups[matrix.groupOf[index]!]! })),
    // Ranks without a path are holes, and nothing points at them.
    rows: rows.map(({ spec, flow, transport, ports }) => ({
      spec,
      flow,
      ports: `${transport}/${formatPorts(ports)}`,
    })),
    failing: failingPaths(matrix),
    into: (node, row) =>
      row === undefined ? known(matrix.into(node)) : known(matrix.atFarEnd(node, rows[row]!)),
    outOf: (node) => known(matrix.outOf(node)),
    between: (from, to, row) => between.get(`${from}\n${to}\n${row}`) ?? 0,
  });
  return [...silent, ...found];
}

function failingPaths(matrix: LiveMatrix): FailingPath[] {
  const { nodes, pairs } = matrix.plan;
  const found: FailingPath[] = [];
  for (const { index: from } of nodes) {
    if (matrix.outOf(from)[failing] === 0) continue;
    for (const { index: to } of nodes) {
      const first = pairs.firstPath(from, to);
      for (const [index, { rank }] of pairs.rows(from, to).paths.entries())
        if (verdictOfCode(matrix.code(from, first + index)) === "fail") found.push({ from, to, row: rank });
    }
  }
  return found;
}

const saying: Readonly<Partial<Record<AgentState, string>>> = {
  stale: "owes its sweeps",
  gone: "has lost the coordinator",
  missing: "has not joined",
};

function silentAgents({ plan }: LiveMatrix, agentState: (node: number) => AgentState): Finding[] {
  return plan.nodes.flatMap(({ name, index }): Finding[] => {
    const words = saying[agentState(index)];
    if (words === undefined) return [];
    const [start, end] = plan.pairs.pathsFrom(index);
    return [
      {
        kind: "agent",
        text: `the agent of ${name} ${words}: what it reaches is unknown`,
        explains: end - start,
        of: end - start,
        from: [name],
        to: plan.nodes.map((node) => node.name),
      },
    ];
  });
}

/** What nobody could look at neither makes a pattern nor breaks it. */
function known(counts: VerdictCounts): number {
  return sum(counts) - counts[unknown]!;
}

function sum(counts: VerdictCounts): number {
  return counts.reduce((a, b) => a + b, 0);
}
