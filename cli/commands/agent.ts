/** `portmesh agent`: the agent of one node, with a coordinator (`run`) or without (`--offline`). */
import { hostname } from "node:os";
import { Command, Option } from "commander";
import { PortmeshError } from "../../shared/errors.ts";
import type { Observer } from "../../agent/observer.ts";
import { interruptible } from "../interrupt.ts";
import { durationOption, listenAddress } from "../options.ts";
import type { OfflineFlags } from "../offline-run.ts";
import { installUnitCommand } from "./agent-install-unit.ts";
import { yieldCommand } from "./agent-yield.ts";
import type { Terminal } from "../terminal.ts";
import { portmeshVersion } from "../version.ts";

interface AgentFlags {
  joinFile?: string;
  join?: string;
  name?: string;
  node?: string;
  policy?: string;
  stateDir?: string;
  giveUp: number;
  metrics?: ReturnType<typeof listenAddress>;
}

export function agentCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  const run = new Command("run")
    .description("join a coordinator, hold this node's ports and probe its peers until the check is finished")
    .option("--join-file <path>", "file with the join string; - reads standard input")
    .option("--join <string>", "the join string itself (visible in the process list: prefer --join-file)")
    .requiredOption("--name <node>", "this node's name in the cluster file")
    .option("--policy <file>", "what this node may probe (YAML); default: private addresses only")
    .option(
      "--state-dir <dir>",
      "folder of the socket for `agent yield` and of what is not delivered yet; default: /run/portmesh, or the user's own",
    )
    .addOption(
      durationOption(
        "--give-up <duration>",
        "end after so long without a coordinator; one that watches a cluster stays",
        "10m",
      ),
    )
    .addOption(
      new Option(
        "--metrics <host:port>",
        "serve metrics for Prometheus there while a cluster is watched; default: nowhere",
      ).argParser(listenAddress),
    )
    .action(async (flags: AgentFlags) => {
      done(await runCommand(flags, terminal));
    });
  return new Command("agent")
    .description("the agent of one node")
    .option("--offline <plan>", "hold and probe without a coordinator, by a plan of: spec render --offline")
    .addOption(durationOption("--for <duration>", "how long the ports are held (--offline)", "10m"))
    .option("--bundle <path>", "where to write what was seen (--offline); default: NODE.bundle")
    .option("--policy <file>", "what this node may probe (--offline)")
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh agent run --join-file portmesh.join --name n1\n  portmesh agent --offline n1.plan --for 15m",
    )
    .addCommand(run)
    .addCommand(yieldCommand(terminal))
    .addCommand(installUnitCommand(terminal))
    .action(async (flags: Partial<OfflineFlags>) => {
      const { offline } = flags;
      if (offline === undefined)
        throw new PortmeshError("usage", "needs either run or --offline PLAN", {
          next: "See portmesh agent --help.",
        });
      const { offlineCommand } = await import("../offline-run.ts");
      done(await offlineCommand({ ...(flags as OfflineFlags), offline }, terminal));
    });
}

async function runCommand(flags: AgentFlags, terminal: Terminal): Promise<number> {
  const [{ readFileSync }, { runAgent }, { defaultStateDir }, { parseJoinString }, { defaultPolicy }] =
    await Promise.all([
      import("node:fs"),
      import("../../agent/agent.ts"),
      import("../../agent/state-dir.ts"),
      import("../../shared/join-string.ts"),
      import("../../agent/policy.ts"),
    ]);
  if ((flags.joinFile === undefined) === (flags.join === undefined)) {
    throw new PortmeshError("usage", "needs either --join-file or --join", {
      next: "The coordinator wrote the join file when it started.",
    });
  }
  const policy =
    flags.policy === undefined ? defaultPolicy : (await import("../policy-file.ts")).readPolicy(flags.policy);
  const join = parseJoinString(flags.join ?? readJoinFile(flags.joinFile!, readFileSync));
  using interrupt = interruptible();
  const config = {
    node: flags.name!,
    join,
    policy,
    version: portmeshVersion(),
    host: hostname(),
    pid: process.pid,
    giveUpMs: flags.giveUp,
    stateDir: flags.stateDir ?? defaultStateDir(process.env, process.getuid?.()),
    uid: process.getuid?.(),
  };
  const tell = (line: string): void => void terminal.err.write(`${line}\n`);
  await using metrics = flags.metrics === undefined ? undefined : await startMetrics(flags, tell);
  const reason = await runAgent(
    config,
    { tell, random: Math.random, now: () => new Date(), observer: metrics?.observer },
    interrupt.signal,
  );
  if (reason !== undefined) tell(`finished: ${reason}`);
  return interrupt.exitCode ?? 0;
}

/** Loaded only here: an agent without metrics has no memory for them. */
async function startMetrics(
  { metrics: address, name }: AgentFlags,
  tell: (line: string) => void,
): Promise<AsyncDisposable & { observer: Observer }> {
  const [{ agentMetrics }, { serveMetrics }] = await Promise.all([
    import("../../agent/metrics.ts"),
    import("../../agent/metrics-server.ts"),
  ]);
  const observer = agentMetrics(name!, portmeshVersion());
  const server = await serveMetrics(address!, observer);
  tell(`metrics are at ${server.url}`);
  return { observer, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function readJoinFile(path: string, read: typeof import("node:fs").readFileSync): string {
  try {
    return read(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new PortmeshError(
      "usage",
      `cannot read the join file ${path}: ${(error as NodeJS.ErrnoException).code}`,
      {
        next: "Copy it from the host of the coordinator; it exists while the coordinator runs.",
        cause: error,
      },
    );
  }
}
