/** Continuous mode: a round every interval, and for every path the verdict that has settled out of them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Plan } from "../shared/plan.ts";
import type { Report, ReportPath } from "../shared/report.ts";
import type { Coordinator } from "./coordinator.ts";
import { nothingInspected } from "./inspected.ts";
import { buildReport } from "./report-builder.ts";
import {
  settle,
  unsettled,
  type Confirmation,
  type SettledVerdict,
  type Transition,
} from "./settled-verdict.ts";

export interface MonitorEvents {
  /** A path's settled verdict changed; `path` is as the round judged it. */
  transition: (transition: Transition, path: ReportPath) => void;
  round: (report: Report) => void;
}

/** Rounds of many coordinators, and of one with its own past, must not fall into step. */
const jitter = 0.1;

export async function monitor(
  coordinator: Coordinator,
  plan: Plan,
  intervalMs: number,
  events: MonitorEvents,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const states = new Map<string, SettledVerdict>();
  // A first round of a few early agents would only be in the way of the others.
  await coordinator.everyoneIsListening(intervalMs, signal);
  while (!signal.aborted) {
    const startedAt = new Date();
    const began = performance.now();
    const observations = await coordinator.probe(signal);
    if (signal.aborted) return;
    const report = buildReport(plan, observations, coordinator.membership, {
      startedAt,
      finishedAt: new Date(),
      interrupted: false,
      serviceExpected: true,
      inspected: nothingInspected,
    });
    const confirm = confirmations(report.paths);
    const now = Date.now();
    for (const path of report.paths) {
      const key = `${path.from} ${path.to} ${path.spec} ${path.flow} ${path.expected}`;
      const { state, transition } = settle(
        states.get(key) ?? unsettled(now),
        { verdict: path.verdict, reason: path.reason },
        confirm(path),
        now,
      );
      states.set(key, state);
      if (transition !== undefined) events.transition(transition, path);
    }
    events.round(report);
    const pauseMs = intervalMs * (1 + jitter * (2 * random() - 1)) - (performance.now() - began);
    await sleep(Math.max(0, pauseMs), undefined, { signal }).catch(() => {});
  }
}

/** Who else knows the far end of a path: the far end itself on its way back, and other nodes on theirs. */
export function confirmations(paths: readonly ReportPath[]): (path: ReportPath) => Confirmation {
  const byPair = Map.groupBy(paths, ({ from, to }) => `${from} ${to}`);
  const byFarPort = Map.groupBy(paths, farPort);
  return (path) => {
    const reverse = byPair.get(`${path.to} ${path.from}`) ?? [];
    const vantages = (byFarPort.get(farPort(path)) ?? []).filter(({ from }) => from !== path.from);
    const others = [...reverse, ...vantages].filter(({ verdict }) => verdict !== "unknown");
    if (others.length === 0) return "unknown";
    return others.some(({ verdict }) => verdict === "fail") ? "confirmed" : "alone";
  };
}

function farPort({ to, spec, flow, expected }: ReportPath): string {
  return `${to} ${spec} ${flow} ${expected}`;
}
