/** `portmesh coordinator run`: what it prints while it watches. */
import { once } from "node:events";
import { formatEndpoint, isLoopback } from "../shared/addresses.ts";
import type { RunFlags } from "./commands/coordinator.ts";
import { tellFirstLook } from "./first-look.ts";
import { offerJoinFile } from "./join-file.ts";
import { painter, printable, type Terminal } from "./terminal.ts";
import { transitionLine, transitionObject } from "./views/transition.ts";
import { watchCluster, type RunningWatch } from "./watching.ts";

export function runCoordinator(file: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  return watchCluster(file, flags, async (running) => {
    const { coordinator, url, dataDir, signal } = running;
    offerJoinFile(flags.joinFile, coordinator, terminal);
    terminal.err.write(`history and identity are in ${dataDir}; dashboard, API and metrics on ${url}\n`);
    if (flags.tokenFile === undefined && !(flags.http.host === "localhost" || isLoopback(flags.http.host)))
      terminal.err.write(
        `whoever reaches ${formatEndpoint(flags.http.host, flags.http.port)} may read all of it: --token-file FILE asks for a token\n`,
      );
    tellFirstLook(running, terminal);
    printTransitions(running, flags.output, terminal);
    coordinator.on("happening", (kind, _node, text, at) => {
      if (kind !== "stopped") terminal.err.write(`${new Date(at).toISOString()} ${lines(text)}\n`);
    });
    if (!signal.aborted) await once(signal, "abort");
  });
}

/** Agents have their word in it, and none in what the next line is. */
function lines(text: string): string {
  return text.split("\n").map(printable).join("\n  ");
}

/** From now on; a line or an object each. */
export function printTransitions(
  { coordinator, view }: RunningWatch,
  output: RunFlags["output"],
  terminal: Terminal,
): void {
  const paint = painter(terminal.out);
  coordinator.on("transitions", (transitions) => {
    for (const transition of transitions) {
      const found = view.found(transition);
      terminal.out.write(
        output === "json"
          ? `${JSON.stringify(transitionObject(transition, found))}\n`
          : `${transitionLine(transition, found, paint, terminal.ascii)}\n`,
      );
    }
  });
}
