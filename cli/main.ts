/** The composition root: the command table, and what an error looks like to whoever runs a command. */
import { Command, CommanderError } from "commander";
import { describeError, PortmeshError } from "../shared/errors.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { painter, wantsAscii, type Terminal } from "./terminal.ts";
import { portmeshVersion } from "./version.ts";

/** In the order of the help. Loaded when asked for: an agent should not hold the code of every other command. */
const commands: Readonly<Record<string, () => Promise<MakeCommand>>> = {
  check: async () => (await import("./commands/check.ts")).checkCommand,
  agent: async () => (await import("./commands/agent.ts")).agentCommand,
  coordinator: async () => (await import("./commands/coordinator.ts")).coordinatorCommand,
  merge: async () => (await import("./commands/merge.ts")).mergeCommand,
  spec: async () => (await import("./commands/spec.ts")).specCommand,
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand,
  probe: async () => (await import("./commands/probe.ts")).probeCommand,
  demo: async () => (await import("./commands/demo.ts")).demoCommand,
  version: async () => (await import("./commands/version.ts")).versionCommand,
};
type MakeCommand = (terminal: Terminal, done: (exitCode: number) => void) => Command;

// `portmesh … | head` closes our output early; that is the reader's right and no error of ours.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const lingerMs = 2_000;
const terminal: Terminal = { out: process.stdout, err: process.stderr, ascii: wantsAscii(process.env) };
process.exitCode = await run(anywhere("--ascii", process.argv.slice(2)));
// The result is out: nothing that is still open may keep a pipeline waiting.
setTimeout(() => process.exit(), lingerMs).unref();

async function run(args: readonly string[]): Promise<number> {
  const isHelpTopic = args[0] === "help" && args[1] === "exit-codes";
  if (isHelpTopic) {
    terminal.out.write(exitCodesHelp);
    return 0;
  }
  let exitCode = 0;
  const program = new Command("portmesh")
    .description("Proves which ports are open between the nodes of a cluster.")
    .version(portmeshVersion())
    .option("--ascii", "letters instead of symbols", () => {
      terminal.ascii = true;
      return true;
    })
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh demo\n  portmesh spec list\n  portmesh check cluster.yaml\n  portmesh coordinator run cluster.yaml\n  portmesh doctor\n  portmesh probe 10.0.0.1:443\n\nTopics:\n  portmesh help exit-codes",
    )
    // Otherwise an option of a subcommand would be taken for one of the same name of the command above it.
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(painter(terminal.err)("red", text)) });
  const done = (code: number): void => {
    exitCode = code;
  };
  // Help and misspelt commands need to know all of them.
  const isKnown = args[0] !== undefined && Object.hasOwn(commands, args[0]);
  for (const name of isKnown ? [args[0]!] : Object.keys(commands)) {
    const make = await commands[name]!();
    program.addCommand(inherit(make(terminal, done), program));
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(error);
  }
}

/** The program's own option may stand behind its commands, too. */
function anywhere(option: string, args: readonly string[]): string[] {
  const rest = args.filter((arg) => arg !== option);
  return rest.length === args.length ? rest : [option, ...rest];
}

/** Subcommands report their errors the way the program does. */
function inherit(command: Command, program: Command): Command {
  command.copyInheritedSettings(program);
  for (const child of command.commands) inherit(child, command);
  return command;
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const paint = painter(terminal.err);
  if (error instanceof PortmeshError) {
    terminal.err.write(`${paint("red", "error:")} ${error.message}\n`);
    if (error.next !== undefined) terminal.err.write(`${error.next}\n`);
    return error.exitCode;
  }
  terminal.err.write(
    `${paint("red", "defect:")} ${error instanceof Error ? (error.stack ?? error.message) : describeError(error)}\n`,
  );
  terminal.err.write("This is a fault of Portmesh. Please report it with the lines above.\n");
  return 1;
}
