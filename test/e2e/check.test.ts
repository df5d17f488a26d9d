/** `portmesh check` and `portmesh agent run` as processes on loopback: joining, refusing, missing, interrupting. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { Check } from "typebox/value";
import { formatJoinString, parseJoinString } from "../../shared/join-string.ts";
import { ReportSchema, type Report } from "../../shared/report.ts";
import { fileAppears, Running, smallSpec } from "../helpers/cli.ts";

interface Setup {
  folder: string;
  joinFile: string;
  check: (...args: string[]) => Running;
  agent: (name: string, joinFile?: string) => Running;
}

let network = 10;

/** A cluster of nodes on a loopback network of its own, so that tests cannot meet. */
function setUp(t: Test, names: readonly string[], spec: object = smallSpec): Setup {
  network++;
  const folder = t.testdir({ "small.yaml": JSON.stringify(spec) });
  const nodes = names.map((name, index) => ({ name, address: `127.78.${network}.${index + 1}` }));
  writeFileSync(
    join(folder, "cluster.yaml"),
    JSON.stringify({ name: "t", specs: [{ file: "./small.yaml" }], nodes }),
  );
  const joinFile = join(folder, "join");
  return {
    folder,
    joinFile,
    check: (...args) =>
      new Running([
        "check",
        join(folder, "cluster.yaml"),
        "--listen",
        "127.0.0.1:0",
        "--join-file",
        joinFile,
        "-o",
        "json",
        ...args,
      ]),
    agent: (name, file = joinFile) => new Running(["agent", "run", "--join-file", file, "--name", name]),
  };
}

t.test("with all agents every protocol passes, and all reports are written", async (t) => {
  const { folder, joinFile, check, agent } = setUp(t, ["a", "b", "c"]);
  const file = (format: string): string => join(folder, `report.${format}`);
  const reports = ["json", "junit", "html", "csv", "md"].flatMap((format) => [
    "--report",
    `${format}=${file(format)}`,
  ]);
  await using run = check(...reports);
  await fileAppears(joinFile);
  t.equal(statSync(joinFile).mode & 0o777, 0o600, "the join file is for its owner only");
  await using a = agent("a");
  await using b = agent("b");
  await using c = agent("c");
  const { exitCode, out, err } = await run.finished;
  t.equal(exitCode, 0, err);
  const report = JSON.parse(out) as Report;
  t.ok(Check(ReportSchema, report), "the report is what its schema says");
  t.equal(report.summary.pass, report.summary.paths);
  t.equal(report.summary.paths, 6 * 3 * 2);
  t.strictSame([...new Set(report.paths.map(({ protocol }) => protocol))].toSorted(), [
    "mtls",
    "tcp",
    "tls",
    "udp",
    "ws",
    "wss",
  ]);
  t.same(JSON.parse(readFileSync(file("json"), "utf8")), report);
  const junit = readFileSync(file("junit"), "utf8");
  t.match(junit, /<testsuites name="t" tests="[0-9]+" failures="0" errors="0"/);
  t.equal(
    junit.match(/<testcase classname="small\//g)?.length,
    36,
    "one a path, beside what was found of hosts",
  );
  t.match(readFileSync(file("html"), "utf8"), /<!doctype html>/);
  for (const each of [a, b, c])
    t.equal((await each.finished).exitCode, 0, "an agent ends well when the check is finished");
  t.throws(
    () => readFileSync(joinFile),
    { code: "ENOENT" },
    "the join string does not outlive its coordinator",
  );
});

t.test("--local runs the agent of one node in the same process", async (t) => {
  const { joinFile, check, agent } = setUp(t, ["a", "b"]);
  await using run = check("--local", "a");
  await fileAppears(joinFile);
  await using _b = agent("b");
  const { exitCode, out, err } = await run.finished;
  t.equal(exitCode, 0, err);
  t.equal((JSON.parse(out) as Report).summary.paths, 12);
  await using wrong = check("--local", "zebra");
  t.match(await wrong.finished, {
    exitCode: 2,
    err: /--local zebra: the cluster file has no such node\nChoose one of a, b/,
  });
});

t.test("a node without an agent makes the check incomplete and is named", async (t) => {
  const { joinFile, check, agent } = setUp(t, ["a", "b"]);
  await using run = check("--wait", "3s");
  await fileAppears(joinFile);
  await using _a = agent("a");
  const { exitCode, out, err } = await run.finished;
  t.equal(exitCode, 5);
  t.match(err, /going on without b/);
  const report = JSON.parse(out) as Report;
  t.equal(report.nodes.find(({ name }) => name === "b")?.agent, null);
  t.ok(report.paths.every(({ verdict, reason }) => verdict === "unknown" && reason === "agent-missing"));
});

t.test("an agent that dies in the check leaves unknown paths, never green ones", async (t) => {
  const { joinFile, check, agent } = setUp(t, ["a", "b"]);
  await using run = check("--wait", "5s");
  await fileAppears(joinFile);
  await using a = agent("a");
  await a.says("joined");
  a.child.kill("SIGKILL");
  await using _b = agent("b");
  const { exitCode, out } = await run.finished;
  t.equal(exitCode, 5);
  t.equal((JSON.parse(out) as Report).summary.pass, 0);
});

t.test("an agent that stands still in the middle of the check turns nothing red", async (t) => {
  const [plain] = smallSpec.flows as [Record<string, unknown>];
  // Wide enough to be in the middle of it for a moment.
  const wide = {
    ...smallSpec,
    flows: [...smallSpec.flows, { ...plain, name: "wide", ports: "30000-31499" }],
  };
  const { joinFile, check, agent } = setUp(t, ["a", "b", "c"], wide);
  await using run = check();
  await fileAppears(joinFile);
  await using _a = agent("a");
  await using b = agent("b");
  await using _c = agent("c");
  await run.says("probes 0/");
  b.child.kill("SIGSTOP");
  await sleep(5_000);
  t.equal(run.child.exitCode, null, "it still owes results");
  b.child.kill("SIGCONT");
  const { exitCode, out, err } = await run.finished;
  t.ok(exitCode === 0 || exitCode === 5, err);
  const report = JSON.parse(out) as Report;
  t.strictSame(
    report.paths.filter(({ verdict }) => verdict !== "pass" && verdict !== "unknown"),
    [],
  );
  t.ok(report.paths.some(({ verdict }) => verdict === "pass"));
});

t.test("Ctrl-C prints what is known, marks the rest unknown and exits 130", async (t) => {
  const { joinFile, check, agent } = setUp(t, ["a", "b"]);
  await using run = check();
  await fileAppears(joinFile);
  await using a = agent("a");
  await a.says("joined");
  run.child.kill("SIGINT");
  const { exitCode, out } = await run.finished;
  t.equal(exitCode, 130);
  const report = JSON.parse(out) as Report;
  t.equal(report.interrupted, true);
  t.equal(report.summary.unknown, report.summary.paths);
});

t.test("who may not join is refused with the reason and the next step", async (t) => {
  const { folder, joinFile, check, agent } = setUp(t, ["a", "b"]);
  await using _run = check();
  await fileAppears(joinFile);
  const good = parseJoinString(readFileSync(joinFile, "utf8"));
  const altered = (change: Partial<typeof good>): string => {
    const path = join(folder, "altered");
    writeFileSync(path, formatJoinString({ ...good, ...change }));
    return path;
  };
  const refused = async (running: Running): Promise<string> => {
    const { exitCode, err } = await running.finished;
    t.equal(exitCode, 1, err);
    return err;
  };

  t.match(
    await refused(agent("zebra")),
    /the cluster has no node "zebra"; it has a, b\nStart the agent with --name/,
  );
  t.match(
    await refused(agent("a", altered({ token: "x".repeat(32) }))),
    /the token or session is not valid for this run/,
  );
  t.match(
    await refused(agent("a", altered({ pin: "A".repeat(43) }))),
    /its key does not match the pin\nGet the join string/,
  );

  await using first = agent("a");
  await first.says("joined");
  t.match(await refused(agent("a")), /an agent on .* has already joined as a and is connected/);
});

t.test("a name is free again at once after a goodbye", async (t) => {
  const { joinFile, check, agent } = setUp(t, ["a", "b"]);
  await using _run = check();
  await fileAppears(joinFile);
  await using first = agent("a");
  await first.says("joined");
  first.child.kill("SIGTERM");
  t.equal((await first.finished).exitCode, 143);
  await using second = agent("a");
  await second.says("joined");
});

t.test(
  "a port that another process holds is occupied, its owner is named, and the service counts",
  async (t) => {
    const { joinFile, check, agent } = setUp(t, ["a", "b"]);
    const { createServer } = await import("node:net");
    const service = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => service.listen(31804, `127.78.${network}.2`, resolve));
    t.teardown(() => service.close());
    await using run = check();
    await fileAppears(joinFile);
    await using _a = agent("a");
    await using _b = agent("b");
    const { exitCode, out } = await run.finished;
    t.equal(exitCode, 0);
    const report = JSON.parse(out) as Report;
    t.equal(report.nodes.find(({ name }) => name === "b")?.listeners.occupied, 1);
    const path = report.paths.find(({ from, flow }) => from === "a" && flow === "plain");
    t.same(
      path?.intervals?.find(({ ports }) => ports === "31804"),
      { ports: "31804", verdict: "pass", reason: "served" },
    );
  },
);
