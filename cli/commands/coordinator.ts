/** `portmesh coordinator run`: watches the paths of a cluster until it is stopped, and says what changes. */
import { Command, Option } from "commander";
import { formatDuration } from "../../shared/duration.ts";
import { skippable } from "../../shared/names.ts";
import { interruptible } from "../interrupt.ts";
import { advertiseOption, joinFileOption, listenOption, type AccessFlags } from "../options.ts";
import { painter, type Terminal } from "../terminal.ts";

interface RunFlags extends AccessFlags {
  output: "text" | "json";
}

export function coordinatorCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  const run = new Command("run")
    .description("probe all paths again and again, and print every change of a verdict")
    .argument("<cluster.yaml>", "the cluster file; probing.interval says how often")
    .addOption(listenOption())
    .addOption(advertiseOption())
    .addOption(joinFileOption())
    .addOption(
      new Option("-o, --output <format>", "lines or JSON lines").choices(["text", "json"]).default("text"),
    )
    .addHelpText(
      "after",
      "\nA path fails after three bad rounds. Stop it with Ctrl-C.\n\nExamples:\n  portmesh coordinator run cluster.yaml\n  portmesh coordinator run cluster.yaml -o json | jq",
    )
    .action(async (file: string, flags: RunFlags) => {
      done(await runCommand(file, flags, terminal));
    });
  return new Command("coordinator")
    .description("the coordinator of a cluster that is watched")
    .addCommand(run);
}

async function runCommand(file: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  const [{ readCluster }, { makePlan }, { startCoordinator }, { monitor }, join, { transitionLine }] =
    await Promise.all([
      import("../cluster-input.ts"),
      import("../../shared/plan.ts"),
      import("../../coordinator/coordinator.ts"),
      import("../../coordinator/monitor.ts"),
      import("../join-file.ts"),
      import("../views/transition.ts"),
    ]);
  const cluster = readCluster(file);
  const plan = makePlan(cluster, "runtime", skippable);
  using interrupt = interruptible();
  await using coordinator = await startCoordinator(
    {
      plan,
      ...flags.listen,
      advertise: flags.advertise,
      probing: cluster.probing,
      outside: cluster.outside,
      continuous: true,
    },
    () => new Date(),
  );
  using _joinFile = join.offerJoinFile(flags.joinFile, coordinator, terminal);
  coordinator.on("joined", (node) => terminal.err.write(`${node} joined\n`));
  coordinator.on("lost", (node, clean) => terminal.err.write(`${node} ${clean ? "left" : "was lost"}\n`));
  const paint = painter(terminal.out);
  await monitor(
    coordinator,
    plan,
    cluster.probing.intervalMs,
    {
      transition: (transition, path) =>
        terminal.out.write(
          flags.output === "json"
            ? `${JSON.stringify({ ...transition, at: new Date(transition.at).toISOString(), path })}\n`
            : `${transitionLine(transition, path, paint, terminal.ascii)}\n`,
        ),
      round: ({ startedAt, finishedAt, summary: { pass, fail, warn, unknown } }) => {
        const tookMs = Date.parse(finishedAt) - Date.parse(startedAt);
        const isLate = tookMs > cluster.probing.intervalMs ? ", longer than probing.interval" : "";
        terminal.err.write(
          `${finishedAt} ${pass} pass, ${fail} fail, ${warn} warn, ${unknown} unknown (took ${formatDuration(tookMs)}${isLate})\n`,
        );
      },
    },
    Math.random,
    interrupt.signal,
  );
  await coordinator.finish("the coordinator stops");
  return interrupt.exitCode ?? 0;
}
