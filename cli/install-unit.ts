/** Writes the unit that runs this very installation as the agent of a node. */
import { existsSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PortmeshError } from "../shared/errors.ts";
import { parseJoinString } from "../shared/join-string.ts";
import { agentUnit, agentUnitName } from "./agent-unit.ts";
import type { InstallUnitFlags } from "./commands/agent-install-unit.ts";
import { readSecretFile } from "./secret-file.ts";
import type { Terminal } from "./terminal.ts";

const othersMayEnter = 0o001;
/** Empty inside of the unit, or gone after the next start of the host. */
const hidden = ["/home/", "/root/", "/run/", "/tmp/", "/var/tmp/"];

export async function installUnit(flags: InstallUnitFlags, terminal: Terminal): Promise<void> {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(flags.name))
    throw new PortmeshError("usage", `${JSON.stringify(flags.name)} is no name of a node`, {
      next: "Names are lower-case letters, digits and hyphens, as in the cluster file.",
    });
  const launcher = ownLauncher();
  const joinFile = resolve(flags.joinFile);
  const policyFile = flags.policy === undefined ? undefined : resolve(flags.policy);
  // A mistake is to be told now and not by a unit that does not start.
  parseJoinString(readSecretFile(joinFile, "--join-file"));
  if (policyFile !== undefined) (await import("./policy-file.ts")).readPolicy(policyFile);
  const unit = agentUnit({
    launcher,
    node: flags.name,
    joinFile,
    ...(policyFile === undefined ? {} : { policyFile }),
  });
  if (flags.dryRun === true) {
    terminal.out.write(unit);
    return;
  }
  checkReachable(launcher);
  for (const file of [joinFile, policyFile ?? joinFile]) checkLasting(file);
  const path = join(flags.unitDir, agentUnitName);
  try {
    writeFileSync(path, unit, { mode: 0o644 });
  } catch (error) {
    throw new PortmeshError("cannot-run", `cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      next: "Run it as root, name another folder with --unit-dir DIR, or print the unit with --dry-run.",
      cause: error,
    });
  }
  terminal.out.write(`${path}\n`);
  terminal.err.write(
    `next:\n  systemctl daemon-reload\n  systemctl enable --now ${agentUnitName}\n  journalctl -u portmesh-agent -f\n`,
  );
}

/** Searched upwards, because the built package lies a folder deeper than the sources. */
function ownLauncher(from = import.meta.dirname): string {
  const launcher = join(from, "bin/portmesh");
  if (existsSync(launcher)) return realpathSync(launcher);
  const parent = dirname(from);
  if (parent === from) throw new PortmeshError("cannot-run", "this installation has no bin/portmesh");
  return ownLauncher(parent);
}

/** The unit runs as a user of its own, who sees no home and no temporary folder. */
function checkReachable(launcher: string): void {
  const isHidden = hidden.some((folder) => launcher.startsWith(folder));
  let closed: string | undefined;
  for (let folder = dirname(launcher); folder !== dirname(folder); folder = dirname(folder))
    if ((statSync(folder).mode & othersMayEnter) === 0) closed = folder;
  if (!isHidden && closed === undefined) return;
  throw new PortmeshError(
    "cannot-run",
    `the unit's user cannot reach this installation: ${launcher}${closed === undefined ? "" : `, since ${closed} is closed to others`}`,
    { next: "Install it for all users, with npm install --global or in /opt." },
  );
}

function checkLasting(file: string): void {
  // systemd itself reads it, as root: only what does not last is of no use.
  if (!["/run/", "/tmp/"].some((folder) => file.startsWith(folder))) return;
  throw new PortmeshError("usage", `${file} does not outlive a restart of this host`, {
    next: "Copy it to /etc/portmesh, readable by root alone.",
  });
}
