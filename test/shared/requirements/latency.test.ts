/** What is made of the round trips that were measured between nodes. */
import t from "tap";
import type { ReportPath } from "../../../shared/report.ts";
import { latency } from "../../../shared/requirements/latency.ts";
import { contextOf, plannedOf, requirementOf } from "../../helpers/measured-fixtures.ts";

const row = requirementOf("latency", { toward: ["peer"], expected: "low; no figure is given" });
const path = (from: string, to: string, rttMs: number | null, quietMs?: number): ReportPath =>
  ({
    from,
    to,
    rttMs,
    evidence: {
      source: quietMs === undefined ? {} : { quality: { sent: 10, lost: 0, rttMs: quietMs } },
      target: { agent: "alive" },
    },
  }) as ReportPath;
const paths = [
  path("n1", "n2", 9, 0.4),
  path("n1", "n2", 0.5),
  path("n1", "n2", 0.6),
  path("n2", "n1", 7),
  path("n3", "n1", null),
];
const thresholds = { ...contextOf().thresholds, rttMs: 5 };

t.test("a pair is judged by the median of its paths, against the user's threshold", (t) => {
  const findings = latency.judge(plannedOf(row, [0, 1], [0, 1, 2]), contextOf({ paths, thresholds }));
  const expected = "low; no figure is given; at most 5.0 ms by thresholds.rtt";
  t.match(findings, [
    { reason: "never-probed", node: "n1", toward: "n3", expected },
    { reason: "never-probed", node: "n2", toward: "n3" },
    { verdict: "warn", reason: "slow", node: "n2", toward: "n1", expected, actual: "7.0 ms" },
    { reason: "met", expected, actual: "0.5 ms from n1 to n2" },
  ]);
  t.end();
});

t.test("without a figure and a threshold people are told what was measured", (t) => {
  const stated = latency.judge(plannedOf(row, [0, 1], [0, 1]), contextOf({ paths }));
  t.match(stated, {
    stated:
      /no figure.*no thresholds\.rtt; 7\.0 ms is the slowest of 2 pairs, from n2 to n1, and 0\.5 ms the median/,
  });
  t.match(latency.judge(plannedOf(row, [0, 1], [0, 1]), contextOf()), { stated: /nothing was measured/ });
  t.match(latency.judge(plannedOf(row, [0], [0]), contextOf({ paths })), { stated: /no pair/ });
  t.end();
});

t.test("a figure of the document counts before the user's", (t) => {
  const figured = { ...row, expected: "under 10 ms", minimum: { value: 10, unit: "ms" } };
  const findings = latency.judge(plannedOf(figured, [0, 1], [0, 1]), contextOf({ paths, thresholds }));
  t.match(findings, [{ reason: "met", expected: "under 10 ms, read as at most 10 ms" }]);
  const odd = { ...row, minimum: { value: 10, unit: "jiffies" } };
  t.match(latency.judge(plannedOf(odd, [0, 1], [0, 1]), contextOf({ paths })), {
    stated: /jiffies is no unit of time/,
  });
  t.match(latency.how(row), { how: "measured" });
  t.end();
});
