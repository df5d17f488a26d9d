/** `portmesh version` */
import { Command } from "commander";
import type { Terminal } from "../terminal.ts";
import { portmeshVersion } from "../version.ts";

export function versionCommand(terminal: Terminal): Command {
  return new Command("version")
    .description("print the version")
    .option("-o, --output <format>", "text or json", "text")
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
