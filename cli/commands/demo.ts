/** `portmesh demo`: a whole cluster of real agents on this host, to see what the tool does. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import type { Cluster } from "../../shared/cluster-file.ts";
import { PortmeshError } from "../../shared/errors.ts";
import { skippable } from "../../shared/names.ts";
import { formatPorts } from "../../shared/ports.ts";
import type { ProductSpec } from "../../shared/spec.ts";
import { demoCluster, maxDemoNodes } from "../demo-cluster.ts";
import {
  applyBlocks,
  isInsideNamespace,
  isNeeded,
  parseBlock,
  reenter,
  type Block,
} from "../demo-namespace.ts";
import { dashboardPort, durationOption, wholeNumber } from "../options.ts";
import { outputOption, ReportOutput, reportOption, type ReportFlags } from "../report-output.ts";
import type { Terminal } from "../terminal.ts";

interface DemoFlags extends ReportFlags {
  nodes: number;
  spec: string;
  block: Block[];
  once: boolean;
  interval: number;
  open: boolean;
}

export function demoCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("demo")
    .description("a cluster of real agents on this host, watched with a dashboard until Ctrl-C")
    .option("--nodes <n>", "how many nodes", wholeNumber(2, maxDemoNodes), 6)
    .option("--spec <id>", "which product", "anypoint-runtime-fabric")
    .option(
      "--block <rule>",
      "drop FROM->TO:tcp/PORT with a real firewall rule (repeatable)",
      (text: string, list: Block[]) => [...list, parseBlock(text)],
      [],
    )
    .option("--once", "check once and exit with the code of a check", false)
    .option("--open", "open the dashboard in a browser", false)
    .addOption(durationOption("--interval <duration>", "time between two sweeps of a node", "10s"))
    .addOption(outputOption())
    .addOption(reportOption("also write a report file, at first and at the end (repeatable)"))
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh demo --open\n  portmesh demo --once --block 'n3->n1:tcp/2379'\n  portmesh demo --spec dynatrace-managed --nodes 8",
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
  const cluster = demoCluster(await shippedSpec(flags.spec), flags.nodes);
  if (!flags.once && flags.interval <= cluster.probing.timeoutMs)
    throw new PortmeshError("usage", `--interval must be longer than ${cluster.probing.timeoutMs / 1_000}s`, {
      next: "A probe takes up to so long.",
    });
  if (flags.block.length > 0) {
    if (!isInsideNamespace()) return reenterWith(flags);
    applyBlocks(flags.block, cluster);
  }
  const folder = mkdtempSync(join(tmpdir(), "portmesh-demo-"));
  try {
    return await runDemo(cluster, folder, flags, output, terminal);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A dashboard is to be seen from out here as well. */
async function reenterWith({ once }: DemoFlags): Promise<number> {
  if (once) return reenter();
  const { openWindow } = await import("../demo-window.ts");
  await using window = await openWindow(dashboardPort);
  return await reenter(window.env);
}

async function runDemo(
  cluster: Cluster,
  folder: string,
  flags: DemoFlags,
  output: ReportOutput,
  terminal: Terminal,
): Promise<number> {
  const { makePlan } = await import("../../shared/plan.ts");
  const plan = makePlan(cluster, "install", skippable);
  for (const block of flags.block.filter((each) => !isNeeded(each, plan))) {
    const { from, to, transport, ports } = block;
    terminal.err.write(
      `note: no flow needs ${from}->${to}:${transport}/${formatPorts(ports)}, so blocking it changes nothing here\n`,
    );
  }
  const title = plan.specs.map((spec) => spec.title).join(", ");
  terminal.err.write(
    `${title}: ${plan.nodes.length} nodes on 127.77.0.1 to 127.77.0.${plan.nodes.length}, each a process of its own\n`,
  );
  if (flags.once) {
    const { checkOnce } = await import("../demo-once.ts");
    return checkOnce(cluster, plan, folder, output, terminal);
  }
  const { watchDemo } = await import("../demo-watch.ts");
  return watchDemo(cluster, folder, flags, output, terminal);
}

async function shippedSpec(id: string): Promise<ProductSpec> {
  const { readShippedSpec, shippedSpecIds } = await import("../../shared/spec-folder.ts");
  const spec = readShippedSpec(id);
  if (spec !== undefined) return spec;
  throw new PortmeshError("usage", `no spec ${id} is shipped`, {
    next: `There are ${shippedSpecIds().join(", ")}.`,
  });
}
