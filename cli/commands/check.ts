/** `portmesh check`: is everything open that the product needs, before it is installed or while it runs? */
import { hostname } from "node:os";
import { Command, Option } from "commander";
import { describeError, PortmeshError } from "../../shared/errors.ts";
import { checkPhases } from "../../shared/names.ts";
import type { FailOn } from "../../shared/exit-code.ts";
import { interruptible } from "../interrupt.ts";
import {
  advertiseOption,
  durationOption,
  failOnOption,
  joinFileOption,
  listenOption,
  skipOption,
  bandwidthOption,
  leftOut,
  type SkipFlags,
  type AccessFlags,
} from "../options.ts";
import { outputOption, ReportOutput, reportOption, type ReportFlags } from "../report-output.ts";
import type { Terminal } from "../terminal.ts";
import { portmeshVersion } from "../version.ts";

interface CheckFlags extends AccessFlags, ReportFlags, SkipFlags {
  wait: number;
  local?: string;
  failOn: FailOn[];
}

export function checkCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("check")
    .description("check every required path between the nodes of a cluster file, and report")
    .argument("<cluster.yaml>", "the cluster file")
    .addOption(
      new Option("--phase <phase>", "which phase must be ready").choices(checkPhases).default("install"),
    )
    .addOption(skipOption())
    .addOption(bandwidthOption())
    .addOption(listenOption())
    .addOption(advertiseOption())
    .addOption(joinFileOption())
    .addOption(durationOption("--wait <duration>", "how long to wait for the agents", "5m"))
    .option("--local <node>", "run the agent of this node in this process")
    .addOption(outputOption())
    .addOption(reportOption())
    .addOption(failOnOption())
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh check cluster.yaml\n  portmesh check cluster.yaml --report html=report.html --report csv=firewall-request.csv\n  portmesh check cluster.yaml -o junit > results.xml",
    )
    .action(async (file: string, flags: CheckFlags) => {
      done(await check(file, flags, terminal));
    });
}

async function check(file: string, flags: CheckFlags, terminal: Terminal): Promise<number> {
  const output = new ReportOutput(flags, terminal);
  const { readCluster } = await import("../cluster-input.ts");
  const cluster = readCluster(file);
  if (flags.local !== undefined && !cluster.nodes.some(({ name }) => name === flags.local)) {
    throw new PortmeshError("usage", `--local ${flags.local}: the cluster file has no such node`, {
      next: `Choose one of ${cluster.nodes.map(({ name }) => name).join(", ")}.`,
    });
  }
  const [{ makePlan }, { runCheck }, { exitCodeOf }] = await Promise.all([
    import("../../shared/plan.ts"),
    import("../check-run.ts"),
    import("../../shared/exit-code.ts"),
  ]);
  const plan = makePlan(cluster, flags.phase, leftOut(flags));
  using interrupt = interruptible();
  await using local = new LocalAgent(flags.local, terminal);
  const report = await runCheck(
    {
      plan,
      ...flags.listen,
      advertise: flags.advertise,
      joinFile: flags.joinFile,
      waitMs: flags.wait,
      probing: cluster.probing,
      outside: cluster.outside,
      onReady: (joinString) => local.start(joinString),
    },
    terminal,
    interrupt.signal,
  );
  return output.finish(report, interrupt.exitCode ?? exitCodeOf(report, flags.failOn));
}

/** The agent of `--local`, in this process. That it fails is said; its node is missing in the report then. */
class LocalAgent implements AsyncDisposable {
  readonly #node: string | undefined;
  readonly #terminal: Terminal;
  readonly #controller = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(node: string | undefined, terminal: Terminal) {
    this.#node = node;
    this.#terminal = terminal;
  }

  start(joinString: string): void {
    if (this.#node === undefined) return;
    this.#running = this.#run(this.#node, joinString).catch((error: unknown) => {
      this.#terminal.err.write(`the local agent of ${this.#node} failed: ${describeError(error)}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    await this.#running;
  }

  async #run(node: string, joinString: string): Promise<void> {
    const [{ runAgent }, { defaultStateDir }, { parseJoinString }, { defaultPolicy }] = await Promise.all([
      import("../../agent/agent.ts"),
      import("../../agent/state-dir.ts"),
      import("../../shared/join-string.ts"),
      import("../../agent/policy.ts"),
    ]);
    const identity = { version: portmeshVersion(), host: hostname(), pid: process.pid };
    const join = parseJoinString(joinString);
    const place = { stateDir: defaultStateDir(process.env, process.getuid?.()), uid: process.getuid?.() };
    const config = { node, join, policy: defaultPolicy, ...identity, ...place, giveUpMs: localGiveUpMs };
    const deps = { tell: () => {}, random: Math.random, now: () => new Date() };
    await runAgent(config, deps, this.#controller.signal);
  }
}

/** The coordinator is in the same process: a longer silence than this is not the network's. */
const localGiveUpMs = 30_000;
