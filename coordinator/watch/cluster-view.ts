/** What there is to see of a watched cluster, for the API, for metrics and for the page: read only, and never a copy. */
import {
  agentStates,
  type AgentState,
  type Counts,
  type EndpointState,
  type FlowState,
  type NodeState,
  type PathState,
} from "../../shared/api.ts";
import type { PlannedEndpoint } from "../../shared/endpoint-plan.ts";
import { explainEndpoint, remedyForEndpoint } from "../../shared/explain-endpoint.ts";
import type { Judgement } from "../../shared/judge.ts";
import { verdicts, type Reason } from "../../shared/names.ts";
import type { PathRow } from "../../shared/pair-rows.ts";
import type { Plan } from "../../shared/plan.ts";
import { formatPorts } from "../../shared/ports.ts";
import type { ReportEndpoint, ReportPath, ReportRequirement } from "../../shared/report.ts";
import type { KeptTransition } from "../journal/journal.ts";
import { tally } from "../../shared/verdict-counts.ts";
import { reportEndpoint } from "../endpoint-findings.ts";
import type { Attendance } from "../attendance.ts";
import { reasonOfCode, verdictOfCode, type LiveMatrix, type VerdictCounts } from "./live-matrix.ts";
import type { PathPlace } from "./path-states.ts";
import type { WatchCoordinator } from "./watch-coordinator.ts";
import type { WatchedPlan } from "./watched-plan.ts";

export interface FailingPath {
  place: PathPlace;
  from: string;
  to: string;
  reason: Reason;
  since: number;
}

const none = { bound: 0, occupied: 0, denied: 0, absent: 0 };

export class ClusterView {
  readonly #coordinator: WatchCoordinator;

  constructor(coordinator: WatchCoordinator) {
    this.#coordinator = coordinator;
  }

  get watched(): WatchedPlan {
    return this.#coordinator.watch.watched;
  }

  get plan(): Plan {
    return this.watched.plan;
  }

  get matrix(): LiveMatrix {
    return this.watched.states.matrix;
  }

  /** Who is there. */
  get attendance(): Attendance {
    return this.#coordinator.registry.membership;
  }

  get reload(): WatchCoordinator["lastReload"] {
    return this.#coordinator.lastReload;
  }

  get problem(): string | undefined {
    return this.#coordinator.watch.problem;
  }

  lastSweepAt(node: number): number | undefined {
    return this.#coordinator.watch.lastSweepAt(node);
  }

  clockOffsetMs(node: number): number | undefined {
    return this.#coordinator.clockOffsetMs(node);
  }

  sweepLagMs(): number {
    const now = this.#coordinator.now();
    const ages = this.plan.nodes.flatMap(({ index }) => {
      const at = this.lastSweepAt(index);
      const isDue =
        this.#coordinator.registry.membership.member(index)?.connected === true &&
        !this.#coordinator.watch.isOnLongSweep(index);
      return at === undefined || !isDue ? [] : [now - at];
    });
    return Math.max(0, ages.reduce((a, b) => Math.max(a, b), 0) - this.#coordinator.intervalMs);
  }

  agentState(node: number): AgentState {
    const member = this.#coordinator.registry.membership.member(node);
    if (this.#coordinator.watch.hasLeft(node)) return "drained";
    if (member === undefined) return "missing";
    if (!member.connected) return "gone";
    return this.matrix.isStale(node) ? "stale" : "alive";
  }

  agentCounts(): Record<AgentState, number> {
    const counts = Object.fromEntries(agentStates.map((state) => [state, 0])) as Record<AgentState, number>;
    for (const { index } of this.plan.nodes) counts[this.agentState(index)] += 1;
    return counts;
  }

  counts(): Counts {
    return countsOf(this.matrix.total);
  }

  endpointCounts(): Counts {
    return tally(this.plan.endpoints.map((endpoint) => this.endpointJudgement(endpoint).verdict));
  }

  requirementCounts(): Counts {
    return tally(this.#coordinator.requirements.map(({ verdict }) => verdict));
  }

  get requirements(): readonly ReportRequirement[] {
    return this.#coordinator.requirements;
  }

  /** What counts of an endpoint now. */
  endpointJudgement({ id, from }: PlannedEndpoint): Judgement {
    const shown = this.watched.endpoints.shown(id);
    if (this.#coordinator.outside.isFresh(id)) return shown;
    const isMissing = this.#coordinator.registry.membership.member(from) === undefined;
    if (shown.reason === "never-probed" && isMissing) return { verdict: "unknown", reason: "agent-missing" };
    return shown.reason === "never-probed" ? shown : { verdict: "unknown", reason: "stale" };
  }

  /** With what its node saw there last. */
  endpoint(endpoint: PlannedEndpoint): ReportEndpoint {
    const { membership } = this.#coordinator.registry;
    const now = new Date(this.#coordinator.now());
    return {
      ...reportEndpoint(endpoint, this.plan, this.#coordinator.inspected, membership, now),
      ...this.endpointJudgement(endpoint),
    };
  }

  endpointState(endpoint: PlannedEndpoint): EndpointState & { evidence: ReportEndpoint["evidence"] } {
    const found = this.endpoint(endpoint);
    const { endpoints } = this.watched;
    const checked = endpoints.checkedAt(endpoint.id);
    return {
      ...found,
      since: new Date(endpoints.since(endpoint.id)).toISOString(),
      checked: checked === undefined ? null : new Date(checked).toISOString(),
      isFlapping: endpoints.isFlapping(endpoint.id),
      says: explainEndpoint(found),
      remedy: remedyForEndpoint(found) ?? null,
    };
  }

  /** Endpoints that fail, those that have failed for longest first. */
  failingEndpoints(limit: number): { endpoint: PlannedEndpoint; reason: Reason; since: number }[] {
    return this.plan.endpoints
      .flatMap((endpoint) => {
        const { verdict, reason } = this.endpointJudgement(endpoint);
        const since = this.watched.endpoints.since(endpoint.id);
        return verdict === "fail" ? [{ endpoint, reason, since }] : [];
      })
      .toSorted((a, b) => a.since - b.since)
      .slice(0, limit);
  }

  /** By host: when its certificate ends, as nodes saw it last. */
  certificateEnds(): Map<string, number> {
    const ends = new Map<string, number>();
    for (const { id, host } of this.plan.endpoints) {
      for (const { tls } of this.watched.endpoints.report(id)?.attempts ?? [])
        if (tls !== undefined) ends.set(host, Math.min(tls.notAfter, ends.get(host) ?? Infinity));
    }
    return ends;
  }

  /** Sweeps that the agent of a node still had to deliver when it told last. */
  backlog(node: number): number | undefined {
    return this.#coordinator.watch.backlog(node);
  }

  node(index: number): NodeState {
    const { name, addresses, roles, zone } = this.plan.nodes[index]!;
    const member = this.#coordinator.registry.membership.member(index);
    const at = this.lastSweepAt(index);
    const offset = this.clockOffsetMs(index);
    const since = this.#coordinator.watch.standsSince(index);
    const backlog = this.backlog(index);
    return {
      name,
      addresses: [...addresses],
      roles: [...roles],
      zone: zone ?? null,
      group: this.matrix.groups[this.matrix.groupOf[index]!]!,
      agent: {
        state: this.agentState(index),
        since: since === undefined ? null : new Date(since).toISOString(),
        ...(member === undefined ? {} : { version: member.version, host: member.host }),
        ...(member?.via === undefined ? {} : { via: member.via }),
        lastSweep: at === undefined ? null : new Date(at).toISOString(),
        ...(backlog === undefined ? {} : { backlog }),
        ...(offset === undefined ? {} : { clockOffsetMs: offset }),
      },
      listeners: { ...(member?.listening?.counts ?? none) },
      out: countsOf(this.matrix.outOf(index)),
      in: countsOf(this.matrix.into(index)),
    };
  }

  flows(): FlowState[] {
    const flows = new Map<number, FlowState>();
    for (const { row, counts } of this.matrix.byGroup()) {
      const known = flows.get(row.rank) ?? {
        ...flowOf(row),
        paths: countsOf(new Uint32Array(verdicts.length)),
      };
      for (const [index, verdict] of verdicts.entries()) known.paths[verdict] += counts[index]!;
      flows.set(row.rank, known);
    }
    return [...flows].toSorted(([a], [b]) => a - b).map(([, flow]) => flow);
  }

  path({ from, to, row, id }: PathPlace): PathState {
    const { states } = this.watched;
    const code = this.matrix.code(from, id);
    const at = this.lastSweepAt(from);
    const source = this.watched.source(from);
    const target =
      row.targets[0] === undefined ? undefined : this.plan.pairs.firstTarget(from, to) + row.targets[0];
    const rttMs = target === undefined ? undefined : source.rttMs(this.plan.pairs.target(target)!);
    return {
      from: this.plan.nodes[from]!.name,
      to: this.plan.nodes[to]!.name,
      ...flowOf(row),
      verdict: verdictOfCode(code),
      reason: reasonOfCode(code),
      since: new Date(states.since(id)).toISOString(),
      checked: at === undefined ? null : new Date(at).toISOString(),
      isFlapping: states.isFlapping(id),
      rttMs: rttMs ?? null,
    };
  }

  /** As it was judged last, with what both ends saw; `reason` is what that says now, and may not be believed yet. */
  evidence({ from, to, id }: PathPlace): ReportPath {
    const source = this.watched.source(from);
    return this.watched.judge.path(source, to, id - this.plan.pairs.firstPath(from, to));
  }

  /** What a transition is about, as it was judged last; undefined where the plan is another one by now. */
  found({ plan, path, isOutside }: KeptTransition): ReportPath | ReportEndpoint | undefined {
    if (isOutside) {
      const { pairs, endpoints } = this.plan;
      const endpoint = plan === this.watched.version ? endpoints[path - pairs.pathCount] : undefined;
      return endpoint === undefined ? undefined : this.endpoint(endpoint);
    }
    const place = this.placeOf(plan, path);
    return place === undefined ? undefined : this.evidence(place);
  }

  /** Protocol and round trip of each target of a node that answered in its last sweep, in milliseconds. */
  *roundTrips(node: number): Generator<[protocol: string, rttMs: number]> {
    const { pairs } = this.plan;
    const source = this.watched.source(node);
    let position = 0;
    for (const { index: to } of this.plan.nodes) {
      for (const { protocol } of pairs.rows(node, to).targets) {
        const rttMs = source.rttAt(position++);
        if (rttMs !== undefined) yield [protocol, rttMs];
      }
    }
  }

  /** Undefined where the plan is another one by now. */
  placeOf(plan: number, id: number): PathPlace | undefined {
    const path = plan === this.watched.version ? this.plan.pairs.path(id) : undefined;
    if (path === undefined) return undefined;
    const { from, to } = path;
    return {
      from,
      to,
      row: this.plan.pairs.rows(from, to).paths[id - this.plan.pairs.firstPath(from, to)]!,
      id,
    };
  }

  /** Every path of the plan in the order of its ids. */
  *places(from?: number, to?: number): Generator<PathPlace> {
    const { nodes, pairs } = this.plan;
    const near = from === undefined ? nodes.keys() : [from];
    for (const a of near) {
      const far = to === undefined ? nodes.keys() : [to];
      for (const b of far) {
        const first = pairs.firstPath(a, b);
        for (const [index, row] of pairs.rows(a, b).paths.entries())
          yield { from: a, to: b, row, id: first + index };
      }
    }
  }

  /** Each path that flaps. */
  *flapping(): Generator<PathPlace> {
    const { states, version } = this.watched;
    for (const id of states.flapping()) {
      const place = this.placeOf(version, id);
      if (place !== undefined) yield place;
    }
  }

  /** The paths that fail, those that have failed for longest first. */
  failing(limit: number): { items: FailingPath[]; of: number } {
    const failing = verdicts.indexOf("fail");
    const of = this.matrix.total[failing]!;
    if (of === 0) return { items: [], of };
    const { states } = this.watched;
    const { codes } = this.matrix;
    let oldest: { id: number; since: number }[] = [];
    let latest = Infinity;
    /** Millions may fail: more than twice as many as are asked for are never held. */
    const cut = (): void => {
      oldest = oldest.toSorted((a, b) => a.since - b.since || a.id - b.id).slice(0, limit);
      if (oldest.length === limit) latest = oldest.at(-1)!.since;
    };
    for (const { index: from } of this.plan.nodes) {
      // Of a stale one nothing is known, and nothing counted as failing.
      if (this.matrix.outOf(from)[failing] === 0) continue;
      const [start, end] = this.plan.pairs.pathsFrom(from);
      for (let id = start; id < end; id++) {
        if (verdictOfCode(codes[id]!) !== "fail") continue;
        const since = states.since(id);
        if (since < latest && oldest.push({ id, since }) >= 2 * limit) cut();
      }
    }
    cut();
    const items = oldest.map(({ id, since }): FailingPath => {
      const place = this.placeOf(this.watched.version, id)!;
      const [from, to] = [this.plan.nodes[place.from]!.name, this.plan.nodes[place.to]!.name];
      return { place, from, to, reason: reasonOfCode(codes[id]!), since };
    });
    return { items, of };
  }
}

function flowOf(row: PathRow): Omit<FlowState, "paths"> {
  const { spec, flow, transport, protocol, ports, level, open, doc } = row;
  return {
    spec,
    flow,
    transport,
    protocol,
    ports: formatPorts(ports),
    level,
    expected: open ? "open" : "closed",
    doc,
  };
}

function countsOf(counts: VerdictCounts): Counts {
  const of = (verdict: (typeof verdicts)[number]): number => counts[verdicts.indexOf(verdict)]!;
  return { pass: of("pass"), warn: of("warn"), fail: of("fail"), unknown: of("unknown") };
}
