/**
 * The commands of the shipped units, started by hand as systemd would start them: as a user of no importance, with the
 * capabilities of the unit and no way to more, on a system that cannot be written to but for the state folder.
 * What only systemd does (filters of system calls, limits) is judged by systemd-analyze alone.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { smallSpec } from "../helpers/cli.ts";

t.setTimeout(90_000);

const root = join(import.meta.dirname, "../..");
const units = join(root, "deploy/systemd");
/** Of nobody in particular, as DynamicUser chooses them. */
const uid = 61_234;
/** An empty folder of every Debian: this checkout appears there, however private the folders above it are. */
const place = "/srv";
const patienceMs = 60_000;

interface Unit {
  command: string;
  capabilities: readonly string[];
}

function readUnit(name: string): Unit {
  const text = readFileSync(join(units, name), "utf8").replaceAll(/\\\n\s*/g, "");
  const of = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1] ?? "";
  return {
    command: of("ExecStart"),
    capabilities: of("CapabilityBoundingSet")
      .split(" ")
      .filter((each) => each !== ""),
  };
}

/** What is under way, and what it said. */
class Started implements AsyncDisposable {
  readonly #child: ChildProcess;
  said = "";

  /** `state` is all that it may write to; `paths` stand for others in the command. */
  constructor({ command, capabilities }: Unit, state: string, paths: Record<string, string>) {
    const names = capabilities.map((each) => each.replace("CAP_", "").toLowerCase());
    const granted = (sign: string): string => names.map((each) => `${sign}${each}`).join(",");
    const privileges = [
      `--reuid=${uid}`,
      `--regid=${uid}`,
      "--clear-groups",
      `--bounding-set=${["-all", granted("+")].filter((each) => each !== "").join(",")}`,
      ...(names.length === 0 ? [] : [`--inh-caps=${granted("+")}`, `--ambient-caps=${granted("+")}`]),
      "--no-new-privs",
    ];
    const line = Object.entries(paths).reduce((text, [from, to]) => text.replaceAll(from, to), command);
    const script = [
      `mount --bind ${root} ${place}`,
      // A mount of its own, which stays writable when what is above it does not.
      `mount --bind ${state} ${state}`,
      "mount -o remount,bind,ro /",
      `mount -o remount,bind,ro ${place}`,
      `cd /`,
      // A runner of tests puts its own in, from a folder that this user may not look into.
      "unset NODE_OPTIONS",
      `exec setpriv ${privileges.join(" ")} ${line}`,
    ];
    this.#child = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-euc", script.join("\n")], {
      env: { PATH: process.env["PATH"]!, STATE_DIRECTORY: state, PORTMESH_AGENT_OPTIONS: "" },
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on("data", (chunk: Buffer) => {
        this.said += chunk.toString();
      });
  }

  async says(text: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!this.said.includes(text)) {
      if (performance.now() > deadline || this.#child.exitCode !== null)
        throw new Error(`never said ${text}: ${this.said}`);
      await sleep(50);
    }
  }

  /** As the kernel knows it. */
  status(key: string): string {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return new RegExp(`^${key}:\\s+(.*)$`, "m").exec(status)![1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill("SIGTERM");
    await closed;
  }
}

t.test("coordinator and agent work with no more than their units give them", async (t) => {
  // Not below a folder of the tests, which belongs to root alone.
  const folder = mkdtempSync("/var/tmp/portmesh-sandbox-");
  t.teardown(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  const [configuration, ofCoordinator, ofAgent] = ["etc", "coordinator", "agent"].map((name) =>
    join(folder, name),
  );
  mkdirSync(configuration!, { mode: 0o755 });
  for (const state of [ofCoordinator!, ofAgent!]) {
    mkdirSync(state, { mode: 0o700 });
    chownSync(state, uid, uid);
  }
  writeFileSync(join(configuration!, "spec.yaml"), JSON.stringify(smallSpec));
  const cluster = {
    name: "unit",
    specs: [{ file: "spec.yaml" }],
    nodes: [
      { name: "n1", address: "127.31.77.1", roles: ["nodes"] },
      { name: "n2", address: "127.31.77.2", roles: ["nodes"] },
    ],
  };
  writeFileSync(join(configuration!, "cluster.yaml"), JSON.stringify(cluster));

  const paths = { "/usr/bin/portmesh": `${place}/bin/portmesh`, "/etc/portmesh": configuration! };
  await using coordinator = new Started(readUnit("portmesh-coordinator.service"), ofCoordinator!, {
    ...paths,
    // Ports that nobody else has, where others run beside this.
    "coordinator run": "coordinator run --listen 127.31.77.1:0 --http 127.31.77.1:0",
    "/var/lib/private/portmesh": ofCoordinator!,
    "/var/lib/portmesh": ofCoordinator!,
  });
  await coordinator.says("metrics on ");
  t.equal(coordinator.status("CapEff"), "0000000000000000");
  t.equal(coordinator.status("CapBnd"), "0000000000000000");
  t.equal(coordinator.status("NoNewPrivs"), "1");
  t.ok(existsSync(join(ofCoordinator!, "journal.db")), "its state is where the unit says");

  const joinFile = join(ofCoordinator!, "join");
  t.ok(existsSync(joinFile));
  const credentials = join(folder, "credentials");
  mkdirSync(credentials, { mode: 0o700 });
  writeFileSync(join(credentials, "join"), readFileSync(joinFile), { mode: 0o400 });
  for (const path of [join(credentials, "join"), credentials]) chownSync(path, uid, uid);
  await using agent = new Started(readUnit("portmesh-agent.service"), ofAgent!, {
    ...paths,
    // Not a variable of the shell here, but of systemd.
    "${CREDENTIALS_DIRECTORY}": credentials,
    "%l": "n1",
    "/var/lib/private/portmesh-agent": ofAgent!,
  });
  await agent.says("joined unit as n1");
  // CAP_NET_BIND_SERVICE is number 10.
  for (const set of ["CapEff", "CapBnd", "CapAmb"]) t.equal(agent.status(set), "0000000000000400", set);
  t.notMatch(agent.said, "sweeps that are not delivered do not outlive", "it may write to its state folder");
  await coordinator.says("n1 joined");
});
