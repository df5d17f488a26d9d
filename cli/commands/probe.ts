/** `portmesh probe`: one port, from this host, without a coordinator: what the network did, in words. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { PlainProtocol, PlainResult } from "../../agent/protocols/plain-probe.ts";
import { formatEndpoint } from "../../shared/addresses.ts";
import { formatDuration } from "../../shared/duration.ts";
import { describeError } from "../../shared/errors.ts";
import { neighbourTimeoutMs } from "../../shared/judge.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { durationOption } from "../options.ts";
import { glyphsFor, painter, printable, type Terminal } from "../terminal.ts";

const protocolChoices = ["tcp", "udp", "tls", "ws", "wss"] as const satisfies readonly PlainProtocol[];

interface ProbeFlags {
  protocol: PlainProtocol;
  timeout: number;
  output: "text" | "json";
}

export function probeCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("probe")
    .description("look at one port from this host, without a coordinator")
    .argument("<host:port>", "what to probe", hostAndPort)
    .addOption(new Option("-p, --protocol <name>", "how").choices(protocolChoices).default("tcp"))
    .addOption(durationOption("--timeout <duration>", "how long to wait for each address", "4s"))
    .addOption(new Option("-o, --output <format>", "what to print").choices(["text", "json"]).default("text"))
    .addHelpText(
      "after",
      "\nExits 0 where every address is open, 3 where one is not, 5 where nothing can be told.\n\nExamples:\n  portmesh probe 10.0.0.1:9042\n  portmesh probe db.example.com:443 -p tls",
    )
    .action(async (target: { host: string; port: number }, flags: ProbeFlags) => {
      done(await probe(target, flags, terminal));
    });
}

async function probe(
  { host, port }: { host: string; port: number },
  flags: ProbeFlags,
  terminal: Terminal,
): Promise<number> {
  const { plainProbe, resolveHost } = await import("../../agent/protocols/plain-probe.ts");
  const target = { host, port, protocol: flags.protocol, timeoutMs: flags.timeout };
  let addresses: string[];
  try {
    addresses = await resolveHost(host);
  } catch (error) {
    if (flags.output === "json")
      terminal.out.write(
        `${JSON.stringify({ host, port, protocol: flags.protocol, results: [], error: describeError(error) }, undefined, 2)}\n`,
      );
    else terminal.out.write(`${host} has no address: ${describeError(error)}\n`);
    return 3;
  }
  const results = await Promise.all(addresses.map((address) => plainProbe(address, target)));
  if (flags.output === "json")
    terminal.out.write(
      `${JSON.stringify({ host, port, protocol: flags.protocol, results }, undefined, 2)}\n`,
    );
  else
    terminal.out.write(
      `${results.flatMap((result) => describe(result, host, port, flags.protocol, terminal)).join("\n")}\n`,
    );
  if (results.some(({ outcome }) => outcome.kind !== "open" && !isUntold(outcome, flags.protocol))) return 3;
  return results.every(({ outcome }) => outcome.kind === "open") ? 0 : 5;
}

function describe(
  { address, steps, outcome }: PlainResult,
  host: string,
  port: number,
  protocol: PlainProtocol,
  terminal: Terminal,
): string[] {
  const paint = painter(terminal.out);
  const glyphs = glyphsFor(terminal.ascii);
  const isOpen = outcome.kind === "open";
  const name = address === host ? "" : `${host}, `;
  const verdict = isOpen
    ? paint("green", `${glyphs.pass} open`)
    : paint(isUntold(outcome, protocol) ? "magenta" : "red", `${glyphs.fail} ${outcome.kind}`);
  return [
    `${name}${protocol} ${formatEndpoint(address, port)}  ${verdict} after ${formatDuration(outcome.elapsedMs)}`,
    ...steps.map(
      ({ phase, elapsedMs, text }) => `  ${phase.padEnd(8)} ${printable(text)}, ${formatDuration(elapsedMs)}`,
    ),
    ...(isOpen ? [] : [`  ${outcome.phase.padEnd(8)} ${printable(meaning(outcome, protocol))}`]),
  ];
}

/** Silence proves nothing about UDP: an open port need not answer. */
function isUntold(outcome: Outcome, protocol: PlainProtocol): boolean {
  return protocol === "udp" && outcome.kind === "silent";
}

/** What one side alone can say, and no more than that. */
function meaning(outcome: Outcome, protocol: PlainProtocol): string {
  const code = outcome.code === undefined ? "" : ` (${outcome.code})`;
  switch (outcome.kind) {
    case "refused":
      return `refused${code}: nothing listens there, or a firewall rejects; from this side both look the same`;
    case "reset":
      return `reset${code}: something cut the connection after it was open`;
    case "silent":
      if (protocol === "udp")
        return "no answer: open and silent, or dropped; only an agent on the far host can tell";
      return outcome.phase === "connect"
        ? "no answer: a firewall drops, or the host is gone"
        : "no answer: connected, then nothing came";
    case "unreachable":
      return outcome.elapsedMs < neighbourTimeoutMs
        ? `unreachable${code}, told at once: a firewall or router on the way rejects`
        : `unreachable${code}, after the local network found no such host: the host or its link is down`;
    case "upgrade-refused":
      return `the far end speaks HTTP but refuses the WebSocket upgrade${code}`;
    case "tls-failed":
      return `TLS failed${code}${outcome.detail === undefined ? "" : `: ${outcome.detail}`}`;
    case "local-error":
      return `this host itself could not send${code}: its own firewall, routing or limits`;
    default:
      return `${outcome.kind}${code}`;
  }
}

function hostAndPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535)
    throw new InvalidArgumentError("Must be HOST:PORT or [IPv6]:PORT, with a port from 1 to 65535.");
  return { host: (match[1] ?? match[2])!, port };
}
