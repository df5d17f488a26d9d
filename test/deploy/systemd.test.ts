/** Units: hardened as far as a JavaScript engine lets itself be, valid, and written by install-unit as they are shipped. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { agentUnit } from "../../cli/agent-unit.ts";
import { formatJoinString } from "../../shared/join-string.ts";
import { launcher, portmesh } from "../helpers/cli.ts";
import { runTool } from "../helpers/system-tool.ts";

const joinString = formatJoinString({
  cluster: "prod",
  addresses: ["10.0.0.1:7717"],
  pin: randomBytes(32).toString("base64url"),
  token: randomBytes(32).toString("base64url"),
});
const folder = join(import.meta.dirname, "../../deploy/systemd");
const names = ["portmesh-agent.service", "portmesh-coordinator.service"];

/** The unit, for this very checkout. */
function unitFor(t: Test, name: string, text: string): string {
  const place = t.testdir();
  const path = join(place, name);
  writeFileSync(path, text.replaceAll("/usr/bin/portmesh", launcher));
  return path;
}

t.test("units are exposed to 2.0 at most, and valid", async (t) => {
  for (const name of names) {
    const unit = unitFor(t, name, readFileSync(join(folder, name), "utf8"));
    const exposure = await runTool("systemd-analyze", [
      "security",
      "--offline=true",
      "--threshold=20",
      "--no-pager",
      unit,
    ]);
    t.equal(exposure.exitCode, 0, `${name}: ${exposure.said.split("\n").at(-2)}`);
    const { exitCode, said } = await runTool("systemd-analyze", ["verify", "--man=no", unit]);
    t.equal(exitCode, 0, said);
    t.notMatch(said, name, "and nothing is said about it");
  }
});

t.test("the unit that is shipped is the one that install-unit writes", async (t) => {
  const shipped = { launcher: "/usr/bin/portmesh", node: "%l", joinFile: "/etc/portmesh/join" };
  t.equal(readFileSync(join(folder, "portmesh-agent.service"), "utf8"), agentUnit(shipped));
});

t.test("what means something to systemd cannot come into a unit by a path", async (t) => {
  for (const joinFile of ["join", "/etc/a b", "/etc/%n", "/etc/a\nExecStart=/bin/sh", "/etc/$HOME"])
    t.throws(() => agentUnit({ launcher: "/usr/bin/portmesh", node: "n1", joinFile }), {
      message: /cannot stand in a unit/,
    });
});

t.test("install-unit writes or prints a unit, and says what would keep it from starting", async (t) => {
  const place = mkdtempSync("/var/tmp/portmesh-unit-");
  t.teardown(() => rmSync(place, { recursive: true }));
  const joinFile = join(place, "join");
  writeFileSync(joinFile, joinString, { mode: 0o600 });
  const policy = join(place, "policy.yaml");
  writeFileSync(policy, "allow: [10.0.0.0/8]\n");
  const install = (...more: string[]) =>
    portmesh("agent", "install-unit", "--name", "n1", "--join-file", joinFile, ...more);

  const printed = await install("--dry-run", "--policy", policy);
  t.equal(printed.exitCode, 0, printed.err);
  t.match(printed.out, `ExecStart=${launcher} agent run --name n1 `);
  t.match(printed.out, `LoadCredential=join:${joinFile}\nLoadCredential=policy:${policy}\n`);
  t.notMatch(printed.out, readFileSync(joinFile, "utf8").trim(), "the secret is not in it");
  const checked = await runTool("systemd-analyze", [
    "verify",
    "--man=no",
    unitFor(t, "portmesh-agent.service", printed.out),
  ]);
  t.equal(checked.exitCode, 0, checked.said);

  const units = join(place, "units");
  mkdirSync(units);
  const written = await install("--unit-dir", units);
  // A checkout in somebody's home is of no use to the unit's user; elsewhere it is.
  if (written.exitCode === 0) {
    t.equal(written.out, `${join(units, "portmesh-agent.service")}\n`);
    t.match(written.err, "systemctl enable --now portmesh-agent.service");
    t.ok(existsSync(join(units, "portmesh-agent.service")));
    t.match(await install("--unit-dir", join(place, "none")), { exitCode: 1, err: /cannot write .*ENOENT/ });
  } else t.match(written.err, "cannot reach this installation");

  chmodSync(joinFile, 0o644);
  t.match(await install("--dry-run"), { exitCode: 2, err: /other users may read it/ });
  chmodSync(joinFile, 0o600);
  writeFileSync(joinFile, "nonsense");
  t.match(await install("--dry-run"), { exitCode: 2 });
  writeFileSync(joinFile, joinString);
  t.match(await portmesh("agent", "install-unit", "--name", "N 1", "--join-file", joinFile, "--dry-run"), {
    exitCode: 2,
    err: /is no name of a node/,
  });
  const passing = join(mkdtempSync(join(tmpdir(), "portmesh-unit-")), "join");
  t.teardown(() => rmSync(join(passing, ".."), { recursive: true }));
  writeFileSync(passing, joinString, { mode: 0o600 });
  const lost = await portmesh(
    "agent",
    "install-unit",
    "--name",
    "n1",
    "--join-file",
    passing,
    "--unit-dir",
    units,
  );
  t.notMatch(lost.exitCode, 0, "a file in /tmp is gone after a restart");
});
