/** Joins the bundles of offline agents into what a coordinator would have collected itself. */
import { createHash } from "node:crypto";
import { PortmeshError } from "../shared/errors.ts";
import type { BundleContent } from "../shared/offline.ts";
import type { Plan, Target } from "../shared/plan.ts";
import type { ResultsMessage } from "../shared/wire.ts";
import { heldBy, listeningReportOf, type Attendance, type Attendant, type HeldFarEnd } from "./attendance.ts";
import type { CheckedBundle } from "./bundle.ts";
import { nothingInspected, type Inspected } from "./inspected.ts";
import { Observations } from "./observations.ts";
import { planFrom } from "./public-plan.ts";
import type { RunFacts } from "./report-builder.ts";

export interface MergedRun {
  plan: Plan;
  observations: Observations;
  attendance: Attendance;
  facts: RunFacts;
  /** What a reader should know about how it came about, a line each. */
  notes: string[];
}

/**
 * @throws PortmeshError where the bundles are not of one plan.
 */
export function mergeBundles(bundles: readonly CheckedBundle[]): MergedRun {
  const [first] = bundles;
  if (first === undefined) throw new PortmeshError("usage", "there is no bundle to merge");
  const notes: string[] = [];
  requireOnePlan(bundles);
  const plan = planFrom(first.content.plan);
  if (plan === undefined)
    throw new PortmeshError("invalid-input", `${first.file}: this version makes another plan of it`, {
      next: `Merge with the version that rendered it; its agent was ${first.content.agent.version}.`,
    });
  const byNode = newestOfEach(bundles, notes);
  const observations = new Observations(plan);
  for (const { file, content } of byNode.values()) record(file, content, content.results, observations);
  for (const { file, content } of byNode.values()) {
    const left = addUnconfirmed(file, content, byNode, plan, observations);
    if (left > 0)
      notes.push(`${file}: ${left} failed probes do not count: the peers' agents ran at other times`);
  }
  for (const { file, content } of byNode.values()) {
    const quality = { type: "quality" as const, round: 1, targets: content.quality };
    refuse(file, observations.recordQuality(content.node, quality));
    observations.recordCut(content.node, content.cut.targets, content.cut.fullSweepMs);
  }
  addSightings(byNode, plan, observations);
  const times = Array.from(byNode.values(), ({ content }) => content);
  return {
    plan,
    observations,
    attendance: new BundledAttendance(byNode, plan),
    facts: {
      startedAt: new Date(Math.min(...times.map(({ startedAt }) => Date.parse(startedAt)))),
      finishedAt: new Date(Math.max(...times.map(({ finishedAt }) => Date.parse(finishedAt)))),
      interrupted: times.some((content) => content.interrupted && !isWhole(content, plan)),
      serviceExpected: false,
      inspected: inspectedBy(byNode, first.content.plan.cluster.pins),
    },
    notes,
  };
}

/** Streams need two agents that are told when, and clocks somebody who asks them: bundles have neither. */
function inspectedBy(
  byNode: ReadonlyMap<number, CheckedBundle>,
  pins: Readonly<Record<string, string>>,
): Inspected {
  return {
    ...nothingInspected,
    endpoint: ({ id, from }) => byNode.get(from)?.content.endpoints.find(({ endpoint }) => endpoint === id),
    facts: (node) => byNode.get(node)?.content.facts,
    pins: new Map(Object.entries(pins)),
    withoutStreams: "agents without a coordinator measure no bandwidth",
  };
}

/** The key of an authority in short, for messages. */
function fingerprint({ authority }: CheckedBundle): string {
  return createHash("sha256").update(authority.raw).digest("hex").slice(0, 12);
}

/** Divides bundles into the largest group of one plan, and the rest. */
export function divideByPlan(
  bundles: readonly CheckedBundle[],
): [one: CheckedBundle[], rest: CheckedBundle[]] {
  const groups = Map.groupBy(bundles, (each) => `${fingerprint(each)} ${each.content.plan.digest}`);
  const largest = [...groups.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
  return [largest, bundles.filter((each) => !largest.includes(each))];
}

function requireOnePlan(bundles: readonly CheckedBundle[]): void {
  const [first, ...rest] = bundles as [CheckedBundle, ...CheckedBundle[]];
  for (const other of rest) {
    if (fingerprint(other) === fingerprint(first) && other.content.plan.digest === first.content.plan.digest)
      continue;
    throw new PortmeshError(
      "invalid-input",
      `${other.file}: is of another plan than ${first.file} (authorities ${fingerprint(other)} and ${fingerprint(first)})`,
      { next: "Merge bundles of one spec render --offline; --skip-bad leaves out the others." },
    );
  }
}

function newestOfEach(bundles: readonly CheckedBundle[], notes: string[]): Map<number, CheckedBundle> {
  const byNode = new Map<number, CheckedBundle>();
  for (const bundle of bundles) {
    const other = byNode.get(bundle.content.node);
    const isNewer =
      other === undefined || Date.parse(bundle.content.finishedAt) > Date.parse(other.content.finishedAt);
    if (isNewer) byNode.set(bundle.content.node, bundle);
    if (other !== undefined) {
      const [newer, older] = isNewer ? [bundle, other] : [other, bundle];
      notes.push(`${older.file}: left out, since ${newer.file} is a newer bundle of ${bundle.node}`);
    }
  }
  return byNode;
}

function record(
  file: string,
  { node }: BundleContent,
  frames: readonly ResultsMessage[],
  observations: Observations,
): void {
  for (const frame of frames) refuse(file, observations.record(node, frame));
}

function refuse(file: string, problem: string | undefined): void {
  if (problem !== undefined) throw new PortmeshError("invalid-input", `${file}: ${problem}`);
}

/**
 * A failure at a time when the peer was not heard counts only if, by the clocks of both, the peer held its
 * ports when a round began. Returns how many do not count.
 */
function addUnconfirmed(
  file: string,
  content: BundleContent,
  byNode: ReadonlyMap<number, CheckedBundle>,
  plan: Plan,
  observations: Observations,
): number {
  const wasThere = new Map<number, boolean>();
  for (const [node, { content: peer }] of byNode) {
    const [since, until] = [Date.parse(peer.listening.since), Date.parse(peer.finishedAt)];
    const began = content.rounds.map((time) => Date.parse(time));
    wasThere.set(
      node,
      began.some((time) => time >= since && time < until),
    );
  }
  let left = 0;
  for (const frame of content.unconfirmed) {
    const counts = frame.target.map((id) => wasThere.get(plan.targets[id]?.to ?? -1) === true);
    left += counts.filter((each) => !each).length;
    record(file, content, [partOf(frame, counts)], observations);
  }
  return left;
}

function partOf(frame: ResultsMessage, keep: readonly boolean[]): ResultsMessage {
  const position = new Map<number, number>();
  for (const [at, isKept] of keep.entries()) if (isKept) position.set(at, position.size);
  const kept = <Item>(column: readonly Item[]): Item[] => column.filter((_, at) => position.has(at));
  return {
    ...frame,
    target: kept(frame.target),
    port: kept(frame.port),
    outcome: kept(frame.outcome),
    phase: kept(frame.phase),
    elapsedUs: kept(frame.elapsedUs),
    rttUs: kept(frame.rttUs),
    attempts: kept(frame.attempts),
    details: frame.details.flatMap((detail) => {
      const at = position.get(detail.at);
      return at === undefined ? [] : [{ ...detail, at }];
    }),
  };
}

/** What each far end saw, put to the failures it is about, as if it had been asked. */
function addSightings(
  byNode: ReadonlyMap<number, CheckedBundle>,
  plan: Plan,
  observations: Observations,
): void {
  const failed = plan.targets
    .map((target) => ({ target, asked: observations.failures(target) }))
    .filter(({ asked }) => asked.length > 0);
  for (const [to, list] of Map.groupBy(failed, ({ target }) => target.to)) {
    const content = byNode.get(to)?.content;
    if (content === undefined) continue;
    const nothing = { saw: "", mute: "", absent: "" };
    const sightingOf = ({ from, transport }: Target): typeof nothing => {
      const found = content.sightings.find((each) => each.from === from && each.transport === transport);
      return found === undefined ? nothing : { saw: found.saw, mute: found.mute, absent: found.absent };
    };
    observations.sightings.record(
      list.map(({ target, asked }) => ({ id: target.id, asked })),
      {
        type: "sightings",
        look: 0,
        answers: list.map(({ target }) => sightingOf(target)),
        stalledMs: content.stalledMs,
        // Probes were repeated over the whole window: one long pause does not explain what always failed.
        longestStallMs: 0,
      },
      Date.parse(content.finishedAt) - Date.parse(content.startedAt),
    );
  }
}

/** Whether every port of the node's pinglist has a result. */
function isWhole(content: BundleContent, plan: Plan): boolean {
  const wanted = plan.targets
    .filter(({ from }) => from === content.node)
    .flatMap(({ ports }) => ports)
    .reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const frames = [...content.results, ...content.unconfirmed];
  return frames.reduce((sum, frame) => sum + frame.target.length, 0) >= wanted;
}

/** Nodes with a bundle took part to the end; the others were never there. */
class BundledAttendance implements Attendance {
  readonly #attendants: ReadonlyMap<number, Attendant>;

  constructor(byNode: ReadonlyMap<number, CheckedBundle>, plan: Plan) {
    this.#attendants = new Map(
      Array.from(byNode, ([node, { file, content }]): [number, Attendant] => {
        const listening = listeningReportOf(content.listening, plan.nodes[node]!);
        if (listening === undefined) refuse(file, "its exceptions are not those of its node's ports");
        return [node, { ...content.agent, via: undefined, connected: true, lostBy: undefined, listening }];
      }),
    );
  }

  member(node: number): Attendant | undefined {
    return this.#attendants.get(node);
  }

  farEnd(node: number, transport: string, address: string, port: number): HeldFarEnd {
    return heldBy(this.#attendants.get(node), transport, address, port);
  }
}
