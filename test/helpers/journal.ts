/** What happens in a small cluster, as a coordinator tells it to its journal. */
import type { KeptSweep, KeptTransition } from "../../coordinator/journal/journal.ts";
import type { SweepMessage } from "../../shared/watch-wire.ts";

/** A moment on the clock of a test: 2026-01-02T00:00:00Z. */
export const start = Date.UTC(2026, 0, 2);
export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export const nodeNames = ["n1", "n2", "n3"];
export const flows = ["etcd", "https", "ntp"];
export const pathCount = 18;
/** As `codeOf` numbers them; by hand, since a process that only keeps history should start fast. */
export const reachable = 1;
export const dropped = 10;

export function codesOf(code = reachable, count = pathCount): Uint8Array {
  return new Uint8Array(count).fill(code);
}

export function transitionOf(at: number, path: number, parts: Partial<KeptTransition> = {}): KeptTransition {
  return {
    at,
    from: nodeNames[path % 3]!,
    to: nodeNames[(path + 1) % 3]!,
    spec: "test",
    flow: flows[path % flows.length]!,
    expected: "open",
    plan: 1,
    path,
    before: reachable,
    after: dropped,
    isOutside: false,
    isFlapping: false,
    isLate: false,
    evidence: {
      source: { outcome: "silent", phase: "connect", elapsedMs: 4_000 + path, attempts: 2 },
      target: { agent: "alive", listener: "bound", sawRequest: false },
    },
    ...parts,
  };
}

export function sweepOf(
  node: string,
  seq: number,
  at: number,
  parts: Partial<SweepMessage> & { buckets?: Uint8Array } = {},
): KeptSweep {
  const { buckets = Uint8Array.of(50, 51, 52, 0), ...message } = parts;
  return {
    node,
    at,
    receivedAt: at + 1_000,
    sweep: {
      type: "sweep",
      origin: "origin-1",
      seq,
      plan: 1,
      late: false,
      probes: buckets.length,
      rtt: Buffer.from(buckets).toString("base64"),
      odd: [],
      agoMs: 1_000,
      tookMs: 900,
      skipped: [],
      cut: "",
      fullSweepMs: 900,
      stalledMs: 0,
      ...message,
    },
  };
}
