/**
 * How every endpoint of a watched plan stands and how it came to that: what the nodes found at hosts outside of the
 * cluster, settled as paths between nodes are, since one lost packet on the way to another continent is no news.
 */
import { codeOf } from "../../../shared/api.ts";
import type { EndpointReport } from "../../../shared/endpoint-report.ts";
import type { PlannedEndpoint } from "../../../shared/endpoint-plan.ts";
import type { Judgement } from "../../../shared/judge.ts";
import { verdictOf } from "../../../shared/names.ts";
import type { Plan } from "../../../shared/plan.ts";
import { formatPorts } from "../../../shared/ports.ts";
import {
  settle,
  unsettled,
  calm,
  type Confirmation,
  type SettledVerdict,
  type Transition,
} from "../../settled-verdict.ts";
import { reasonOfCode } from "../live-matrix.ts";

/** What is known of an earlier moment: a code for each endpoint by its id, and since when, for those that changed. */
export interface EndpointHistory {
  codes: Uint8Array;
  since: ReadonlyMap<number, number>;
}

interface EndpointRecord {
  settled: SettledVerdict;
  /** When it was last visited; undefined where that was before the coordinator started. */
  checkedAt: number | undefined;
  report: EndpointReport | undefined;
}

const neverProbed = codeOf("never-probed");

export class EndpointStates {
  readonly plan: Plan;
  readonly #records: EndpointRecord[];
  /** Endpoints that other nodes visit as well, by what they have in common. */
  readonly #alike: ReadonlyMap<string, readonly PlannedEndpoint[]>;

  constructor(plan: Plan, beganAt: number, past?: EndpointHistory) {
    this.plan = plan;
    this.#records = plan.endpoints.map(({ id }) => ({
      settled: restored(past?.codes[id] ?? neverProbed, past?.since.get(id) ?? beganAt, beganAt),
      checkedAt: undefined,
      report: undefined,
    }));
    this.#alike = Map.groupBy(plan.endpoints, sharedKey);
  }

  /** The reason that is believed of each, whether it is stale or not. */
  get codes(): Uint8Array {
    return Uint8Array.from(this.#records, ({ settled }) => codeOf(settled.shown.reason));
  }

  shown(id: number): Judgement {
    return this.#records[id]!.settled.shown;
  }

  since(id: number): number {
    return this.#records[id]!.settled.since;
  }

  checkedAt(id: number): number | undefined {
    return this.#records[id]!.checkedAt;
  }

  isFlapping(id: number): boolean {
    return this.#records[id]!.settled.isFlapping;
  }

  report(id: number): EndpointReport | undefined {
    return this.#records[id]!.report;
  }

  /** Whether it failed, and is not yet believed to. */
  isSuspected(id: number): boolean {
    return this.#records[id]!.settled.suspected !== undefined;
  }

  /** What a visit at some time found, and what that means. */
  judge(report: EndpointReport, judgement: Judgement, at: number): Transition | undefined {
    const id = report.endpoint;
    const record = this.#records[id]!;
    const { shown } = record.settled;
    const { state, transition } = settle(record.settled, judgement, this.#confirmation(id), at);
    this.#records[id] = { settled: state, checkedAt: at, report };
    // That something works which was never visited before is no news.
    const isFirst = shown.reason === "never-probed" && transition?.to.verdict === "pass";
    return isFirst ? undefined : transition;
  }

  /** What still holds under another plan, for endpoints that are the same in both. */
  historyFor(plan: Plan): EndpointHistory {
    const known = new Map(this.plan.endpoints.map((each) => [keyOf(this.plan, each), each.id]));
    const codes = new Uint8Array(plan.endpoints.length).fill(neverProbed);
    const since = new Map<number, number>();
    for (const endpoint of plan.endpoints) {
      const old = known.get(keyOf(plan, endpoint));
      if (old === undefined) continue;
      codes[endpoint.id] = codeOf(this.shown(old).reason);
      since.set(endpoint.id, this.since(old));
    }
    return { codes, since };
  }

  /** Whether other nodes reach the same host: then it is this node's way that fails, which needs a closer look. */
  #confirmation(id: number): Confirmation {
    const endpoint = this.plan.endpoints[id]!;
    const others = this.#alike.get(sharedKey(endpoint))!.filter((each) => each.id !== id);
    const shows = (verdict: string): boolean =>
      others.some((each) => this.shown(each.id).verdict === verdict);
    if (shows("fail")) return "confirmed";
    return shows("pass") || shows("warn") ? "alone" : "unknown";
  }
}

function restored(code: number, since: number, now: number): SettledVerdict {
  if (code === neverProbed) return unsettled(now);
  const reason = reasonOfCode(code);
  return calm({ verdict: verdictOf(reason), reason }, since, now);
}

/** What makes two endpoints of different nodes the same. */
function sharedKey({ spec, section, row, host, ports }: PlannedEndpoint): string {
  return JSON.stringify([spec, section, row, host, formatPorts(ports)]);
}

function keyOf({ nodes }: Plan, endpoint: PlannedEndpoint): string {
  return `${nodes[endpoint.from]!.name} ${sharedKey(endpoint)}`;
}
