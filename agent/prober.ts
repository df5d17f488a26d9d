/**
 * Runs a pinglist once. Probes are interleaved over the nodes to be probed, each in a lane of its own with
 * its own limits, so a dead node costs its own time-outs and nobody else's. Three limits hold together:
 * young probes (the work in progress, shared out evenly to the lanes that have work), open probes (file
 * descriptors), and a rate per agent and per node.
 */
import type { ProtocolName } from "../shared/names.ts";
import type { Outcome } from "../shared/outcome.ts";
import type { PortSet } from "../shared/ports.ts";
import type { ServiceExchange } from "../shared/service-exchange.ts";
import { localRouteFault, mayBeLocal } from "./protocols/local-route.ts";
import type { ProbeContext, Protocol } from "./protocols/protocol.ts";
import { probeService } from "./protocols/services/index.ts";
import { withOwnFault, type Health } from "./health.ts";
import { bucketOf, lanesOf, type Lane } from "./lanes.ts";
import { sweepOrder } from "./sweep-order.ts";
import type { TokenBucket } from "./token-bucket.ts";
import { Window } from "./window.ts";

/** A range whose sweep ran out of time. */
export interface CutOrder {
  order: ProbeOrder;
  /** Of the ports that are probed in turn, how many had theirs, and all there are. */
  taken: number;
  of: number;
}

/** All ports of one address of one node that one protocol has to probe. */
export interface ProbeOrder {
  id: number;
  from: number;
  to: number;
  address: string;
  protocol: ProtocolName;
  /** Set where a real service holds the ports: what to speak instead of asking for a proof. */
  service?: ServiceExchange;
  serverName: string;
  ports: PortSet;
  /** Set where the ports must be shut: what fails there is as it should be, and is not looked at twice. */
  isShut?: boolean;
  /** How many ports earlier sweeps of this range have had: see `sweepOrder`. */
  start?: number;
  /** Those of its ports that are probed in any case. */
  faulty?: readonly number[];
}

export interface ProbeResult {
  order: ProbeOrder;
  port: number;
  outcome: Outcome;
}

export interface ProberLimits {
  /** Probes in their first moments, at most: see `Window`. */
  young: number;
  /** Probes in all; one that waits for its time-out costs a descriptor and no CPU. */
  open: number;
  openPerNode: number;
  ratePerSecond: number;
  ratePerNodePerSecond: number;
  /** After so long no more ports of large ranges are begun, in milliseconds. */
  sweepMs: number;
}

export const defaultLimits: ProberLimits = {
  young: 64,
  open: 4_096,
  openPerNode: 3_072,
  ratePerSecond: 6_000,
  ratePerNodePerSecond: 2_000,
  sweepMs: Number.POSITIVE_INFINITY,
};

export interface ProberDependencies {
  protocols: Readonly<Record<ProtocolName, Protocol>>;
  context: ProbeContext;
  limits: ProberLimits;
  /** Of an agent that does several things at once: what all of them together may send. */
  allowance?: TokenBucket;
  health: Health;
}

/** The same, for the second look at what failed. */
export const gentleLimits: ProberLimits = {
  ...defaultLimits,
  young: 32,
  ratePerSecond: 1_000,
  ratePerNodePerSecond: 500,
};

const youthMs = 60;
const tickMs = 10;
/** A timer this late means that this host does not keep up: then slow answers are our own doing. */
const lagMs = 40;

interface Flight {
  lane: Lane;
  launchedAt: number;
  isYoung: boolean;
}

/** One probe of an order: for a proof, or of a service in its own protocol. */
export function probePort(
  { from, to, address, serverName, protocol: name, service }: ProbeOrder,
  port: number,
  { protocols, context }: Pick<ProberDependencies, "protocols" | "context">,
): Promise<Outcome> {
  const target = { from, to, address, port, serverName };
  const protocol = protocols[name];
  return service === undefined
    ? protocol.probe(target, context)
    : probeService(service, protocol.transport, target, context);
}

/**
 * Resolves when every probe has its result, or the signal cancelled the rest; `onResult` gets each as it comes.
 * @returns the ranges that were not swept to their end, because the time for that was up.
 */
export async function runPinglist(
  orders: readonly ProbeOrder[],
  dependencies: ProberDependencies,
  onResult: (result: ProbeResult) => void,
  signal: AbortSignal,
): Promise<CutOrder[]> {
  const round = new Round(orders, dependencies, onResult);
  const cancel = (): void => round.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (!signal.aborted) await round.run();
    return round.cut;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

class Round {
  readonly #deps: ProberDependencies;
  readonly #onResult: (result: ProbeResult) => void;
  readonly #lanes: Lane[];
  readonly #bucket: TokenBucket;
  readonly #routeFaults = new Map<string, Promise<string | undefined>>();
  /** In order of launch; the front is the oldest. */
  #flights: Flight[] = [];
  readonly #window: Window;
  #nextLane = 0;
  #tickedAt = performance.now();
  #lanesWithWork: number;
  #young = 0;
  #open = 0;
  #left: number;
  #cancelled = false;
  #sweepUntil: number;
  readonly cut: CutOrder[] = [];
  #finish: () => void = () => {};

  constructor(
    orders: readonly ProbeOrder[],
    dependencies: ProberDependencies,
    onResult: (result: ProbeResult) => void,
  ) {
    const now = performance.now();
    const { ratePerSecond } = dependencies.limits;
    this.#deps = dependencies;
    this.#sweepUntil = now + dependencies.limits.sweepMs;
    this.#window = new Window(dependencies.limits.young);
    this.#onResult = onResult;
    this.#lanes = lanesOf(orders, dependencies.limits, now);
    this.#lanesWithWork = this.#lanes.filter(({ port }) => port.length > 0).length;
    this.#left = this.#lanes.reduce((sum, lane) => sum + lane.port.length, 0);
    this.#bucket = bucketOf(ratePerSecond, now);
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now();
        const isLagging = now - this.#tickedAt > tickMs + lagMs;
        this.#tickedAt = now;
        if (!isLagging) this.#age(now);
        if (now >= this.#sweepUntil) this.#endSweep();
        this.#pump();
      }, tickMs);
      this.#finish = (): void => {
        clearInterval(timer);
        resolve();
      };
      if (this.#left === 0) this.#finish();
      else this.#pump();
    });
  }

  cancel(): void {
    this.#cancelled = true;
    for (const closable of this.#deps.context.open) closable.destroy();
    this.#deps.context.open.clear();
    this.#finish();
  }

  #pump(): void {
    const { open } = this.#deps.limits;
    while (!this.#cancelled && this.#young < this.#window.size && this.#open < open) {
      const now = performance.now();
      const lane = this.#takeLane(now);
      if (lane === undefined || !this.#bucket.take(now)) return;
      if (this.#deps.allowance?.take(now) === false) return;
      this.#launch(lane, now);
    }
  }

  /** Time is up for ranges: what has not been begun is left for the next round. */
  #endSweep(): void {
    this.#sweepUntil = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) {
      const end = Math.max(lane.always, lane.taken);
      if (end >= lane.end) continue;
      const left = Map.groupBy(lane.order.subarray(end), (order) => order);
      for (const [index, { length }] of left) {
        const order = lane.orders[index]!;
        const of = sweepOrder(order.ports, 0).inTurn.length;
        this.cut.push({ order, taken: of - length, of });
      }
      if (lane.taken < lane.end && lane.taken >= end) this.#lanesWithWork--;
      this.#left -= lane.end - end;
      lane.end = end;
    }
    if (this.#left === 0) this.#finish();
  }

  /** The next lane in turn that has work and may do it now. */
  #takeLane(now: number): Lane | undefined {
    // A node that does not answer keeps its share of the window and leaves the others theirs.
    const share = Math.ceil(this.#window.size / Math.max(1, this.#lanesWithWork));
    const { openPerNode } = this.#deps.limits;
    for (let tried = 0; tried < this.#lanes.length; tried++) {
      const lane = this.#lanes[this.#nextLane]!;
      this.#nextLane = (this.#nextLane + 1) % this.#lanes.length;
      const mayLaunch = lane.taken < lane.end && lane.young < share && lane.open < openPerNode;
      if (mayLaunch && lane.bucket.take(now)) return lane;
    }
    return undefined;
  }

  #launch(lane: Lane, now: number): void {
    const at = lane.taken++;
    const order = lane.orders[lane.order[at]!]!;
    const port = lane.port[at]!;
    if (lane.taken === lane.end) this.#lanesWithWork--;
    const flight: Flight = { lane, launchedAt: now, isYoung: true };
    this.#flights.push(flight);
    this.#young++;
    lane.young++;
    this.#open++;
    lane.open++;
    const land = (outcome: Outcome): void => {
      this.#growUp(flight);
      const landedAt = performance.now();
      if (outcome.kind !== "silent") this.#window.answered(outcome.elapsedMs, landedAt);
      this.#open--;
      lane.open--;
      if (this.#cancelled) return;
      this.#onResult({
        order,
        port,
        outcome: withOwnFault(outcome, this.#deps.health, flight.launchedAt, landedAt),
      });
      if (--this.#left === 0) this.#finish();
      else this.#pump();
    };
    // Two callbacks and no chain: every promise more is felt at tens of thousands of probes a second.
    probePort(order, port, this.#deps).then(
      (outcome) =>
        mayBeLocal(outcome) ? this.#withLocalRoute(outcome, order.address).then(land) : land(outcome),
      (error: unknown) => land(defect(error, performance.now() - now)),
    );
  }

  /** Returns whether it was young until now. */
  #growUp(flight: Flight): boolean {
    if (!flight.isYoung) return false;
    flight.isYoung = false;
    flight.lane.young--;
    this.#young--;
    return true;
  }

  #age(now: number): void {
    let grown = 0;
    for (const flight of this.#flights) {
      if (flight.isYoung && now - flight.launchedAt < youthMs) break;
      if (this.#growUp(flight)) this.#window.grow();
      grown++;
    }
    if (grown > 0) this.#flights = this.#flights.slice(grown);
  }

  /** A host that has no route of its own says the same as a router that has none: ask our own kernel. */
  async #withLocalRoute(outcome: Outcome, address: string): Promise<Outcome> {
    let fault = this.#routeFaults.get(address);
    if (fault === undefined) {
      fault = localRouteFault(address);
      this.#routeFaults.set(address, fault);
    }
    const code = await fault;
    return code === undefined ? outcome : { ...outcome, kind: "local-error", code };
  }
}

/** A protocol that throws has a bug; the round goes on. */
function defect(error: unknown, elapsedMs: number): Outcome {
  return {
    kind: "local-error",
    phase: "connect",
    elapsedMs,
    attempts: 1,
    code: "DEFECT",
    detail: String(error),
  };
}
