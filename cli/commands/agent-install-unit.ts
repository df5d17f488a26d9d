/** `portmesh agent install-unit`: has systemd run the agent of this node. */
import { Command } from "commander";
import type { Terminal } from "../terminal.ts";

export interface InstallUnitFlags {
  name: string;
  joinFile: string;
  policy?: string;
  unitDir: string;
  dryRun?: boolean;
}

export function installUnitCommand(terminal: Terminal): Command {
  return new Command("install-unit")
    .description("write a systemd unit that runs this installation as the agent of this node")
    .requiredOption("--name <node>", "this node's name in the cluster file")
    .requiredOption("--join-file <path>", "file with the join string; the unit gets it as a credential")
    .option("--policy <file>", "what this node may probe (YAML)")
    .option("--unit-dir <dir>", "where the unit is written", "/etc/systemd/system")
    .option("--dry-run", "print the unit and write nothing")
    .addHelpText(
      "after",
      "\nExample:\n  portmesh agent install-unit --name n1 --join-file /etc/portmesh/join && systemctl daemon-reload && systemctl enable --now portmesh-agent",
    )
    .action(async (flags: InstallUnitFlags) => {
      const { installUnit } = await import("../install-unit.ts");
      await installUnit(flags, terminal);
    });
}
