/** Frames of watching agents, as short as what they tell. */
import type { Plan } from "../../shared/plan.ts";
import type { OddGroup, SweepMessage } from "../../shared/watch-wire.ts";

/** Every target of the node answered in 0.4 ms, and nothing was odd, but for what `parts` says. */
export function sweepOf(plan: Plan, node: number, parts: Partial<SweepMessage> = {}): SweepMessage {
  const [first, end] = plan.pairs.targetsFrom(node);
  return {
    type: "sweep",
    origin: "origin",
    seq: 1,
    plan: 1,
    late: false,
    probes: end - first,
    rtt: Buffer.alloc(end - first, 43).toString("base64"),
    odd: [],
    agoMs: 10,
    tookMs: 5,
    skipped: [],
    cut: "",
    fullSweepMs: 0,
    stalledMs: 0,
    ...parts,
  };
}

/** No answer at all, on these ports of these targets. */
export function silentOf(targets: string, ports: string, parts: Partial<OddGroup> = {}): OddGroup {
  return { targets, ports, kind: "silent", phase: "connect", elapsedMs: 4_000, attempts: 2, ...parts };
}

/** Refused at once. */
export function refusedOf(targets: string, ports: string, parts: Partial<OddGroup> = {}): OddGroup {
  return {
    targets,
    ports,
    kind: "refused",
    phase: "connect",
    elapsedMs: 0.3,
    attempts: 2,
    code: "ECONNREFUSED",
    ...parts,
  };
}
