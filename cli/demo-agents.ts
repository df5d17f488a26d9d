/** The agents of a demo: processes of their own, as they run anywhere else. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PortmeshError } from "../shared/errors.ts";

export class DemoAgents implements AsyncDisposable {
  readonly #children: ChildProcess[];
  /** Rejects when an agent ends by itself. */
  readonly anyFailure: Promise<never>;
  #closing = false;

  /** `names` of the nodes; the join string is in a file that only this user can read. */
  constructor(names: readonly string[], joinFile: string, stateDir: string) {
    const [command, ...before] = mortal(launcherPath());
    const common = ["--join-file", joinFile, "--state-dir", stateDir];
    this.#children = names.map((name) =>
      spawn(command!, [...before, "agent", "run", ...common, "--name", name], {
        stdio: ["ignore", "ignore", "pipe"],
        // Ctrl-C goes to the demo, which ends its agents when the report is done.
        detached: true,
      }),
    );
    this.anyFailure = new Promise((_resolve, reject) => {
      for (const [index, child] of this.#children.entries()) {
        let said = "";
        child.stderr?.on("data", (chunk: Buffer) => {
          said = (said + chunk.toString()).slice(-2_000);
        });
        child.once("exit", (code) => {
          if (this.#closing || code === 0) return;
          reject(
            new PortmeshError(
              "cannot-run",
              `the agent of ${names[index]!} ended with ${code}: ${said.trim()}`,
            ),
          );
        });
      }
    });
    this.anyFailure.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#children.map(endChild));
  }
}

/** Agents go on without a coordinator; those of a demo that is killed are not to. */
function mortal(launcher: string): string[] {
  const { status } = spawnSync("setpriv", ["--pdeathsig", "TERM", "true"], { stdio: "ignore" });
  return status === 0 ? ["setpriv", "--pdeathsig", "TERM", launcher] : [launcher];
}

/** The agents start as they do anywhere else. From a build this file lies one folder deeper. */
function launcherPath(): string {
  const candidates = ["../bin/portmesh", "../../bin/portmesh"].map((path) => join(import.meta.dirname, path));
  return candidates.find((path) => existsSync(path)) ?? candidates[0]!;
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await exited;
  clearTimeout(timer);
}
