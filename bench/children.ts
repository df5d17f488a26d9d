/**
 * The processes of one bench. Every one has a deadline, and `end` kills by pid what still runs, so that neither
 * a hang nor Ctrl-C leaves anything behind.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

export interface RunOptions {
  timeoutMs?: number;
  /** Written to standard input: for keys, which do not belong in a command line. */
  input?: string;
}

/** Longer than any measurement on a busy host, and than anything that works at all. */
const defaultTimeoutMs = 120_000;
/** For what stays in the background: the whole bench. */
const backgroundTimeoutMs = 60 * 60_000;
const readyMs = 120_000;
/** A coordinator of a thousand nodes makes a plan first. */
const quietReadyMs = 120_000;
const maxTail = 10_000;
const goodbyeMs = 30_000;

export class Children {
  readonly #running = new Set<ChildProcess>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Resolves with what the command printed. Rejects where it fails, takes too long or the bench is cancelled. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    const child = this.#spawn(command, args, options.timeoutMs ?? defaultTimeoutMs);
    const [stdout, stderr] = [textOf(child.stdout!), textOf(child.stderr!)];
    child.stdin!.on("error", () => {}); // gone before it read: its exit says why
    child.stdin!.end(options.input ?? "");
    const [code, killedBy] = (await once(child, "close")) as [number | null, string | null];
    this.#signal.throwIfAborted();
    if (code === 0) return stdout();
    const why =
      killedBy === null ? stderr().trim() || `exit code ${code}` : `killed by ${killedBy} (too slow?)`;
    throw new Error(`${[command, ...args].join(" ").slice(0, 200)}: ${why}`);
  }

  /** Starts something that stays; resolves with its process once it printed `ready`. */
  async start(command: string, args: readonly string[], ready: string): Promise<ChildProcess> {
    const child = this.#spawn(command, args, backgroundTimeoutMs);
    const stdout = textOf(child.stdout!);
    const stderr = textOf(child.stderr!);
    const deadline = performance.now() + readyMs;
    while (!`${stdout()}${stderr()}`.includes(ready)) {
      this.#signal.throwIfAborted();
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`${command} ${args.join(" ")}: did not get ready: ${stderr().trim()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return child;
  }

  /** The same for what talks so much that nobody is to keep it: its output is read until `ready` matches, and thrown away from then on. */
  async startQuiet(
    command: string,
    args: readonly string[],
    ready: RegExp,
    withinMs = quietReadyMs,
  ): Promise<{ child: ChildProcess; text: string }> {
    const child = this.#spawn(command, args, backgroundTimeoutMs);
    let text = "";
    const read = (chunk: string): void => {
      text = (text + chunk).slice(-maxTail);
    };
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding("utf8");
      stream.on("data", read);
    }
    const deadline = performance.now() + withinMs;
    while (!ready.test(text)) {
      this.#signal.throwIfAborted();
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${command} ${args.join(" ").slice(0, 200)}: did not get ready: ${text.trim()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { child, text };
  }

  async endOne(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), goodbyeMs);
    await closed;
    clearTimeout(timer);
  }

  /** Kills what still runs, and waits until it is gone. */
  async end(): Promise<void> {
    await Promise.all(
      Array.from(this.#running, (child) => {
        const closed = once(child, "close");
        child.kill("SIGKILL");
        return closed;
      }),
    );
  }

  #spawn(command: string, args: readonly string[], timeout: number): ChildProcess {
    this.#signal.throwIfAborted();
    const child = spawn(command, args, {
      stdio: "pipe",
      timeout,
      killSignal: "SIGKILL",
      signal: this.#signal,
    });
    this.#running.add(child);
    // Without a listener a command that cannot be started would end the bench before it cleaned up.
    child.once("error", () => {});
    child.once("close", () => this.#running.delete(child));
    return child;
  }
}

/** What came so far; no more is kept than a person would read of it or a scanner prints. */
function textOf(stream: NodeJS.ReadableStream): () => string {
  const maxLength = 4 * 1024 * 1024;
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    if (text.length < maxLength) text += chunk;
  });
  return () => text;
}
