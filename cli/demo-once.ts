/** A demo that is a check: each agent probes its peers once, and the verdict is the exit code. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCoordinator } from "../coordinator/coordinator.ts";
import { nothingInspected } from "../coordinator/inspected.ts";
import { buildReport } from "../coordinator/report-builder.ts";
import type { Cluster } from "../shared/cluster-file.ts";
import { exitCodeOf } from "../shared/exit-code.ts";
import type { Plan } from "../shared/plan.ts";
import { DemoAgents } from "./demo-agents.ts";
import { interruptible } from "./interrupt.ts";
import { ProgressView } from "./progress.ts";
import type { ReportOutput } from "./report-output.ts";
import type { Terminal } from "./terminal.ts";

const joinMs = 60_000;

/** `folder` is the demo's own. */
export async function checkOnce(
  { probing, outside }: Cluster,
  plan: Plan,
  folder: string,
  output: ReportOutput,
  terminal: Terminal,
): Promise<number> {
  using interrupt = interruptible();
  await using coordinator = await startCoordinator(
    { plan, host: "127.0.0.1", port: 0, advertise: undefined, probing, outside, continuous: false },
    () => new Date(),
  );
  const joinFile = join(folder, "join");
  writeFileSync(joinFile, coordinator.joinString, { mode: 0o600 });
  const names = plan.nodes.map(({ name }) => name);
  await using agents = new DemoAgents(names, joinFile, join(folder, "state"));
  const progress = new ProgressView(terminal, () => coordinator.progress);
  const startedAt = new Date();
  try {
    await Promise.race([coordinator.everyoneIsListening(joinMs, interrupt.signal), agents.anyFailure]);
    progress.probing(coordinator.plannedProbes);
    await coordinator.probe(interrupt.signal);
  } finally {
    progress.close();
  }
  const report = buildReport(plan, coordinator.observations, coordinator.membership, {
    startedAt,
    finishedAt: new Date(),
    interrupted: interrupt.signal.aborted,
    serviceExpected: false,
    inspected: nothingInspected,
  });
  await coordinator.finish("the demo is over");
  output.show(report);
  return interrupt.exitCode ?? exitCodeOf(report, ["fail", "incomplete"]);
}
