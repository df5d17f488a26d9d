/** Faults of the probing host itself are its own, and a silent host is a verdict and not a hang. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { smallSpec } from "../helpers/cli.ts";
import { runLabCheck } from "./check.ts";
import { Lab } from "./lab.ts";

t.setTimeout(200_000);

const names = ["n1", "n2", "n3", "n4"];
const nodes = names.map((name) => ({ name }));

t.test("a missing or forbidden route at home is not a firewall on the way", async (t) => {
  await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
  const target = lab.host("n3").address;
  await lab.host("n2").run("ip", ["route", "add", "unreachable", `${target}/32`]);
  await lab.host("n4").run("ip", ["route", "add", "prohibit", `${target}/32`]);
  const file = join(t.testdir(), "small.yaml");
  writeFileSync(file, JSON.stringify(smallSpec));
  const { report, exitCode } = await runLabCheck(lab, { specs: [{ file }], nodes, control: "n1" });
  t.equal(exitCode, 3);
  const reasons = (from: string, to: string): string[] => [
    ...new Set(
      report.paths.filter((path) => path.from === from && path.to === to).map(({ reason }) => reason),
    ),
  ];
  t.strictSame(reasons("n2", "n3"), ["no-route"], "over TCP, UDP, TLS and WebSocket alike");
  t.strictSame(reasons("n4", "n3"), ["egress-blocked"]);
  // The way back is missing too. UDP requests arrive and cannot be answered; a kernel without a way back does
  // not even begin a TCP connection.
  t.strictSame(reasons("n3", "n2").toSorted(), ["dropped", "reply-dropped"]);
  t.strictSame(reasons("n3", "n4").toSorted(), ["dropped", "reply-dropped"]);
  t.strictSame(reasons("n1", "n3"), ["reachable"]);
  t.strictSame(reasons("n2", "n4"), ["reachable"]);
});

t.test("thousands of dropped ports are all found, however long nothing is reported", async (t) => {
  await using lab = await Lab.create({ hosts: ["n1", "n2"].map((name) => ({ name, zone: "a" })) });
  await lab.fault({ at: "n2", hook: "input", transport: "tcp", ports: "20000-27999", action: "drop" });
  const file = join(t.testdir(), "wide.yaml");
  const [plain] = smallSpec.flows as [Record<string, unknown>];
  writeFileSync(file, JSON.stringify({ ...smallSpec, flows: [{ ...plain, ports: "20000-27999" }] }));
  const { report, exitCode } = await runLabCheck(lab, {
    specs: [{ file }],
    nodes: nodes.slice(0, 2),
    control: "n1",
  });
  t.equal(exitCode, 3);
  t.match(
    report.paths.map(({ from, verdict, reason, coverage, intervals }) => ({
      from,
      verdict,
      reason,
      coverage,
      intervals,
    })),
    [
      { from: "n1", verdict: "fail", reason: "dropped", coverage: "8000/8000", intervals: undefined },
      { from: "n2", verdict: "pass", reason: "reachable", coverage: "8000/8000" },
    ],
  );
});
