/** What the way between two nodes carries, or the way from a node to a server outside: measured, as TCP payload. */
import { formatRate, rateUnit } from "../data-rate.ts";
import { formatDuration } from "../duration.ts";
import type { Requirement } from "../spec.ts";
import {
  met,
  unknownYet,
  type BandwidthFigure,
  type PlannedRequirement,
  type RequirementCheck,
  type RequirementContext,
  type RequirementFinding,
  type Stated,
} from "./requirement-check.ts";

/**
 * A link's rate counts all that is on the wire. Of a full Ethernet frame (1,538 bytes with preamble and gap) TCP
 * delivers 1,448 over IPv4 and 1,428 over IPv6 (RFC 7323 timestamps on): 7 % less, and a little for acknowledgements.
 */
const payloadShare = 0.92;

/** The payload that must arrive where a link of this rate is asked for, in bits per second. */
function leastPayload(minimum: NonNullable<Requirement["minimum"]>): number | undefined {
  const unit = rateUnit(minimum.unit);
  return unit === undefined ? undefined : minimum.value * unit * payloadShare;
}

/** Node `from` sends to node `to`, by their positions in the plan. */
export interface BandwidthNeed {
  from: number;
  to: number;
  /** Payload that is enough for all rows, in bits per second. */
  least: number;
}

/** The directions between nodes that have to be measured, each once. */
export function bandwidthNeeds(requirements: readonly PlannedRequirement[]): BandwidthNeed[] {
  const needs = new Map<string, BandwidthNeed>();
  for (const planned of requirements) {
    const { kind, minimum, supplied, stated } = planned.row;
    if (kind !== "bandwidth" || supplied !== undefined || stated !== undefined) continue;
    const least = minimum === undefined ? 0 : (leastPayload(minimum) ?? 0);
    for (const { from, to } of pairsOf(planned)) {
      const key = `${from} ${to}`;
      needs.set(key, { from, to, least: Math.max(least, needs.get(key)?.least ?? 0) });
    }
  }
  return [...needs.values()];
}

export const bandwidth: RequirementCheck = {
  how: ({ supplied }) =>
    supplied === undefined
      ? { how: "measured", text: "each pair of nodes streams both ways over a port that answered" }
      : { how: "measured", text: `each node downloads from the URL in the option ${supplied.join(" or ")}` },
  hindrance: (_planned, { skip }) =>
    skip.includes("bandwidth")
      ? "measuring it fills the links for moments, and was left out of this check"
      : undefined,
  needs: (planned) => ({ downloads: planned.row.supplied === undefined ? [] : urlsOf(planned) }),
  judge(planned, context) {
    const { row } = planned;
    if (row.minimum === undefined) return { stated: "the document gives no figure to measure against" };
    const least = leastPayload(row.minimum);
    if (least === undefined) return { stated: `${row.minimum.unit} is no unit of a data rate that is known` };
    const expected = `${row.expected}, read as ${formatRate(row.minimum.value * rateUnit(row.minimum.unit)!)} of the link or ${formatRate(least)} of TCP payload`;
    return row.supplied === undefined
      ? judgePairs(planned, least, expected, context)
      : judgeDownloads(planned, least, expected, context);
  },
};

type Pair = { from: number; to: number };

function pairsOf({ on, toward }: Pick<PlannedRequirement, "on" | "toward">): Pair[] {
  return on.flatMap((from) => toward.filter((to) => to !== from).map((to) => ({ from, to })));
}

function judgePairs(
  planned: PlannedRequirement,
  least: number,
  expected: string,
  { nodes, bandwidth: figureOf }: RequirementContext,
): RequirementFinding[] | Stated {
  const pairs = pairsOf(planned);
  if (pairs.length === 0) return { stated: "no two nodes have its roles, so there is no pair to measure" };
  if (pairs.every(({ from, to }) => figureOf(from, to) === undefined))
    return [{ verdict: "unknown", reason: "never-probed", expected, actual: "not measured" }];
  const findings: RequirementFinding[] = [];
  const good: (Pair & { figure: BandwidthFigure })[] = [];
  for (const { from, to } of pairs) {
    const figure = figureOf(from, to);
    const toward = nodes[to]!.name;
    if (figure === undefined || typeof figure === "string")
      findings.push({
        ...unknownYet(nodes[from]!, expected, "never-probed", figure ?? "not measured"),
        toward,
      });
    else if (figure.bitsPerSecond >= least) good.push({ from, to, figure });
    else
      findings.push({
        ...tooLow(figure, expected),
        node: nodes[from]!.name,
        toward,
        remedy: `on both nodes look for the speed of the interface (ethtool) and for rate limits (tc qdisc), then measure alone: iperf3 -s on ${toward}, iperf3 -c ${nodes[to]!.addresses[0]} on ${nodes[from]!.name}`,
      });
  }
  if (good.length === 0) return findings;
  const lowest = good.reduce((a, b) => (b.figure.bitsPerSecond < a.figure.bitsPerSecond ? b : a));
  const which = `${nodes[lowest.from]!.name} to ${nodes[lowest.to]!.name}`;
  const actual =
    good.length === 1
      ? `${formatRate(lowest.figure.bitsPerSecond)} from ${which}`
      : `${formatRate(lowest.figure.bitsPerSecond)} is the lowest of ${good.length} pairs, from ${which}`;
  return [...findings, met({ expected, actual, from: sourceOf(lowest.figure) })];
}

function tooLow(figure: BandwidthFigure, expected: string): RequirementFinding {
  const rate = formatRate(figure.bitsPerSecond);
  const from = sourceOf(figure);
  return figure.impaired === undefined
    ? { verdict: "warn", reason: "low-bandwidth", expected, actual: rate, from }
    : {
        verdict: "unknown",
        reason: "impaired",
        expected,
        actual: `at least ${rate}; ${figure.impaired}`,
        from,
      };
}

function sourceOf({ bytes, elapsedMs }: BandwidthFigure): string {
  return `a TCP stream that brought ${(bytes / 1e6).toFixed(1)} MB in ${formatDuration(elapsedMs)}`;
}

function urlsOf({ row, options }: PlannedRequirement): string[] {
  return (row.supplied ?? []).flatMap((name) => {
    const value = options[name];
    return typeof value === "string" ? [value] : [];
  });
}

function judgeDownloads(
  planned: PlannedRequirement,
  least: number,
  expected: string,
  { nodes, facts }: RequirementContext,
): RequirementFinding[] | Stated {
  const urls = urlsOf(planned);
  if (urls.length === 0) {
    const options = planned.row.supplied!.join(" or ");
    return {
      stated: `the cluster file names nothing to download from: set the option ${options} to the URL of a large file`,
    };
  }
  const findings: RequirementFinding[] = [];
  const good: { node: number; url: string; figure: BandwidthFigure }[] = [];
  for (const node of planned.on) {
    for (const url of urls) {
      const found = facts(node)?.downloads.find((download) => download.url === url);
      const figure = found === undefined ? undefined : figureOfDownload(found);
      const from = `a download from ${url}${found === undefined ? "" : ` (${found.route})`}`;
      if (figure === undefined) {
        const actual = found?.detail ?? "not measured";
        findings.push({ ...unknownYet(nodes[node]!, expected, "never-probed", actual), from });
      } else if (figure.bitsPerSecond >= least) good.push({ node, url, figure });
      else {
        const remedy = `on ${nodes[node]!.name} run: curl -o /dev/null ${url}; if the server is what limits, name another in the cluster file`;
        findings.push({ ...tooLow(figure, expected), node: nodes[node]!.name, from, remedy });
      }
    }
  }
  if (good.length === 0) return findings;
  const lowest = good.reduce((a, b) => (b.figure.bitsPerSecond < a.figure.bitsPerSecond ? b : a));
  const rate = formatRate(lowest.figure.bitsPerSecond);
  const actual = `${rate}${good.length === 1 ? "" : ` is the lowest of ${good.length} downloads`}, by ${nodes[lowest.node]!.name}`;
  return [...findings, met({ expected, actual, from: `a download from ${lowest.url}` })];
}

/** What came in less is what buffers and bursts on the way let through at once. */
const leastDownloadMs = 200;

/** Undefined where too little arrived to tell; with a detail it is what arrived in spite of it. */
function figureOfDownload(download: {
  bytes: number;
  elapsedMs: number;
  detail?: string;
}): BandwidthFigure | undefined {
  const { bytes, elapsedMs, detail } = download;
  if (elapsedMs < leastDownloadMs || (bytes === 0 && detail !== undefined)) return undefined;
  const bitsPerSecond = (bytes * 8_000) / elapsedMs;
  return { bitsPerSecond, bytes, elapsedMs, ...(detail === undefined ? {} : { impaired: detail }) };
}
