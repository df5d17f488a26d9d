/** All that is known under one version of the plan: what each node told last, and how each path stands. */
import { codeOf } from "../../shared/api.ts";
import type { Judgement } from "../../shared/judge.ts";
import type { PathRow } from "../../shared/pair-rows.ts";
import type { Plan, PlannedNode, Target } from "../../shared/plan.ts";
import { formatPorts } from "../../shared/ports.ts";
import type { ReportPath } from "../../shared/report.ts";
import type { Entry } from "../journal/journal.ts";
import type { Membership } from "../membership.ts";
import type { Transition } from "../settled-verdict.ts";
import { verdictOfCode } from "./live-matrix.ts";
import { EndpointStates } from "./outside/endpoint-states.ts";
import { PairJudge } from "./pair-judge.ts";
import { PathStates, type PathHistory, type PathPlace } from "./path-states.ts";
import { SweptSource } from "./swept-source.ts";

export interface PathTransition extends Transition {
  place: PathPlace;
  /** To be asked before anything else is heard of the near end. */
  evidence: () => ReportPath["evidence"];
}

/** Of more failing paths the time of the snapshot is the best that is known after a restart. */
const maxTroubled = 200_000;
const neverProbed = codeOf("never-probed");

/** Who is there, and who was. */
export interface Fleet {
  membership: Membership;
  /** Whether the agent of the node of that name has ever told anything. */
  wasThere: (name: string) => boolean;
}

/** What was judged of one source so far. */
interface Judged {
  /** By far node, where it was not empty. */
  signatures: Map<number, string>;
  farVersions: Uint32Array;
  /** Far nodes of paths that are suspected, flap or changed lately, with the time when they are to be judged again. */
  restless: Map<number, number>;
}

export class WatchedPlan {
  readonly plan: Plan;
  readonly version: number;
  readonly since: number;
  readonly states: PathStates;
  readonly judge: PairJudge;
  readonly endpoints: EndpointStates;
  readonly #membership: Membership;
  /** Whether the agent of a node has ever told anything. */
  readonly #wasThere: (node: number) => boolean;
  readonly #sources = new Map<number, SweptSource>();
  readonly #judged = new Map<number, Judged>();

  constructor(
    plan: Plan,
    version: number,
    since: number,
    { membership, wasThere }: Fleet,
    past?: PathHistory,
  ) {
    this.plan = plan;
    this.#wasThere = (node) => wasThere(plan.nodes[node]!.name);
    this.version = version;
    this.since = since;
    this.#membership = membership;
    const { pathCount } = plan.pairs;
    this.states = new PathStates(plan, since, past);
    this.endpoints = new EndpointStates(plan, since, past && endpointsOf(past, pathCount));
    this.judge = new PairJudge(plan, membership);
  }

  /** For the journal: what is believed of all paths, and then of all endpoints. */
  snapshot(at: number): NonNullable<Entry["snapshot"]> {
    const since = new Map(this.states.troubled(maxTroubled));
    for (const { id } of this.plan.endpoints)
      if (this.endpoints.shown(id).verdict !== "pass")
        since.set(this.plan.pairs.pathCount + id, this.endpoints.since(id));
    const codes = joined(this.states.matrix.codes, this.endpoints.codes);
    return { at, plan: this.version, codes, since };
  }

  source(node: number): SweptSource {
    let source = this.#sources.get(node);
    if (source === undefined) {
      source = new SweptSource(this.plan, node, (target, port) => this.#isService(target, port));
      this.#sources.set(node, source);
    }
    return source;
  }

  /** Far nodes of which anything may have changed, by a moment, since they were judged. */
  unsettled(node: number, at: number): number[] {
    const source = this.source(node);
    const { signatures, farVersions, restless } = this.#judgedOf(node);
    const odd = new Set(source.oddNodes);
    return [...this.plan.nodes.keys()].filter(
      (to) =>
        farVersions[to] !== this.judge.version(to) + 1 ||
        (restless.get(to) ?? Infinity) <= at ||
        ((odd.has(to) || signatures.has(to)) && source.signature(to) !== (signatures.get(to) ?? "")),
    );
  }

  /** Judges the paths to these nodes by what their near end told at a moment; it has looked so often. */
  judgePairs(node: number, far: Iterable<number>, at: number, looks: number): PathTransition[] {
    const source = this.source(node);
    const judged = this.#judgedOf(node);
    const transitions: PathTransition[] = [];
    for (const to of far) {
      const places = this.#places(node, to);
      const judgements = this.judge.judge(source, to);
      for (const [index, place] of places.entries()) {
        const judgement = judgements[index]!;
        if (this.#isAwaited(to, place, judgement)) continue;
        const transition = this.states.judge(place, judgement, at, looks);
        if (transition !== undefined)
          transitions.push({
            ...transition,
            place,
            evidence: () => this.judge.path(source, to, index).evidence,
          });
      }
      const signature = source.signature(to);
      if (signature === "") judged.signatures.delete(to);
      else judged.signatures.set(to, signature);
      // 0 stands for never.
      judged.farVersions[to] = this.judge.version(to) + 1;
      const again = Math.min(...places.map(({ id }) => this.states.judgeAgainAt(id) ?? Infinity));
      if (again === Infinity) judged.restless.delete(to);
      else judged.restless.set(to, again);
    }
    return transitions;
  }

  /** These far nodes are looked at again with the next sweep, even if that tells the same. */
  unsettle(node: number, far: Iterable<number>): void {
    const { signatures } = this.#judgedOf(node);
    for (const to of far) signatures.delete(to);
  }

  /** By far node, the rows of paths that are suspected to fail, and how many more looks would tell of all of them. */
  suspected(node: number, far: Iterable<number>): { rows: Map<number, readonly PathRow[]>; looks: number } {
    const rows = new Map<number, readonly PathRow[]>();
    let looks = 0;
    for (const to of far) {
      const suspects = this.#places(node, to).flatMap((place) => {
        const wanted = this.states.looksWanted(place);
        looks = Math.max(looks, wanted);
        return wanted === 0 ? [] : [place.row];
      });
      if (suspects.length > 0) rows.set(to, suspects);
    }
    return { rows, looks };
  }

  /** Of an earlier version, what still holds: paths are the same where hosts, flow, ports and expectation are. */
  historyFrom(before: WatchedPlan, now: number): PathHistory {
    const { pairs, nodes } = this.plan;
    const codes = new Uint8Array(pairs.pathCount).fill(neverProbed);
    const since = new Map<number, number>();
    const positions = new Map(before.plan.nodes.map((node) => [hostOf(node), node.index]));
    for (const { index: from } of nodes) {
      const oldFrom = positions.get(hostOf(nodes[from]!));
      if (oldFrom === undefined) continue;
      for (const { index: to } of nodes) {
        const oldTo = positions.get(hostOf(nodes[to]!));
        if (oldTo === undefined) continue;
        const oldRows = before.plan.pairs.rows(oldFrom, oldTo).paths;
        const oldFirst = before.plan.pairs.firstPath(oldFrom, oldTo);
        const first = pairs.firstPath(from, to);
        for (const [index, row] of pairs.rows(from, to).paths.entries()) {
          const old = oldRows.findIndex((each) => isSame(each, row));
          if (old < 0) continue;
          codes[first + index] = before.states.matrix.codes[oldFirst + old]!;
          const began = before.states.since(oldFirst + old);
          if (began !== now) since.set(first + index, began);
        }
      }
    }
    const outside = before.endpoints.historyFor(this.plan);
    for (const [id, began] of outside.since) since.set(pairs.pathCount + id, began);
    return { codes: joined(codes, outside.codes), since };
  }

  /**
   * After a restart of the coordinator agents come back one by one. A path that failed and fails goes on to fail, and is
   * not unknown for as long as its far end has not come back.
   */
  #isAwaited(to: number, { id }: PathPlace, { reason }: Judgement): boolean {
    return (
      reason === "agent-missing" &&
      this.#wasThere(to) &&
      this.#membership.member(to) === undefined &&
      verdictOfCode(this.states.matrix.codes[id]!) === "fail"
    );
  }

  #places(from: number, to: number): PathPlace[] {
    const { pairs } = this.plan;
    const first = pairs.firstPath(from, to);
    return pairs.rows(from, to).paths.map((row, index) => ({ from, to, row, id: first + index }));
  }

  #isService(target: Target, port: number): boolean {
    return this.#membership.farEnd(target.to, target.transport, target.address, port).listener === "occupied";
  }

  #judgedOf(node: number): Judged {
    let judged = this.#judged.get(node);
    if (judged === undefined) {
      judged = {
        signatures: new Map(),
        farVersions: new Uint32Array(this.plan.nodes.length),
        restless: new Map(),
      };
      this.#judged.set(node, judged);
    }
    return judged;
  }
}

/** A node at another address is another host: what was proved of it proves nothing. */
function hostOf({ name, addresses }: PlannedNode): string {
  return [name, ...addresses].join(" ");
}

function isSame(a: PathRow, b: PathRow): boolean {
  return (
    a.spec === b.spec &&
    a.flow === b.flow &&
    a.open === b.open &&
    a.transport === b.transport &&
    formatPorts(a.ports) === formatPorts(b.ports)
  );
}

function joined(paths: Uint8Array, endpoints: Uint8Array): Uint8Array {
  const codes = new Uint8Array(paths.length + endpoints.length);
  codes.set(paths);
  codes.set(endpoints, paths.length);
  return codes;
}

/** The part of a history that tells of endpoints, by their own ids. */
function endpointsOf({ codes, since }: PathHistory, pathCount: number): PathHistory {
  const own = [...since].filter(([id]) => id >= pathCount).map(([id, at]) => [id - pathCount, at] as const);
  return { codes: codes.subarray(pathCount), since: new Map(own) };
}
