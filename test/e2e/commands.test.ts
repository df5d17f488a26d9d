/** Every other command as a user types it: output, exit codes, and what it says when something is wrong. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import t from "tap";
import { schemas } from "../../cli/schemas.ts";
import { freePort } from "../helpers/agent-fixtures.ts";
import { launcher, portmesh, smallSpec } from "../helpers/cli.ts";

const root = join(import.meta.dirname, "../..");

t.test("help names the commands, and exit codes have a topic of their own", async (t) => {
  const help = await portmesh("--help");
  t.equal(help.exitCode, 0);
  for (const command of ["check", "agent", "merge", "spec", "doctor", "probe", "demo", "version"])
    t.match(help.out, new RegExp(`^  ${command}\\b`, "m"));
  const codes = await portmesh("help", "exit-codes");
  t.match(codes.out, /^ {2}5 +incomplete/m);
});

t.test("a misspelt command or option exits 2 and names the near one", async (t) => {
  const command = await portmesh("chekc");
  t.equal(command.exitCode, 2);
  t.match(command.err, /Did you mean check\?/);
  const option = await portmesh("check", "x.yaml", "--wiat", "5m");
  t.equal(option.exitCode, 2);
  t.match(option.err, /Did you mean --wait\?/);
});

t.test(
  "a wrong cluster file and a wrong spec are reported together, each mistake with line and column",
  async (t) => {
    const folder = t.testdir({
      "bad-spec.yaml": "id: Bad\ntitle: Bad\n",
      "cluster.yaml":
        "name: t\nspecs:\n  - id: anypoint-runtime-fabic\n  - file: ./bad-spec.yaml\nnodes:\n  - { name: n1, address: 10.0.0.300 }\n  - { name: n1, address: 10.0.0.2 }\n",
    });
    const { exitCode, err, out } = await portmesh("check", join(folder, "cluster.yaml"));
    t.equal(exitCode, 2);
    t.equal(out, "");
    t.match(err, /cluster\.yaml:3:9: \/specs\/0\/id: no spec anypoint-runtime-fabic is shipped/);
    t.match(err, /bad-spec\.yaml:1:5: \/id: must be lower-case words/);
    t.match(
      err,
      /cluster\.yaml:6:26: \/nodes\/0\/address: must be an IPv4 or IPv6 address; found "10\.0\.0\.300"/,
    );
    t.match(err, /cluster\.yaml:7:13: \/nodes\/1\/name: another node is called n1 too/);
  },
);

t.test("a cluster file that is not there exits 2 and says so", async (t) => {
  const { exitCode, err } = await portmesh("check", "/nonexistent/cluster.yaml");
  t.equal(exitCode, 2);
  t.match(err, /cannot read the cluster file \/nonexistent\/cluster\.yaml: ENOENT/);
});

t.test("spec list, show, validate, schema and render", async (t) => {
  const list = JSON.parse((await portmesh("spec", "list", "-o", "json")).out) as {
    id: string;
    flows: number;
  }[];
  t.strictSame(
    list.map(({ id }) => id),
    readdirSync(join(root, "specs"))
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => name.slice(0, -5))
      .toSorted(),
  );
  const spec = JSON.parse((await portmesh("spec", "show", "thoughtspot", "-o", "json")).out) as {
    flows: { name: string }[];
  };
  t.ok(spec.flows.length > 40);
  const text = await portmesh("spec", "show", "thoughtspot");
  t.match(text.out, /postgres +all-nodes +all-nodes +tcp\/5432/);
  t.equal((await portmesh("spec", "show", "thoughtspott")).exitCode, 2);

  const folder = t.testdir({
    "small.yaml": JSON.stringify(smallSpec),
    "cluster.yaml":
      "name: t\nspecs: [{ file: ./small.yaml }]\nnodes:\n  - { name: a, address: 10.0.0.1 }\n  - { name: b, address: 10.0.0.2 }\n",
  });
  t.match(
    (await portmesh("spec", "validate", join(folder, "small.yaml"))).out,
    /is valid: small 1\.0\.0, 6 flows/,
  );
  const plan = JSON.parse(
    (await portmesh("spec", "render", join(folder, "cluster.yaml"), "-o", "json")).out,
  ) as { probes: number };
  t.equal(plan.probes, 2 * 12);
  t.match(
    (await portmesh("spec", "render", join(folder, "cluster.yaml"))).out,
    /2 nodes, 12 paths, 24 probes/,
  );
  for (const [name, schema] of Object.entries(schemas)) {
    const printed: unknown = JSON.parse((await portmesh("spec", "schema", name)).out);
    t.same(printed, JSON.parse(JSON.stringify(schema)));
    const published: unknown = JSON.parse(
      readFileSync(join(root, "docs/schema", `${name}.schema.json`), "utf8"),
    );
    t.same(published, printed, `docs/schema/${name}.schema.json is current; else: npm run schema`);
  }
});

t.test("probe tells open from refused, in words and in JSON", async (t) => {
  const server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = await portmesh("probe", `127.0.0.1:${port}`);
  t.equal(open.exitCode, 0);
  t.match(open.out, /tcp 127\.0\.0\.1:\d+ +● open after .*\n {2}connect +the connection was accepted/);
  const refused = await portmesh("probe", `127.0.0.1:${await freePort()}`);
  t.equal(refused.exitCode, 3);
  t.match(refused.out, /refused \(ECONNREFUSED\): nothing listens there, or a firewall rejects/);
  const silent = await portmesh(
    "probe",
    `127.0.0.1:${port}`,
    "-p",
    "tls",
    "--timeout",
    "300ms",
    "-o",
    "json",
  );
  t.equal(silent.exitCode, 3);
  t.match(JSON.parse(silent.out), { results: [{ outcome: { kind: "silent", phase: "tls" } }] });
  t.equal((await portmesh("probe", "127.0.0.1")).exitCode, 2);
});

t.test("a demo with a blocked port finds that port and nothing else", async (t) => {
  const { exitCode, out, err } = await portmesh(
    "demo",
    "--once",
    "--nodes",
    "3",
    "--spec",
    "dynatrace-managed",
    "--block",
    "n3->n1:tcp/9042",
    "-o",
    "json",
  );
  t.equal(exitCode, 3, err);
  const report = JSON.parse(out) as import("../../shared/report.ts").Report;
  const bad = report.paths.filter(({ verdict }) => verdict !== "pass");
  t.strictSame(
    bad.map(({ from, to, flow, reason }) => [from, to, flow, reason]),
    [["n3", "n1", "cassandra", "dropped"]],
  );
  t.same(
    bad[0]?.intervals?.filter(({ verdict }) => verdict === "fail"),
    [{ ports: "9042", verdict: "fail", reason: "dropped" }],
  );
});

t.test("on a terminal the demo goes on, with a dashboard, and Ctrl-C ends it with its agents", async (t) => {
  const folder = t.testdir();
  const json = join(folder, "report.json");
  // script(1) gives the demo a terminal. A firewall rule needs a namespace, whose dashboard is to be seen from here.
  const block = "--block 'n2->n1:tcp/31999'";
  const command = `${launcher} demo --nodes 2 --spec apigee-hybrid --interval 5s --report json=${json} ${block}`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], TERM: "xterm-256color" },
  });
  let shown = "";
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const exited = once(child, "exit");
  while (!shown.includes("Ctrl-C ends the demo")) await once(child.stdout, "data");
  t.match(shown, "agents that have swept: 2 of 2");
  t.match(shown, "no flow needs n2->n1:tcp/31999");
  t.match(shown, "\u001b[32m", "green on a terminal");
  const [url] = /http:\/\/127\.0\.0\.1:[0-9]+/.exec(shown)!;
  const page = await fetch(url);
  t.match(await page.text(), "<title>");
  const matrix = (await (await fetch(`${url}/api/v1/matrix`)).json()) as { nodes: { name: string }[] };
  t.strictSame(
    matrix.nodes.map(({ name }) => name),
    ["n1", "n2"],
  );
  t.equal(
    (JSON.parse(readFileSync(json, "utf8")) as { summary: { verdict: string } }).summary.verdict,
    "pass",
  );
  child.stdin.write("\u0003");
  t.strictSame((await exited)[0], 130);
  await t.rejects(fetch(url), "nobody is there any more");
});

t.test("an option of a subcommand is its own, and --ascii may stand anywhere", async (t) => {
  const run = ["agent", "run", "--join", "pmj1.x", "--name", "n1", "--policy", "/nowhere/policy.yaml"];
  t.match(await portmesh(...run), { exitCode: 2, err: /\/nowhere\/policy\.yaml/ });
  const render = (...args: string[]) => portmesh(...args).then(({ out }) => out);
  const first = await render("--ascii", "spec", "list");
  t.equal(await render("spec", "list", "--ascii"), first);
  t.equal(await render("spec", "--ascii", "list"), first);
  t.match(first, /apigee-hybrid/);
});

t.test("a bad --block is a usage error", async (t) => {
  const { exitCode, err } = await portmesh("demo", "--once", "--block", "n1:tcp/22");
  t.equal(exitCode, 2);
  t.match(err, /must be FROM->TO:tcp\/PORT/);
});
