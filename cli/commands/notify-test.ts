/** `portmesh coordinator notify-test`: whether webhooks work, before anything happens that they have to tell. */
import { Command, Option } from "commander";
import type { Terminal } from "../terminal.ts";

export function notifyTestCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("notify-test")
    .description("send the webhooks of a cluster file a test message, and say what came back")
    .argument("<cluster.yaml>", "the cluster file")
    .addOption(new Option("--hook <name>", "only this one"))
    .addHelpText(
      "after",
      ["", "Examples:", "  portmesh coordinator notify-test cluster.yaml --hook ops"].join("\n"),
    )
    .action(async (file: string, { hook }: { hook?: string }) => {
      const { testNotifications } = await import("../notify-test.ts");
      done(await testNotifications(file, hook, terminal));
    });
}
