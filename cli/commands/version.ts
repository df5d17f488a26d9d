/** `portmesh version` */
import { Command, Option } from "commander";
import type { Terminal } from "../terminal.ts";
import { portmeshVersion } from "../version.ts";

export function versionCommand(terminal: Terminal): Command {
  return new Command("version")
    .description("print the version")
    .addOption(new Option("-o, --output <format>", "what to print").choices(["text", "json"]).default("text"))
    .action(({ output }: { output: string }) => {
      const version = portmeshVersion();
      const { platform, arch, version: node } = process;
      terminal.out.write(
        output === "json"
          ? `${JSON.stringify({ version, node, platform, arch })}\n`
          : `portmesh ${version} (node ${node}, ${platform}-${arch})\n`,
      );
    });
}
