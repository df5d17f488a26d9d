/** `portmesh doctor` as a user types it, on this very host: what it prints and how it ends. */
import { join } from "node:path";
import t from "tap";
import type { DoctorReport } from "../../cli/doctor/examine.ts";
import { portmesh, smallSpec } from "../helpers/cli.ts";

const exitOf = ({ summary }: DoctorReport): number => (summary.fail > 0 ? 3 : summary.unknown > 0 ? 5 : 0);

t.test(
  "JSON has every check with what was expected and found, and the exit code says how it went",
  async (t) => {
    const { exitCode, out } = await portmesh("doctor", "-o", "json");
    const report = JSON.parse(out) as DoctorReport;
    t.strictSame(Object.keys(report), [
      "apiVersion",
      "kind",
      "host",
      "node",
      "cluster",
      "specs",
      "phase",
      "at",
      "summary",
      "checks",
      "held",
      "notes",
      "facts",
    ]);
    t.match(report, { apiVersion: "portmesh/v1", kind: "Doctor", node: null, cluster: null, specs: [] });
    t.equal(exitCode, exitOf(report));
    for (const check of report.checks)
      t.match(check, {
        spec: "host",
        name: String,
        kind: "host",
        verdict: String,
        reason: String,
        expected: String,
        actual: String,
      });
  },
);

t.test("the table has a glyph a check, and a remedy under what is not met", async (t) => {
  const small = {
    ...smallSpec,
    requirements: [
      {
        name: "impossible",
        kind: "sysctl",
        key: "net.ipv4.ip_forward",
        expected: "2",
        description: "Nobody has it.",
        doc: "guide:3",
        phase: "both",
        level: "required",
        on: ["nodes"],
      },
    ],
  };
  const folder = t.testdir({ "small.yaml": JSON.stringify(small) });
  const { exitCode, out } = await portmesh("doctor", "--spec", join(folder, "small.yaml"));
  t.equal(exitCode, 3);
  t.match(out, /^ +CHECK +EXPECTED +ACTUAL +READ FROM$/m);
  t.match(
    out,
    /^× {2}small\/impossible +net\.ipv4\.ip_forward = 2 +[01] +\/proc\/sys\/net\/ipv4\/ip_forward$/m,
  );
  t.match(out, /^ {5}remedy {2}sysctl -w net\.ipv4\.ip_forward=2 && echo /m);
  t.match(out, /^[●?] {2}open-files +/m);
  t.match(out, /^Summary {2}\d+ met · \d+ unknown · \d+ unmet$/m);
});

t.test("a node is found by its addresses, or named", async (t) => {
  const cluster = (...addresses: string[]): string =>
    JSON.stringify({
      name: "t",
      specs: [{ file: "./small.yaml" }],
      nodes: addresses.map((address, index) => ({ name: `n${index + 1}`, address })),
    });
  const folder = t.testdir({
    "small.yaml": JSON.stringify(smallSpec),
    "one.yaml": cluster("10.255.1.1", "127.0.0.1"),
    "loopback.yaml": cluster("127.77.0.1"),
    "none.yaml": cluster("10.255.1.1", "10.255.1.2"),
  });
  const doctor = (file: string, ...args: string[]) =>
    portmesh("doctor", "--cluster", join(folder, file), ...args);
  t.match(JSON.parse((await doctor("one.yaml", "-o", "json")).out), { node: "n2", cluster: "t", notes: [] });
  const loopback = await doctor("loopback.yaml", "--node", "n1", "-o", "json");
  t.strictSame((JSON.parse(loopback.out) as DoctorReport).notes, []);
  t.match(await doctor("none.yaml"), {
    exitCode: 2,
    err: /no node of the cluster file has an address of this host\nName one with --node: n1, n2\./,
  });
  t.match(await doctor("none.yaml", "--node", "n3"), { exitCode: 2, err: /the cluster file has no node n3/ });
  t.match(JSON.parse((await doctor("none.yaml", "--node", "n1", "-o", "json")).out), {
    node: "n1",
    notes: [/^10\.255\.1\.1 is on no interface of this host/],
  });
});

t.test("options that do not go together are usage errors", async (t) => {
  t.match(await portmesh("doctor", "--node", "n1"), { exitCode: 2, err: /--node needs --cluster/ });
  t.match(await portmesh("doctor", "--spec", "thoughtspot", "--cluster", "x.yaml"), { exitCode: 2 });
  t.match(await portmesh("doctor", "--spec", "thoughtspott"), {
    exitCode: 2,
    err: /no spec thoughtspott is shipped/,
  });
});

t.test("what the choice of an option decides is left out with a note", async (t) => {
  const option = { type: "choice", values: ["light", "full"], description: "Which edition." };
  const folder = t.testdir({
    "small.yaml": JSON.stringify({ ...smallSpec, options: { edition: option } }),
  });
  const { out } = await portmesh("doctor", "--spec", join(folder, "small.yaml"));
  t.match(out, /^note: what depends on edition \(light, full\) is left out: a cluster file chooses it$/m);
});
