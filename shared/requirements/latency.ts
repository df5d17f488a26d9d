/** Round trips between nodes. Documents rarely give a figure; then the cluster file's threshold is the one. */
import { formatDuration, parseDuration } from "../duration.ts";
import { median } from "../median.ts";
import type { ReportPath } from "../report.ts";
import type { Requirement } from "../spec.ts";
import { met, unknownYet, type RequirementCheck, type RequirementFinding } from "./requirement-check.ts";

interface PairRtt {
  from: string;
  to: string;
  rttMs: number;
}

const source = "the median of the round trips of the proofs between them";

export const latency: RequirementCheck = {
  how: () => ({ how: "measured", text: "by the round trips of the proofs between each pair of nodes" }),
  restsOnPaths: () => true,
  judge({ row, on, toward }, { nodes, paths, thresholds }) {
    const pairs = on.flatMap((from) =>
      toward.filter((to) => to !== from).map((to) => ({ from: nodes[from]!, to: nodes[to]! })),
    );
    if (pairs.length === 0) return { stated: "no two nodes have its roles, so there is no pair to measure" };
    const measured = rttByPair(paths);
    const known = pairs.flatMap(({ from, to }): PairRtt[] => {
      const rttMs = measured.get(pairKey(from.name, to.name));
      return rttMs === undefined ? [] : [{ from: from.name, to: to.name, rttMs }];
    });
    const mostMs = row.minimum === undefined ? thresholds.rttMs : durationOf(row.minimum);
    if (mostMs === undefined) {
      const why =
        row.minimum === undefined
          ? "the document gives no figure to measure against, and the cluster file sets no thresholds.rtt"
          : `${row.minimum.unit} is no unit of time that is known`;
      return { stated: `${why}; ${summary(known)}` };
    }
    const expected =
      row.minimum === undefined
        ? `${row.expected}; at most ${formatDuration(mostMs)} by thresholds.rtt`
        : `${row.expected}, read as at most ${formatDuration(mostMs)}`;
    const findings = pairs
      .filter(({ from, to }) => !measured.has(pairKey(from.name, to.name)))
      .map(({ from, to }): RequirementFinding => ({
        ...unknownYet(from, expected, "never-probed", "no proof was answered"),
        toward: to.name,
      }));
    for (const { from, to, rttMs } of known)
      if (rttMs > mostMs)
        findings.push({
          verdict: "warn",
          reason: "slow",
          node: from,
          toward: to,
          expected,
          actual: formatDuration(rttMs),
          from: source,
        });
    const good = known.filter(({ rttMs }) => rttMs <= mostMs);
    return good.length === 0
      ? findings
      : [...findings, met({ expected, actual: summary(good), from: source })];
  },
};

function pairKey(from: string, to: string): string {
  return `${from} ${to}`;
}

/** Of each pair the median of its paths; what was measured in quiet counts before what probes saw in passing. */
function rttByPair(paths: readonly ReportPath[]): Map<string, number> {
  const byPair = Map.groupBy(paths, ({ from, to }) => pairKey(from, to));
  return new Map(
    Array.from(byPair, ([pair, list]): [string, number | undefined] => [
      pair,
      median(list.flatMap(({ rttMs, evidence }) => evidence.source.quality?.rttMs ?? rttMs ?? [])),
    ]).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

function summary(known: readonly PairRtt[]): string {
  if (known.length === 0) return "nothing was measured";
  const slowest = known.reduce((a, b) => (b.rttMs > a.rttMs ? b : a));
  const which = `${slowest.from} to ${slowest.to}`;
  return known.length === 1
    ? `${formatDuration(slowest.rttMs)} from ${which}`
    : `${formatDuration(slowest.rttMs)} is the slowest of ${known.length} pairs, from ${which}, and ${formatDuration(median(known.map(({ rttMs }) => rttMs))!)} the median`;
}

/** Undefined where the unit is none of a duration. */
function durationOf({ value, unit }: NonNullable<Requirement["minimum"]>): number | undefined {
  return parseDuration(`${value}${unit}`);
}
