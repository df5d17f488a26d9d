/** A watched cluster in the lab, and a browser on one of its hosts that looks at the dashboard. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, BrowserContextOptions } from "playwright-core";
import type { Counts, Status } from "../../shared/api.ts";
import { fileAppears, launcher } from "../helpers/cli.ts";
import { writeCluster } from "../lab/cluster.ts";
import { Lab } from "../lab/lab.ts";
import { labSpec } from "../lab/spec.ts";
import { browserPath, launch, openPage, type Opened } from "./browser.ts";

const names = ["n1", "n2", "n3", "n4"];
const spec = labSpec({
  flows: [
    { name: "rpc", transport: "tcp", ports: "31801" },
    { name: "gossip", transport: "udp", ports: "31802" },
    { name: "web", transport: "tcp", ports: "31810", application: "http" },
  ],
});
export const paths = names.length * (names.length - 1) * 3;
export const origin = "http://127.0.0.1:7718";

export class PageLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-page-"));
  readonly #children: ChildProcess[] = [];
  #browser: Browser | undefined;

  static async start(coordinatorOptions: readonly string[] = []): Promise<PageLab> {
    const lab = await Lab.create({
      hosts: names.map((name, index) => ({ name, zone: index < 2 ? "a" : "b" })),
    });
    const started = new PageLab(lab);
    await started.#run(coordinatorOptions);
    return started;
  }

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  async #run(coordinatorOptions: readonly string[]): Promise<void> {
    const joinFile = join(this.#folder, "join");
    const clusterFile = writeCluster(this.#folder, this.lab, {
      specs: [{ spec }],
      nodes: names.map((name) => ({ name, roles: ["nodes"] })),
      probing: { interval: "5s", timeout: "3200ms" },
    });
    const start = (host: string, args: readonly string[]): void => {
      this.#children.push(this.lab.host(host).spawn(launcher, args));
    };
    const reached = ["--join-file", joinFile, "--advertise", this.lab.host("n1").address];
    const dataDir = ["--data-dir", join(this.#folder, "data")];
    start("n1", ["coordinator", "run", clusterFile, ...dataDir, ...reached, ...coordinatorOptions]);
    await fileAppears(joinFile);
    const stateDir = ["--state-dir", join(this.#folder, "state")];
    for (const name of names)
      start(name, ["agent", "run", "--join-file", joinFile, "--name", name, ...stateDir]);
  }

  async ask<Answer>(path: string): Promise<Answer> {
    return JSON.parse(await this.lab.host("n1").run("curl", ["-sS", `${origin}/api/v1${path}`])) as Answer;
  }

  async untilCounts(what: string, isSo: (counts: Counts) => boolean): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const status = await this.ask<Status>("/status").catch(() => undefined);
      if (status !== undefined && isSo(status.paths)) return;
      if (performance.now() > deadline) throw new Error(`never: ${what}\n${JSON.stringify(status)}`);
      await sleep(100);
    }
  }

  /** A page in a browser on the first host. */
  async open(search: string, options: BrowserContextOptions = {}): Promise<Opened> {
    this.#browser ??= await this.#launch();
    return openPage(this.#browser, `${origin}/${search}`, options);
  }

  /** Playwright speaks with it over inherited pipes, so that only the browser itself is inside. */
  #launch(): Promise<Browser> {
    const wrapper = join(this.#folder, "chromium");
    const { namespace } = this.lab.host("n1");
    writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${namespace} ${browserPath()} "$@"\n`);
    chmodSync(wrapper, 0o755);
    return launch(wrapper);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser?.close();
    for (const child of this.#children) child.kill("SIGKILL");
    for (const child of this.#children)
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    rmSync(this.#folder, { recursive: true, force: true });
    await this.lab[Symbol.asyncDispose]();
  }
}
