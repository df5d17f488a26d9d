/** `portmesh coordinator run`: watches the paths of a cluster until it is stopped, says what changes, and keeps it. */
import { Command, Option } from "commander";
import {
  advertiseOption,
  dashboardPort,
  certificateAndKey,
  hostList,
  joinFileOption,
  skipOption,
  listenAddress,
  listenOption,
  type AccessFlags,
} from "../options.ts";
import { checkPhases, type CheckPhase, type Skippable } from "../../shared/names.ts";
import type { Terminal } from "../terminal.ts";
import { backupCommand, restoreCommand } from "./history.ts";
import { notifyTestCommand } from "./notify-test.ts";

export interface RunFlags extends AccessFlags {
  output: "text" | "json";
  dataDir?: string;
  http: ReturnType<typeof listenAddress>;
  httpName: string[];
  httpTls?: string[];
  tokenFile?: string;
  phase: CheckPhase;
  skip: Skippable[];
}

export function coordinatorCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  const run = new Command("run")
    .description("watch all paths, print every change of a verdict, and keep the history")
    .argument("<cluster.yaml>", "the cluster file; probing.interval says how often")
    .addOption(listenOption())
    .addOption(advertiseOption())
    .addOption(joinFileOption())
    .addOption(
      new Option("--phase <phase>", "install: watch how a site becomes ready for the product")
        .choices(checkPhases)
        .default("runtime"),
    )
    .addOption(skipOption())
    .addOption(
      new Option(
        "--data-dir <dir>",
        "where identity and history are kept (default: by the cluster's name in the state folder of this user)",
      ),
    )
    .addOption(
      new Option("--http <host:port>", "where API, metrics and dashboard are")
        .argParser(listenAddress)
        .default({ host: "127.0.0.1", port: dashboardPort }, `127.0.0.1:${dashboardPort}`),
    )
    .addOption(
      new Option(
        "--http-name <names>",
        "names by which browsers call it, beside addresses and localhost, by commas",
      )
        .argParser(hostList)
        .default([], "none"),
    )
    .addOption(
      new Option("--http-tls <cert,key>", "files with certificate and key in PEM for HTTPS").argParser(
        certificateAndKey,
      ),
    )
    .addOption(new Option("--token-file <path>", "a file with the bearer token that requests then need"))
    .addOption(
      new Option("-o, --output <format>", "lines or JSON lines").choices(["text", "json"]).default("text"),
    )
    .addHelpText(
      "after",
      [
        "",
        "The cluster file is read again when it changes and on SIGHUP; a bad one is told and changes nothing.",
        "Agents go on while the coordinator is away, and tell later. Stop it with Ctrl-C.",
        "",
        "Examples:",
        "  portmesh coordinator run cluster.yaml",
        "  portmesh coordinator run cluster.yaml --data-dir /var/lib/portmesh --http 0.0.0.0:7718 --token-file token",
        "  portmesh coordinator run cluster.yaml -o json | jq",
      ].join("\n"),
    )
    .action(async (file: string, flags: RunFlags) => {
      const { runCoordinator } = await import("../coordinator-run.ts");
      done(await runCoordinator(file, flags, terminal));
    });
  return new Command("coordinator")
    .description("the coordinator of a cluster that is watched")
    .addCommand(run)
    .addCommand(notifyTestCommand(terminal, done))
    .addCommand(backupCommand(terminal))
    .addCommand(restoreCommand(terminal));
}
