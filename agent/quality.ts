/**
 * How good the paths are that work: loss and latency where the cluster file sets thresholds, and black holes
 * for large packets always. Done when all else is quiet, with few probes at a time.
 */
import { findBlackHole, type BlackHole, type KnownPort } from "./path-mtu.ts";
import type { ProbeOrder, ProbeResult, ProberDependencies } from "./prober.ts";
import { singleDatagram } from "./protocols/udp.ts";

export interface Quality {
  order: ProbeOrder;
  sent: number;
  lost: number;
  /** Median of the answered round trips, in milliseconds. */
  rttMs: number | undefined;
  blackHole: BlackHole | undefined;
}

/** Ports that spoke to us, or stalled in the middle of their talk: a few of each order. */
export class AnsweredPorts {
  readonly ports: ProbeResult[] = [];
  readonly #count = new Map<number, number>();

  add(result: ProbeResult): void {
    const { kind, phase, proof } = result.outcome;
    const isStalled = kind === "silent" && (phase === "tls" || phase === "upgrade");
    const count = this.#count.get(result.order.id) ?? 0;
    if (count >= portsPerOrder || !(isStalled || (kind === "open" && proof !== undefined))) return;
    this.#count.set(result.order.id, count + 1);
    this.ports.push(result);
  }
}

const atOnce = 8;
const searchesAtOnce = 16;
/** Over TCP a lost SYN costs a second: what comes within this time was not lost. */
const sampleTimeoutMs = 900;
/** More ports of one order are not asked for samples. */
const portsPerOrder = 16;

/** `samples`: round trips for each order; 0 measures black holes only. `until` ends the sampling. */
export async function measureQuality(
  answered: readonly ProbeResult[],
  samples: number,
  dependencies: ProberDependencies,
  until: AbortSignal,
): Promise<Quality[]> {
  const byOrder = Map.groupBy(answered, ({ order: { id } }) => id);
  const holes = await blackHoles(answered, dependencies, until);
  const rounds = Array.from(byOrder.values(), (ports) => ({
    order: ports[0]!.order,
    ports: ports.filter(({ outcome }) => outcome.kind === "open").map(({ port }) => port),
    sent: 0,
    rtts: [] as number[],
  }));
  // One of each in turn, so that what interferes for a moment interferes with all.
  const jobs = Array.from({ length: samples }, () => rounds.filter(({ ports }) => ports.length > 0)).flat();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined && !until.aborted; job = jobs[next++]) {
      const { from, to, address, serverName, protocol } = job.order;
      const port = job.ports[job.sent++ % job.ports.length]!;
      const startedAt = performance.now();
      const outcome = await dependencies.protocols[protocol].probe(
        { from, to, address, port, serverName },
        { ...dependencies.context, timeoutMs: sampleTimeoutMs, datagrams: singleDatagram },
      );
      // A moment in which this host did not run says nothing of the path.
      if (dependencies.health.fault(startedAt, performance.now()) !== undefined) job.sent--;
      else if (outcome.kind === "open" && outcome.rttMs !== undefined) job.rtts.push(outcome.rttMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return rounds.map(({ order, sent, rtts }) => ({
    order,
    sent,
    lost: sent - rtts.length,
    rttMs: rtts.toSorted((a, b) => a - b)[Math.floor((rtts.length - 1) / 2)],
    blackHole: holes.get(order.address),
  }));
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
      const hole = await findBlackHole(knownPort(chosen), context);
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
