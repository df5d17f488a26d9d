/** `portmesh agent yield`: real agents give ports up to services that start right afterwards. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Report } from "../../shared/report.ts";
import { fileAppears, launcher, portmesh, Running, smallSpec } from "../helpers/cli.ts";

let network = 50;

/** A check that waits for its agents; those share a folder for their sockets. */
async function setUp(t: Test, names: readonly string[] = ["a", "b"]) {
  network++;
  // The usual folders of tests have paths that are too long for sockets.
  const folder = mkdtempSync(join(tmpdir(), "portmesh-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const stateDir = join(folder, "state");
  const joinFile = join(folder, "join");
  const addresses = names.map((_name, index) => `127.78.${network}.${index + 1}`);
  const nodes = names.map((name, index) => ({ name, address: addresses[index] }));
  writeFileSync(join(folder, "small.yaml"), JSON.stringify(smallSpec));
  const cluster = { name: "t", specs: [{ file: "./small.yaml" }], nodes };
  writeFileSync(join(folder, "cluster.yaml"), JSON.stringify(cluster));
  const args = ["check", join(folder, "cluster.yaml"), "--listen", "127.0.0.1:0", "-o", "json"];
  const check = new Running([...args, "--join-file", joinFile]);
  t.teardown(() => check[Symbol.asyncDispose]());
  await fileAppears(joinFile);
  const agent = (name: string): Running => {
    const running = new Running(
      ["agent", "run", "--join-file", joinFile].concat("--name", name, "--state-dir", stateDir),
    );
    t.teardown(() => running[Symbol.asyncDispose]());
    return running;
  };
  const ask = (...rest: string[]) => portmesh("agent", "yield", ...rest, "--state-dir", stateDir);
  return { folder, stateDir, addresses: addresses as [string, string], check, agent, ask };
}

/** Binds as a service without SO_REUSEADDR would, and holds the port until the test is over. */
async function bindElsewhere(t: Test, port: number, address: string): Promise<number> {
  const script = `
    require("node:net").createServer().listen(${port}, "${address}", () => console.log("bound"));
    process.stdin.resume();`;
  const service = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => service.kill());
  await Promise.race([
    once(service.stdout, "data"),
    once(service, "exit").then(() => {
      throw new Error("the service could not bind");
    }),
  ]);
  return service.pid!;
}

t.test("a port that was asked for can be bound by another process right after the answer", async (t) => {
  const { addresses, check, agent, ask, stateDir } = await setUp(t);
  const a = agent("a");
  await a.says("joined");
  t.equal(statSync(stateDir).mode & 0o777, 0o700);
  t.equal(statSync(join(stateDir, "a.sock")).mode & 0o777, 0o600);
  const { exitCode, out, err } = await ask("31804");
  t.equal(exitCode, 0, err);
  t.match(out, new RegExp(`^a gave up tcp/31804 on ${addresses[0]} until 20..-.*Z\n$`));
  await bindElsewhere(t, 31_804, addresses[0]);
  const b = agent("b");
  await check.finished;
  const report = JSON.parse(check.out) as Report;
  t.equal(report.nodes[0]!.listeners.absent, 1, "the coordinator knows of it");
  const path = report.paths.find(({ from, flow }) => from === "b" && flow === "plain")!;
  t.match(path.evidence.target, { listener: "absent", detail: /^given up by request until 20/ });
  t.match([await a.finished, await b.finished], [{ exitCode: 0 }, { exitCode: 0 }]);
});

t.test("when the time is over a port that a service took is occupied, and the service counts", async (t) => {
  const { addresses, check, agent, ask } = await setUp(t);
  const a = agent("a");
  await a.says("joined");
  t.match(await ask("31804/tcp", "--name", "a", "--for", "1500ms"), { exitCode: 0 });
  const pid = await bindElsewhere(t, 31_804, addresses[0]);
  await a.says("is over, left it to ");
  await a.says(`(pid ${pid})`);
  agent("b");
  const { exitCode } = await check.finished;
  t.equal(exitCode, 0);
  const report = JSON.parse(check.out) as Report;
  const path = report.paths.find(({ from, flow }) => from === "b" && flow === "plain")!;
  t.same(
    path.intervals?.find(({ ports }) => ports === "31804"),
    { ports: "31804", verdict: "pass", reason: "served" },
  );
});

t.test("all agents of a host are asked, and one that agrees is enough", async (t) => {
  const { agent, ask, addresses } = await setUp(t, ["a", "b", "absent"]);
  await bindElsewhere(t, 31_805, addresses[1]);
  for (const running of [agent("a"), agent("b")]) await running.says("joined");
  const both = await ask("31801");
  t.match(both, { exitCode: 0, err: "" });
  t.strictSame(
    both.out.split("\n").map((line) => line.split(" until")[0]),
    [
      `a gave up tcp/31801 on ${addresses[0]}`,
      `a gave up udp/31801 on ${addresses[0]}`,
      `b gave up tcp/31801 on ${addresses[1]}`,
      `b gave up udp/31801 on ${addresses[1]}`,
      "",
    ],
  );
  t.match(await ask("31805"), { exitCode: 0, out: /^a gave up tcp\/31805 on [0-9.]+ until .*\n$/, err: "" });
});

t.test("what cannot be done is told, with an exit code for scripts", async (t) => {
  const { stateDir, agent, ask, addresses } = await setUp(t);
  t.match(await ask("31801"), {
    exitCode: 1,
    err: /error: no agent runs on this host, looked in .*\nIf agents were started with --state-dir/,
  });
  const pid = await bindElsewhere(t, 31_805, addresses[0]);
  const a = agent("a");
  await a.says("joined");
  t.match(await ask("1"), { exitCode: 1, err: /a does not hold port 1\n/ });
  t.match(await ask("31805"), {
    exitCode: 1,
    err: new RegExp(`a does not hold tcp/31805: .* \\(pid ${pid}\\) does`),
  });
  t.match(await ask("31801", "--name", "b"), { exitCode: 1, err: /no agent of b runs on this host/ });
  for (const wrong of ["x", "0", "70000", "53/icmp", "tcp/53"])
    t.match(await ask(wrong), { exitCode: 2, err: /Must be PORT, PORT\/tcp or PORT\/udp/ }, wrong);
  t.match(await ask("31801", "--for", "8d"), { exitCode: 2, err: /--for must be from 1ms to 7d/ });
  t.match(await ask("31801", "--name", "../a"), { exitCode: 2, err: /is no name of a node/ });
  if (process.getuid?.() === 0) {
    // Root may do anything, unless it has given that up.
    const socket = join(stateDir, "a.sock");
    chownSync(socket, 65_534, 65_534);
    const weakened = ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all", launcher];
    const asked = spawn("setpriv", weakened.concat("agent", "yield", "31801", "--state-dir", stateDir));
    let err = "";
    asked.stderr.on("data", (chunk) => (err += String(chunk)));
    const [exitCode] = (await once(asked, "close")) as [number];
    t.equal(exitCode, 1);
    t.match(err, /not permitted to use .*: run this as root or as the user of the agent/);
    chownSync(socket, 0, 0);
  }
  t.match(await ask("31801"), { exitCode: 0 }, "the agent holds what it holds");
});

t.test("an agent without a socket says so once, and does its work", async (t) => {
  const { folder, agent, check } = await setUp(t);
  writeFileSync(join(folder, "state"), "");
  const [a] = [agent("a"), agent("b")];
  t.match(await check.finished, { exitCode: 0 });
  const { err } = await a.finished;
  t.equal(err.split("no ports can be asked of this agent: ").length, 2, err);
});
