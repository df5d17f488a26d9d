/** Runs a tool of the system to its end, always with a deadline; what it said is part of the error. */
import { execFile } from "node:child_process";

export interface RunOptions {
  /** Written to the command's standard input. */
  input?: string;
  timeoutMs?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Resolves with what the command printed. Rejects where it fails, is killed or takes too long. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = 15_000, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { ...rest, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const why = error.killed === true ? `took longer than ${timeoutMs} ms` : (stderr || stdout).trim();
        reject(
          new Error(`${[command, ...args].join(" ")}: ${why === "" ? error.message : why}`, { cause: error }),
        );
      },
    );
    // A command that reads nothing may be gone before this is written; its exit says what counts.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });
}

/** One process for many `ip` commands: starting it costs more than what most of them do. */
export async function ipBatch(commands: readonly string[], namespace?: string): Promise<void> {
  if (commands.length === 0) return;
  const within = namespace === undefined ? [] : ["-n", namespace];
  await run("ip", [...within, "-batch", "-"], { input: `${commands.join("\n")}\n` });
}
