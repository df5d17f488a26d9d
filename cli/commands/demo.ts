/** `portmesh demo`: a whole cluster of real agents on this host, to see what the tool does. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import type { Plan } from "../../shared/plan.ts";
import type { Report } from "../../shared/report.ts";
import { PortmeshError } from "../../shared/errors.ts";
import { formatPorts } from "../../shared/ports.ts";
import { nothingInspected } from "../../coordinator/inspected.ts";
import { skippable } from "../../shared/names.ts";
import { nothingOutside } from "../../shared/outside.ts";
import type { Cluster } from "../../shared/cluster-file.ts";
import { demoCluster, maxDemoNodes } from "../demo-cluster.ts";
import {
  applyBlocks,
  isInsideNamespace,
  isNeeded,
  parseBlock,
  reenter,
  type Block,
} from "../demo-namespace.ts";
import { interruptible } from "../interrupt.ts";
import { durationOption, wholeNumber } from "../options.ts";
import { ProgressView } from "../progress.ts";
import { outputOption, ReportOutput, reportOption, type ReportFlags } from "../report-output.ts";
import type { Terminal } from "../terminal.ts";

interface DemoFlags extends ReportFlags {
  nodes: number;
  spec: string;
  block: Block[];
  once: boolean;
  interval: number;
}

export function demoCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("demo")
    .description("a cluster of real agents on this host, checked again and again until Ctrl-C")
    .option("--nodes <n>", "how many nodes", wholeNumber(2, maxDemoNodes), 6)
    .option("--spec <id>", "which product", "anypoint-runtime-fabric")
    .option(
      "--block <rule>",
      "drop FROM->TO:tcp/PORT with a real firewall rule (repeatable)",
      (text: string, list: Block[]) => [...list, parseBlock(text)],
      [],
    )
    .option("--once", "check once and exit with the code of a check", false)
    .addOption(durationOption("--interval <duration>", "time between two checks", "30s"))
    .addOption(outputOption())
    .addOption(reportOption("also write a report file after each check (repeatable)"))
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh demo\n  portmesh demo --once --block 'n3->n1:tcp/2379'\n  portmesh demo --spec dynatrace-managed --nodes 8",
    )
    .action(async (flags: DemoFlags) => {
      done(await demo(flags, terminal));
    });
}

async function demo(flags: DemoFlags, terminal: Terminal): Promise<number> {
  const output = new ReportOutput(flags, terminal);
  if (process.platform !== "linux") {
    throw new PortmeshError(
      "cannot-run",
      "the demo needs every address of 127.0.0.0/8 on loopback, as Linux has it",
      { next: "Run it on Linux." },
    );
  }
  const { readShippedSpec, shippedSpecIds } = await import("../../shared/spec-folder.ts");
  const spec = readShippedSpec(flags.spec);
  if (spec === undefined)
    throw new PortmeshError("usage", `no spec ${flags.spec} is shipped`, {
      next: `There are ${shippedSpecIds().join(", ")}.`,
    });
  const cluster = demoCluster(spec, flags.nodes);
  if (flags.block.length > 0) {
    if (!isInsideNamespace()) return reenter();
    applyBlocks(flags.block, cluster);
  }
  const { makePlan } = await import("../../shared/plan.ts");
  const plan = makePlan(cluster, "install", skippable);
  for (const block of flags.block.filter((each) => !isNeeded(each, plan))) {
    const { from, to, transport, ports } = block;
    terminal.err.write(
      `note: no flow needs ${from}->${to}:${transport}/${formatPorts(ports)}, so blocking it changes nothing here\n`,
    );
  }
  return runDemo(plan, cluster.probing, flags, output, terminal);
}

async function runDemo(
  plan: Plan,
  probing: Cluster["probing"],
  flags: DemoFlags,
  output: ReportOutput,
  terminal: Terminal,
): Promise<number> {
  const [{ startCoordinator }, { buildReport }, { exitCodeOf }] = await Promise.all([
    import("../../coordinator/coordinator.ts"),
    import("../../coordinator/report-builder.ts"),
    import("../../shared/exit-code.ts"),
  ]);
  using interrupt = interruptible();
  await using coordinator = await startCoordinator(
    {
      plan,
      host: "127.0.0.1",
      port: 0,
      advertise: undefined,
      probing,
      outside: nothingOutside,
      continuous: false,
    },
    () => new Date(),
  );
  await using agents = new DemoAgents(plan, coordinator.joinString);
  const title = plan.specs.map((spec) => spec.title).join(", ");
  terminal.err.write(
    `${title}: ${plan.nodes.length} nodes on 127.77.0.1 to 127.77.0.${plan.nodes.length}, each a process of its own\n`,
  );
  let last: Report | undefined;
  const progress = new ProgressView(terminal, () => coordinator.progress);
  try {
    await Promise.race([coordinator.everyoneIsListening(60_000, interrupt.signal), agents.anyFailure]);
    for (let round = 1; !interrupt.signal.aborted; round++) {
      const startedAt = new Date();
      progress.probing(coordinator.plannedProbes);
      await coordinator.probe(interrupt.signal);
      const interrupted = interrupt.signal.aborted;
      last = buildReport(plan, coordinator.observations, coordinator.membership, {
        startedAt,
        finishedAt: new Date(),
        interrupted,
        serviceExpected: false,
        inspected: nothingInspected,
      });
      if (flags.once || interrupted) break;
      progress.clear();
      show(last, flags, output, terminal);
      terminal.err.write(
        `check ${round} done; the next in ${flags.interval / 1_000} s, Ctrl-C ends the demo\n`,
      );
      await sleep(flags.interval, undefined, { signal: interrupt.signal }).catch(() => {});
    }
  } finally {
    progress.close();
  }
  await coordinator.finish("the demo is over");
  if (last !== undefined && (flags.once || last.interrupted)) show(last, flags, output, terminal);
  if (interrupt.exitCode !== undefined) return interrupt.exitCode;
  return last === undefined ? 5 : exitCodeOf(last, ["fail", "incomplete"]);
}

/** On a terminal each check takes the place of the one before. */
function show(report: Report, flags: DemoFlags, output: ReportOutput, terminal: Terminal): void {
  if (terminal.out.isTTY && !flags.once && !report.interrupted) terminal.out.write("\u001b[H\u001b[2J");
  output.show(report);
}

/** The agents as child processes. They get the join string through a file only this user can read. */
class DemoAgents implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-demo-"));
  readonly #children: ChildProcess[];
  /** Rejects when an agent ends by itself. */
  readonly anyFailure: Promise<never>;
  #closing = false;

  constructor(plan: Plan, joinString: string) {
    const joinFile = join(this.#folder, "join");
    writeFileSync(joinFile, joinString, { mode: 0o600 });
    const launcher = launcherPath();
    this.#children = plan.nodes.map(({ name }) =>
      spawn(launcher, ["agent", "run", "--join-file", joinFile, "--name", name], {
        stdio: ["ignore", "ignore", "pipe"],
        // Ctrl-C goes to the demo, which ends its agents when the report is done.
        detached: true,
      }),
    );
    this.anyFailure = new Promise((_resolve, reject) => {
      for (const [index, child] of this.#children.entries()) {
        let said = "";
        child.stderr?.on("data", (chunk: Buffer) => {
          said = (said + chunk.toString()).slice(-2_000);
        });
        child.once("exit", (code) => {
          if (this.#closing || code === 0) return;
          reject(
            new PortmeshError(
              "cannot-run",
              `the agent of ${plan.nodes[index]!.name} ended with ${code}: ${said.trim()}`,
            ),
          );
        });
      }
    });
    this.anyFailure.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#children.map(endChild));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The agents start as they do anywhere else. From a build this file lies one folder deeper. */
function launcherPath(): string {
  const candidates = ["../../bin/portmesh", "../../../bin/portmesh"].map((path) =>
    join(import.meta.dirname, path),
  );
  return candidates.find((path) => existsSync(path)) ?? candidates[0]!;
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await exited;
  clearTimeout(timer);
}
