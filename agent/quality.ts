/**
 * How good the paths are that work: loss and latency where the cluster file sets thresholds, and black holes
 * for large packets always. Measured when all nodes have done their probing, with few probes at a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../shared/median.ts";
import { findBlackHole, type BlackHole, type KnownPort } from "./path-mtu.ts";
import type { ProbeOrder, ProbeResult, ProberDependencies } from "./prober.ts";
import { probeAlone } from "./solo-probe.ts";

export interface Quality {
  order: ProbeOrder;
  /** The ports that these figures are of: one, or some of many. */
  ports: number[];
  sent: number;
  lost: number;
  /** Median of the answered round trips, in milliseconds. */
  rttMs: number | undefined;
  blackHole: BlackHole | undefined;
}

/** What the thresholds ask for: round trips for each target, and what is slow enough to be asked again. */
export interface SamplePlan {
  samples: number;
  rttThresholdMs: number | undefined;
}

/** Ports that spoke to us, or stalled in the middle of their talk: a few of each order. */
export class AnsweredPorts {
  readonly ports: ProbeResult[] = [];
  readonly #count = new Map<number, number>();

  add(result: ProbeResult): void {
    const { kind, phase, proof } = result.outcome;
    // A real service is asked once, in its own protocol, and not measured.
    if (result.order.service !== undefined) return;
    const isStalled = kind === "silent" && (phase === "tls" || phase === "upgrade");
    const count = this.#count.get(result.order.id) ?? 0;
    if (count >= portsPerOrder || !(isStalled || (kind === "open" && proof !== undefined))) return;
    this.#count.set(result.order.id, count + 1);
    this.ports.push(result);
  }
}

const atOnce = 4;
const searchesAtOnce = 16;
/** Over TCP a lost SYN costs a second: what comes within this time was not lost. */
const sampleTimeoutMs = 900;
/** Up to so many ports of an order are told apart; of more, so many speak for all. */
const portsPerOrder = 16;
/** A median of fewer says little. */
const fewestSamples = 10;
/** So many lost round trips are figure enough, and waiting for them is what takes long. */
const enoughLost = 10;
/** A busy moment of some host passes; a slow path stays slow. */
const moreTries = 2;
const pauseMs = 500;

/** `until` ends the sampling. */
export async function measureQuality(
  answered: readonly ProbeResult[],
  { samples, rttThresholdMs }: SamplePlan,
  dependencies: ProberDependencies,
  until: AbortSignal,
): Promise<Quality[]> {
  const holes = await blackHoles(answered, dependencies, until);
  const units = unitsOf(answered);
  if (samples > 0) await sample(units, samples, dependencies, until);
  const slowerThanMs = rttThresholdMs ?? Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < moreTries && !until.aborted; tries++) {
    const slow = units.filter((unit) => (median(unit.rtts) ?? 0) > slowerThanMs);
    if (slow.length === 0) break;
    await sleep(pauseMs, undefined, { signal: until }).catch(() => {});
    const before = slow.map((unit) => unit.rtts);
    for (const unit of slow) unit.rtts = [];
    await sample(slow, fewestSamples, dependencies, until);
    for (const [index, unit] of slow.entries())
      if ((median(unit.rtts) ?? Number.POSITIVE_INFINITY) > (median(before[index]!) ?? 0))
        unit.rtts = before[index]!;
  }
  return units.map(({ order, ports, sent, lost, rtts }) => ({
    order,
    ports,
    sent,
    lost,
    rttMs: median(rtts),
    blackHole: holes.get(order.address),
  }));
}

interface Unit {
  order: ProbeOrder;
  ports: number[];
  /** This unit's part of the samples of its order. */
  share: number;
  sent: number;
  lost: number;
  rtts: number[];
}

/** One a port, or one for a range of many. */
function unitsOf(answered: readonly ProbeResult[]): Unit[] {
  return [...Map.groupBy(answered, ({ order: { id } }) => id).values()].flatMap((results): Unit[] => {
    const { order } = results[0]!;
    const open = results.filter(({ outcome }) => outcome.kind === "open").map(({ port }) => port);
    // One that only stalled is not sampled, but a black hole may be why.
    const isApart = open.length > 0 && open.length < portsPerOrder;
    const groups = isApart ? open.map((port) => [port]) : [open];
    return groups.map((ports) => ({ order, ports, share: 1 / groups.length, sent: 0, lost: 0, rtts: [] }));
  });
}

async function sample(
  units: readonly Unit[],
  samples: number,
  dependencies: ProberDependencies,
  until: AbortSignal,
): Promise<void> {
  // One of each in turn, so that what interferes for a moment interferes with all.
  const jobs = Array.from({ length: samples }, (_, turn) =>
    units.filter(
      ({ share, ports }) => ports.length > 0 && turn < Math.max(fewestSamples, Math.ceil(samples * share)),
    ),
  ).flat();
  const lostOf = new Map<number, number>();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let unit = jobs[next++]; unit !== undefined && !until.aborted; unit = jobs[next++]) {
      if ((lostOf.get(unit.order.id) ?? 0) >= enoughLost) continue;
      const { order, ports } = unit;
      const port = ports[unit.sent % ports.length]!;
      const startedAt = performance.now();
      const outcome = await probeAlone({ order, port }, sampleTimeoutMs, dependencies);
      // A moment in which this host did not run says nothing of the path.
      if (dependencies.health.fault(startedAt, performance.now()) !== undefined) continue;
      unit.sent++;
      if (outcome.kind === "open" && outcome.rttMs !== undefined) unit.rtts.push(outcome.rttMs);
      else {
        unit.lost++;
        lostOf.set(unit.order.id, (lostOf.get(unit.order.id) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** By address. UDP finds the size to the byte, so it is preferred where both are to be had. */
async function blackHoles(
  answered: readonly ProbeResult[],
  { context }: ProberDependencies,
  until: AbortSignal,
): Promise<Map<string, BlackHole>> {
  const found = new Map<string, BlackHole>();
  const remote = answered.filter(({ order }) => order.from !== order.to);
  const addresses = [...Map.groupBy(remote, ({ order }) => order.address)];
  const work = async (): Promise<void> => {
    for (let each = addresses.pop(); each !== undefined && !until.aborted; each = addresses.pop()) {
      const [address, ports] = each;
      const open = ports.filter(({ outcome }) => outcome.kind === "open");
      const chosen = open.find(({ order }) => order.protocol === "udp") ?? open[0] ?? ports[0]!;
      const hole = await findBlackHole(knownPort(chosen), context, until);
      if (hole !== undefined) found.set(address, hole);
    }
  };
  await Promise.all(Array.from({ length: searchesAtOnce }, work));
  return found;
}

function knownPort({ order, port }: ProbeResult): KnownPort {
  const { from, to, address, serverName, protocol } = order;
  // Every stream listener of ours speaks the plain protocol, too.
  return { transport: protocol === "udp" ? "udp" : "tcp", target: { from, to, address, port, serverName } };
}
