/** One readiness check from the join file to the report. Composes coordinator and progress; decides nothing about verdicts. */
import { startCoordinator, type Coordinator, type CoordinatorConfig } from "../coordinator/coordinator.ts";
import { nothingInspected, type Inspected } from "../coordinator/inspected.ts";
import { buildReport } from "../coordinator/report-builder.ts";
import type { Plan } from "../shared/plan.ts";
import type { Report } from "../shared/report.ts";
import { offerJoinFile } from "./join-file.ts";
import { ProgressView } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

export interface CheckOptions {
  plan: Plan;
  host: string;
  port: number;
  advertise: readonly string[] | undefined;
  joinFile: string;
  waitMs: number;
  probing: CoordinatorConfig["probing"];
  outside: CoordinatorConfig["outside"];
  /** Called with the join string once agents may join; an agent in this process may start then. */
  onReady?: (joinString: string) => void;
}

/** Runs until the report is complete, or the signal asks for what is known. */
export async function runCheck(
  options: CheckOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Report> {
  const { plan, host, port, advertise, probing, outside } = options;
  const startedAt = new Date();
  await using coordinator = await startCoordinator(
    { plan, host, port, advertise, probing, outside, continuous: false },
    () => new Date(),
  );
  using _joinFile = offerJoinFile(options.joinFile, coordinator, terminal);
  options.onReady?.(coordinator.joinString);
  const inspected = await collect(coordinator, options, terminal, signal);
  const interrupted = signal.aborted;
  const report = buildReport(plan, coordinator.observations, coordinator.membership, {
    startedAt,
    finishedAt: new Date(),
    interrupted,
    serviceExpected: false,
    inspected,
  });
  await coordinator.finish(interrupted ? "interrupted" : "the check is finished");
  return report;
}

/** Waits for the agents, has them probe, and then look at themselves and outside, as far as the signal lets it. */
async function collect(
  coordinator: Coordinator,
  options: CheckOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Inspected> {
  const progress = new ProgressView(terminal, () => coordinator.progress);
  coordinator.on("lost", (node, clean) => {
    if (!clean) progress.say(`lost the agent of ${node}`);
  });
  try {
    const complete = await coordinator.everyoneIsListening(options.waitMs, signal);
    if (signal.aborted) return nothingInspected;
    if (!complete)
      progress.say(
        `going on without ${coordinator.membership.missing.join(", ")}: no agent within the time of --wait`,
      );
    progress.probing(coordinator.plannedProbes);
    await coordinator.probe(signal);
    return signal.aborted ? nothingInspected : await coordinator.inspect(signal);
  } finally {
    progress.close();
  }
}
