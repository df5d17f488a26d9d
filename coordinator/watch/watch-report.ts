/**
 * The report of a watched cluster, as a check would print it now. A cluster may have ten million paths: as JSON they
 * are told one after the other; for what cannot be written so, those that say most are chosen.
 */
import { setImmediate } from "node:timers/promises";
import type { ReportFileFormat } from "../../shared/calendar-settings.ts";
import { verdicts, worse, type Verdict } from "../../shared/names.ts";
import type { Report, ReportPath } from "../../shared/report.ts";
import { weighed } from "../../shared/verdict-counts.ts";
import { reportHead, reportNode } from "../report-builder.ts";
import type { ClusterView } from "./cluster-view.ts";
import { reasonOfCode, verdictOfCode } from "./live-matrix.ts";
import type { PathPlace } from "./path-states.ts";
import type { WatchedPlan } from "./watched-plan.ts";

/** Agents are not kept waiting for longer. */
const sliceMs = 5;
/** Pieces of JSON are gathered up to so many characters. */
const chunkLength = 64 * 1024;

/** All but the paths and endpoints; `now` in milliseconds since 1970. */
function headOf(view: ClusterView, now: number): Omit<Report, "paths" | "endpoints"> {
  const { plan, watched } = view;
  const ends = plan.nodes.flatMap(({ index }) => view.lastSweepAt(index) ?? []);
  const sources = plan.nodes.map(({ index }) => watched.source(index));
  const fullSweepMs = Math.round(sources.reduce((most, source) => Math.max(most, source.fullSweepMs), 0));
  const paths = view.counts();
  return {
    ...reportHead(plan, {
      // What is told of was seen since then.
      startedAt: new Date(ends.reduce((a, b) => Math.min(a, b), now)),
      finishedAt: new Date(now),
      interrupted: false,
    }),
    summary: {
      paths: plan.pairs.pathCount,
      ...paths,
      probes: sources.reduce((sum, { probes }) => sum + probes, 0),
      endpoints: view.endpointCounts(),
      requirements: view.requirementCounts(),
      statements: plan.statements.filter(({ applies }) => applies).length,
      ...(fullSweepMs === 0 ? {} : { fullSweepMs }),
      verdict: worstOf(view),
    },
    nodes: plan.nodes.map((node) => reportNode(node, view.attendance)),
    requirements: [...view.requirements],
    statements: [...plan.statements],
    causes: [],
  };
}

function worstOf(view: ClusterView): Verdict {
  const { plan, matrix, requirements } = view;
  const found = [
    ...matrix
      .byGroup()
      .flatMap(({ row: { level }, counts }) =>
        verdicts.flatMap((verdict, index) => (counts[index]! > 0 ? [{ level, verdict }] : [])),
      ),
    ...plan.endpoints.map((each) => ({ level: each.level, verdict: view.endpointJudgement(each).verdict })),
    ...requirements,
  ];
  return found.map(weighed).reduce<Verdict>(worse, found.length === 0 ? "unknown" : "pass");
}

/** As it is shown: what was judged last may not be believed yet, or be stale. */
function pathAt(watched: WatchedPlan, { from, to, id }: PathPlace): ReportPath {
  const reason = reasonOfCode(watched.states.matrix.code(from, id));
  const verdict = verdictOfCode(watched.states.matrix.code(from, id));
  const first = watched.plan.pairs.firstPath(from, to);
  const judged = watched.judge.path(watched.source(from), to, id - first);
  if (judged.reason === reason) return judged;
  const { intervals: _intervals, coveredAt: _coveredAt, ...path } = judged;
  const isNow = reason !== "stale";
  return {
    ...path,
    verdict,
    reason,
    ...(isNow ? {} : { rttMs: null, coverage: path.coverage.replace(/^[0-9]+/, "0") }),
  };
}

/** Text of the whole report, piece by piece. What changes meanwhile is told as it is when its turn comes. */
async function* streamReport(view: ClusterView, now: number): AsyncGenerator<string> {
  const { watched } = view;
  const { requirements, statements, causes, ...head } = headOf(view, now);
  yield `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n  "paths": [`;
  yield* listOf(view.places(), (place) => pathAt(watched, place));
  yield '\n  ],\n  "endpoints": [';
  yield* listOf(view.plan.endpoints, (endpoint) => view.endpoint(endpoint));
  const tail = JSON.stringify({ requirements, statements, causes }, undefined, 2);
  yield `\n  ],\n${tail.slice(2)}\n`;
}

/** An item a line, with commas between. */
async function* listOf<Item>(items: Iterable<Item>, show: (item: Item) => object): AsyncGenerator<string> {
  let text = "";
  let separator = "\n    ";
  let since = performance.now();
  for (const item of items) {
    text += `${separator}${JSON.stringify(show(item))}`;
    separator = ",\n    ";
    if (text.length >= chunkLength) {
      yield text;
      text = "";
    }
    if (performance.now() - since < sliceMs) continue;
    await setImmediate();
    since = performance.now();
  }
  yield text;
}

/** With so many paths at most: where there are more, those that pass are left out, and then others. */
export async function boundedReport(view: ClusterView, now: number, most: number): Promise<Report> {
  const { watched } = view;
  const head = headOf(view, now);
  const isWhole = head.summary.paths <= most;
  const ofVerdict = new Map<Verdict, PathPlace[]>();
  let since = performance.now();
  for (const place of view.places()) {
    const verdict = verdictOfCode(watched.states.matrix.code(place.from, place.id));
    if (!isWhole && verdict === "pass") continue;
    const places = ofVerdict.get(verdict);
    if (places === undefined) ofVerdict.set(verdict, [place]);
    else if (places.length < most) places.push(place);
    if (performance.now() - since < sliceMs) continue;
    await setImmediate();
    since = performance.now();
  }
  const worstFirst = verdicts.toReversed().flatMap((verdict) => ofVerdict.get(verdict) ?? []);
  const chosen = worstFirst.slice(0, most).toSorted((a, b) => a.row.rank - b.row.rank || a.id - b.id);
  const paths: ReportPath[] = [];
  for (const place of chosen) {
    paths.push(pathAt(watched, place));
    if (performance.now() - since < sliceMs) continue;
    await setImmediate();
    since = performance.now();
  }
  // Most nodes find the same outside: where there are many, what is well is a number.
  const { endpoints: all } = view.plan;
  const told =
    all.length <= most ? all : all.filter((each) => view.endpointJudgement(each).verdict !== "pass");
  const endpoints = told.slice(0, most).map((endpoint) => view.endpoint(endpoint));
  const omitted = head.summary.paths - paths.length + all.length - endpoints.length;
  const summary = omitted <= 0 ? head.summary : { ...head.summary, omitted };
  return { ...head, summary, paths, endpoints };
}

/** Writes a report as whatever is not JSON; in one piece. */
export type ReportRenderers = Readonly<Record<Exclude<ReportFileFormat, "json">, (report: Report) => string>>;

/** What one piece may hold: about 10 MB of text, and a moment's work. */
const mostRendered = 20_000;

/** A report in any format, piece by piece. */
export async function* reportText(
  view: ClusterView,
  now: number,
  format: ReportFileFormat,
  renderers: ReportRenderers,
): AsyncGenerator<string> {
  if (format === "json") yield* streamReport(view, now);
  else yield renderers[format](await boundedReport(view, now, mostRendered));
}
