/** `portmesh agent yield`: has the agents of this host give a port up, so that a service can start there. */
import { Command, InvalidArgumentError } from "commander";
import type { YieldAnswer, YieldRequest } from "../../agent/control-socket.ts";
import { PortmeshError } from "../../shared/errors.ts";
import { transports, type Transport } from "../../shared/names.ts";
import { durationOption } from "../options.ts";
import type { Terminal } from "../terminal.ts";

interface YieldFlags {
  name?: string;
  stateDir?: string;
  for: number;
}

export function yieldCommand(terminal: Terminal): Command {
  return new Command("yield")
    .description("have the agents of this host give a port up for a while, so that a service can start there")
    .argument("<port>", "PORT, PORT/tcp or PORT/udp", portArgument)
    .option("--name <node>", "only the agent of this node; default: all agents that run here")
    .option("--state-dir <dir>", "folder of the agents' sockets, as given to `agent run`")
    .addOption(
      durationOption("--for <duration>", "for how long; then the agent takes it if it is free", "10m"),
    )
    .action((port: PortArgument, flags: YieldFlags) => giveUp(port, flags, terminal));
}

type PortArgument = Pick<YieldRequest, "port" | "transports">;

function portArgument(text: string): PortArgument {
  const match = /^([0-9]{1,5})(?:\/(tcp|udp))?$/.exec(text);
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65_535)
    throw new InvalidArgumentError("Must be PORT, PORT/tcp or PORT/udp, with a port from 1 to 65535.");
  return { port, transports: match[2] === undefined ? [...transports] : [match[2] as Transport] };
}

/** Done when at least one agent gave the port up; what the others said does not matter then. */
async function giveUp(port: PortArgument, flags: YieldFlags, terminal: Terminal): Promise<void> {
  const [{ askAgent, maxYieldMs }, { defaultStateDir }] = await Promise.all([
    import("../../agent/control-socket.ts"),
    import("../../agent/state-dir.ts"),
  ]);
  if (flags.for < 1 || flags.for > maxYieldMs)
    throw new PortmeshError("usage", "--for must be from 1ms to 7d");
  const folder = flags.stateDir ?? defaultStateDir(process.env, process.getuid?.());
  const request: YieldRequest = { command: "yield", ...port, forMs: Math.round(flags.for) };
  const answers: YieldAnswer[] = [];
  const failures: string[] = [];
  for (const path of await socketsIn(folder, flags.name)) {
    try {
      answers.push(await askAgent(path, request));
    } catch (error) {
      const problem = problemOf(error as NodeJS.ErrnoException, path);
      if (problem !== undefined) failures.push(problem);
    }
  }
  const given = answers.filter((answer) => answer.ok);
  for (const { node, givenUp, until } of given) {
    for (const [transport, places] of Map.groupBy(givenUp, (place) => place.transport)) {
      const addresses = places.map(({ address }) => address).join(", ");
      terminal.out.write(`${node} gave up ${transport}/${port.port} on ${addresses} until ${until}\n`);
    }
  }
  if (given.length > 0) return;
  failures.push(...answers.flatMap((answer) => (answer.ok ? [] : [answer.message])));
  if (failures.length > 0) throw new PortmeshError("cannot-run", failures.join("; "));
  throw new PortmeshError(
    "cannot-run",
    `no agent${flags.name === undefined ? "" : ` of ${flags.name}`} runs on this host, looked in ${folder}`,
    {
      next: "If agents were started with --state-dir or by another user, name their folder with --state-dir.",
    },
  );
}

async function socketsIn(folder: string, name: string | undefined): Promise<string[]> {
  const [{ readdirSync }, { join }, { nodeOfSocket, socketPath }] = await Promise.all([
    import("node:fs"),
    import("node:path"),
    import("../../agent/state-dir.ts"),
  ]);
  if (name !== undefined) return [socketPath(folder, name)];
  try {
    return readdirSync(folder)
      .filter((file) => nodeOfSocket(file) !== undefined)
      .map((file) => join(folder, file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw new PortmeshError("cannot-run", problemOf(error as NodeJS.ErrnoException, folder)!, {
      cause: error,
    });
  }
}

/** Undefined where there is nobody to ask. */
function problemOf(error: NodeJS.ErrnoException, path: string): string | undefined {
  if (error instanceof PortmeshError) return error.message;
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED") return undefined;
  if (error.code === "EACCES" || error.code === "EPERM")
    return `not permitted to use ${path}: run this as root or as the user of the agent`;
  return `cannot ask at ${path}: ${error.code ?? error.message}`;
}
