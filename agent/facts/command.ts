/** Asks a tool of the system something: fixed arguments, no shell, a deadline, and only so much of an answer. */
import { execFile } from "node:child_process";
import { delimiter } from "node:path";

/** What it printed; `missing` where there is no such tool, `failed` with what it said where it did not succeed. */
export type CommandAnswer = { out: string } | { missing: true } | { failed: string };

export type RunCommand = (
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  maxBytes?: number,
) => Promise<CommandAnswer>;

/** These tools answer from memory or from this host: who takes longer hangs. */
const deadlineMs = 2_000;
const defaultBytes = 256 * 1024;
/** Where tools for root are, which the PATH of other users leaves out. */
const systemFolders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** `path` as the environment variable PATH has it. */
export function commandsOn(path: string): RunCommand {
  const folders = [...new Set([...path.split(delimiter), ...systemFolders])].filter((each) => each !== "");
  const env = { PATH: folders.join(delimiter), LC_ALL: "C" };
  return (command, args, signal, maxBytes = defaultBytes) =>
    new Promise((resolve) => {
      const options = {
        env,
        signal,
        maxBuffer: maxBytes,
        timeout: deadlineMs,
        killSignal: "SIGKILL" as const,
      };
      const child = execFile(command, args, options, (error, stdout, stderr) => {
        if (error === null) resolve({ out: stdout });
        else if (error.code === "ENOENT") resolve({ missing: true });
        else resolve({ failed: error.killed === true ? "it took too long" : stderr || error.message });
      });
      child.stdin?.end();
    });
}
