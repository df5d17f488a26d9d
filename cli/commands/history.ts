/** `portmesh coordinator backup` and `restore`: copies of the history that a coordinator keeps. */
import { Command } from "commander";
import type { CheckedCopy } from "../../coordinator/journal/copying.ts";
import type { Terminal } from "../terminal.ts";

export function backupCommand(terminal: Terminal): Command {
  return new Command("backup")
    .description("write a checked copy of the history, whether a coordinator runs or not")
    .argument("<data-dir>", "the --data-dir of the coordinator")
    .argument("<file>", "is replaced if it is there")
    .action(async (folder: string, file: string) => {
      const { backupJournal } = await import("../../coordinator/journal/copies.ts");
      terminal.out.write(described(file, await backupJournal(folder, file)));
    });
}

export function restoreCommand(terminal: Terminal): Command {
  return new Command("restore")
    .description("make a backup the history of a coordinator that does not run")
    .argument("<file>", "what backup wrote")
    .argument("<data-dir>", "history that is there is set aside")
    .action(async (file: string, folder: string) => {
      const { restoreJournal } = await import("../../coordinator/journal/copies.ts");
      terminal.out.write(described(folder, await restoreJournal(file, folder, Date.now())));
    });
}

function described(where: string, { rows, since, until }: CheckedCopy): string {
  const time = (at: number | undefined): string =>
    at === undefined ? "nothing" : new Date(at).toISOString();
  return `${where}: ${rows} rows, ${time(since)} to ${time(until)}\n`;
}
