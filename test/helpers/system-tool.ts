/** Runs a tool of the system to its end, without a shell. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface ToolResult {
  exitCode: number | null;
  /** What it printed, both streams. */
  said: string;
}

/** @param input goes to its standard input. */
export async function runTool(
  command: string,
  args: readonly string[],
  input = "",
  withinMs = 60_000,
): Promise<ToolResult> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], timeout: withinMs });
  const closed = once(child, "close") as Promise<[number | null]>;
  child.stdin.on("error", () => {}); // some end before they have read all
  child.stdin.end(input);
  const [out, err, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { exitCode, said: out + err };
}
