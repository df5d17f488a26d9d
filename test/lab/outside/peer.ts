/** A server of the system as one process on a host of a lab, with a folder of its own for all that it reads and writes. */
import type { ChildProcess } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";

import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../host.ts";
import { namespaceIdOf } from "../leftovers.ts";
import { endProcess } from "../namespace.ts";

/** Debian's user of nobody and nothing. */
const nobody = 65_534;
const startMs = 20_000;
/** Debian keeps programs of servers off the path of a plain `su`; `bin/system-tools` unpacks some of them aside. */
const folders = ["/usr/sbin", "/sbin", "/usr/local/lib/portmesh/usr/sbin"];

export interface PeerOptions {
  /** Whose all files are, and as whom the server runs; `root` where it has to begin as that. */
  user?: "nobody" | "root";
}

/** Ports on which a server must listen before it counts as started, in every namespace its own. */
export interface PeerPorts {
  tcp?: readonly number[];
  udp?: readonly number[];
}

export class Peer implements AsyncDisposable {
  readonly host: Host;
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-peer-"));
  readonly #isNobody: boolean;
  #child: ChildProcess | undefined;
  #said = "";

  constructor(host: Host, { user = "root" }: PeerOptions = {}) {
    this.host = host;
    this.#isNobody = user === "nobody";
    chmodSync(this.#folder, 0o755);
    this.#own(this.#folder);
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Returns the path. Nobody else may read it. */
  write(name: string, text: string): string {
    writeFileSync(this.path(name), text, { mode: 0o600 });
    this.#own(this.path(name));
    return this.path(name);
  }

  /** The lines of a file that the server writes; none before it does. */
  log(name: string): string[] {
    if (!existsSync(this.path(name))) return [];
    return readFileSync(this.path(name), "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }

  /** Runs a tool of the server's to its end, as the server's user. */
  run(command: string, args: readonly string[], input = ""): Promise<string> {
    const [program, all] = this.#command(command, args);
    return this.host.run(program, all, { input });
  }

  /**
   * Starts the server in the foreground and resolves when it listens. Where it ends instead, or takes too long,
   * the error has what it said.
   */
  async start(command: string, args: readonly string[], ports: PeerPorts): Promise<void> {
    const child = this.host.spawn(...this.#command(command, args), { cwd: this.#folder });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-10_000)));
    const deadline = performance.now() + startMs;
    try {
      while (!isListening(this.host, child.pid!, ports)) {
        const hasEnded = child.exitCode !== null || child.signalCode !== null;
        if (hasEnded || performance.now() > deadline)
          throw new Error(
            `${command} on ${this.host.name} ${hasEnded ? "ended" : "does not listen"}: ${this.#said}`,
          );
        await sleep(10);
      }
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What it printed, rather than wrote to a file. */
  get output(): string {
    return this.#said;
  }

  /** Has the server end; its files stay until it is disposed of. */
  async stop(): Promise<void> {
    if (this.#child !== undefined) await endProcess(this.#child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #own(path: string): void {
    if (this.#isNobody) chownSync(path, nobody, nobody);
  }

  /** Servers make a table of as many files as they may open, which is a billion in some containers. */
  #command(command: string, args: readonly string[]): [string, string[]] {
    const user = ["setpriv", "--reuid", `${nobody}`, "--regid", `${nobody}`, "--clear-groups"];
    return ["prlimit", ["--nofile=4096", ...(this.#isNobody ? user : []), programOf(command), ...args]];
  }
}

function programOf(command: string): string {
  if (command.includes("/")) return command;
  const path = [...(process.env["PATH"] ?? "").split(delimiter), ...folders];
  const found = path.map((folder) => join(folder, command)).find((candidate) => existsSync(candidate));
  if (found === undefined) throw new Error(`${command} is missing. Next: sudo sh bin/system-tools`);
  return found;
}

/** As /proc/PID/net/tcp has it (proc_pid_net(5)): hexadecimal, `LOCAL:PORT REMOTE:PORT STATE`. */
const listens = "0A";
const isBound = "07";

/** Before `ip netns exec` has changed over, the process still sees the sockets of the namespace it came from. */
function isListening(host: Host, pid: number, { tcp = [], udp = [] }: PeerPorts): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/ns/net`) !== namespaceIdOf(host.namespace)) return false;
    const isThere = (table: string, state: string, port: number): boolean =>
      [table, `${table}6`].some((name) =>
        readFileSync(`/proc/${pid}/net/${name}`, "utf8")
          .split("\n")
          .map((line) => line.trim().split(/\s+/))
          .some(
            ([, local = "", , own]) => own === state && Number.parseInt(local.split(":")[1]!, 16) === port,
          ),
      );
    return (
      tcp.every((port) => isThere("tcp", listens, port)) && udp.every((port) => isThere("udp", isBound, port))
    );
  } catch {
    return false; // it has ended, which its exit tells
  }
}
