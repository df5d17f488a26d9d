/** `portmesh check`: is everything open that the product needs, before it is installed or while it runs? */
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { Command, Option } from "commander";
import { describeError, PortmeshError } from "../../shared/errors.ts";
import { checkPhases, type CheckPhase } from "../../shared/names.ts";
import type { FailOn } from "../../shared/exit-code.ts";
import type { Report } from "../../shared/report.ts";
import { interruptible } from "../interrupt.ts";
import { commaList, durationOption, failOn, listenAddress } from "../options.ts";
import { painter, type Terminal } from "../terminal.ts";
import { portmeshVersion } from "../version.ts";
import { fileOptions, formatNames, formats, type Format } from "../views/formats.ts";

interface CheckFlags {
  phase: CheckPhase;
  listen: { host: string; port: number };
  advertise?: string[];
  joinFile: string;
  wait: number;
  local?: string;
  output: Format;
  report: string[];
  failOn: FailOn[];
}

export function checkCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("check")
    .description("check every required path between the nodes of a cluster file, and report")
    .argument("<cluster.yaml>", "the cluster file")
    .addOption(
      new Option("--phase <phase>", "which phase must be ready").choices(checkPhases).default("install"),
    )
    .addOption(
      new Option("--listen <host:port>", "where agents reach this coordinator")
        .argParser(listenAddress)
        .default({ host: "0.0.0.0", port: 7717 }, "0.0.0.0:7717"),
    )
    .option("--advertise <hosts>", "names or addresses to write into the join string, by commas", commaList)
    .option("--join-file <path>", "where to write the join string for the agents", "portmesh.join")
    .addOption(durationOption("--wait <duration>", "how long to wait for the agents", "5m"))
    .option("--local <node>", "run the agent of this node in this process")
    .addOption(new Option("-o, --output <format>", "what to print").choices(formatNames).default("text"))
    .option(
      "--report <format=path>",
      "also write a report file (repeatable)",
      (value: string, list: string[]) => [...list, value],
      [],
    )
    .addOption(
      new Option("--fail-on <list>", "what makes the exit code bad: fail, warn, incomplete")
        .argParser(failOn)
        .default(["fail", "incomplete"], "fail,incomplete"),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh check cluster.yaml\n  portmesh check cluster.yaml --report html=report.html --report csv=firewall-request.csv\n  portmesh check cluster.yaml -o junit > results.xml",
    )
    .action(async (file: string, flags: CheckFlags) => {
      done(await check(file, flags, terminal));
    });
}

async function check(file: string, flags: CheckFlags, terminal: Terminal): Promise<number> {
  const reports = flags.report.map(reportFile);
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
  const plan = makePlan(cluster, flags.phase);
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
      onReady: (joinString) => local.start(joinString),
    },
    terminal,
    interrupt.signal,
  );
  print(report, flags.output, terminal);
  const isWritten = writeReports(report, reports, terminal);
  const exitCode = interrupt.exitCode ?? exitCodeOf(report, flags.failOn);
  return exitCode === 0 && !isWritten ? 1 : exitCode;
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

/** The result goes to stdout. */
export function print(report: Report, output: Format, terminal: Terminal): void {
  terminal.out.write(formats[output](report, { paint: painter(terminal.out), ascii: terminal.ascii }));
}

/** A report that cannot be written is said and does not hide the verdict. Returns whether all were. */
export function writeReports(report: Report, files: readonly ReportFile[], terminal: Terminal): boolean {
  let isWritten = true;
  for (const { format, path } of files) {
    try {
      writeFileSync(path, formats[format](report, fileOptions));
      terminal.err.write(`wrote ${path}\n`);
    } catch (error) {
      isWritten = false;
      const code = (error as NodeJS.ErrnoException).code;
      terminal.err.write(
        `${painter(terminal.err)("red", "error:")} cannot write the report ${path}: ${code}\n`,
      );
    }
  }
  return isWritten;
}

export interface ReportFile {
  format: Format;
  path: string;
}

export function reportFile(text: string): ReportFile {
  const at = text.indexOf("=");
  const format = text.slice(0, at) as Format;
  if (at < 1 || at === text.length - 1 || !formatNames.includes(format)) {
    throw new PortmeshError("usage", `--report ${text}: must be FORMAT=PATH`, {
      next: `Formats: ${formatNames.join(", ")}.`,
    });
  }
  return { format, path: text.slice(at + 1) };
}
