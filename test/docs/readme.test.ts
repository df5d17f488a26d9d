/**
 * The README is true: each command in it runs, with real processes, and does what the README says. A command
 * that this test does not know how to run fails it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import t, { type Test } from "tap";
import { parse, stringify } from "yaml";
import { freePort } from "../helpers/agent-fixtures.ts";
import { fileAppears, portmesh, Running, type Finished } from "../helpers/cli.ts";
import { fenced, readPage, root } from "./markdown.ts";

const readme = readPage("README.md");
const commands = fenced(readme, "sh")
  .flatMap((block) => block.split("\n"))
  .map((line) => line.replace(/\s+#.*$/, "").trim())
  .filter((line) => line !== "");

/** Without root, ports under 1024 cannot be held, and a check is incomplete. */
const allPass = process.getuid?.() === 0 ? 0 : 5;

type Run = (t: Test, args: string[]) => Promise<void>;

/** A way to run each command, by how it begins; the longest beginning counts. */
const ways: Record<string, Run> = {
  "npm start": async (t) => {
    const { exitCode, out, err } = await execute(root, "npm", "start", "--", "--once", "--nodes", "2");
    t.equal(exitCode, allPass, "every required path passes", { out, err });
    t.match(out, /^Summary +\d+ pass · 0 fail/m);
  },
  "npm test": async (t) => {
    const copy = copyOfTheProject(t);
    const { exitCode, out, err } = await execute(copy, "npm", "test", "--", "test/shared/ports.test.ts");
    t.equal(exitCode, 0, "the tests pass", { out, err });
  },
  "sh bin/setup": async (t) => {
    const { exitCode, err } = await execute(root, "sh", "bin/setup");
    t.equal(exitCode, 0, "it succeeds", { err });
  },
  "bin/portmesh demo": async (t, args) => {
    const { exitCode, out, err } = await portmesh(...args);
    t.equal(exitCode, 3, "the blocked port is found", { out, err });
    const shown = fenced(readme, "text")[0]!;
    t.equal(
      timeless(shown),
      timeless(`${err.split("\n")[0]}\n${out}`),
      "the README shows what the command prints",
    );
    const picture = readPage("docs/images/check.svg")
      .replace(/<title[\s\S]*?<\/title>/, "")
      .replaceAll(/<[^>]*>/g, "")
      .replaceAll("&gt;", ">");
    const bare = (text: string): string => timeless(text).replaceAll(/\s/g, "");
    t.equal(
      bare(picture),
      bare(`$ bin/portmesh ${commandWith("demo").slice("bin/portmesh ".length)}\n${shown}`),
      "and so does the picture",
    );
  },
  "bin/portmesh doctor": async (t, args) => {
    const { exitCode, out, err } = await portmesh(...args);
    t.ok([0, 3, 5].includes(exitCode ?? -1), "it says how this host is", { out, err });
    t.match(out, /^Summary +\d+ met/m);
  },
  "bin/portmesh check": async (t, args) => {
    const cluster = clusterOfTheReadme(t);
    await using check = new Running([
      ...cluster.inFolder(args),
      "--listen",
      "127.0.0.1:0",
      "--join-file",
      cluster.joinFile,
      // A host of tests has no way out, and settings of its own.
      "--skip",
      "endpoints,requirements",
    ]);
    await fileAppears(cluster.joinFile);
    const agents = cluster.nodes.map((node) => new Running([...cluster.inFolder(agentCommand()), node]));
    t.teardown(() => Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]())));
    const { exitCode, out, err } = await check.finished;
    t.equal(exitCode, allPass, "every required path passes", { out, err });
    for (const agent of agents)
      t.equal((await agent.finished).exitCode, 0, "each agent ends when the check is finished");
    for (const file of ["report.html", "firewall-request.csv"])
      t.ok(existsSync(join(cluster.folder, file)), `${file} was written`);
  },
  // Runs with its check, above.
  "bin/portmesh agent run": async (t, args) => {
    t.equal(args.at(-2), "--name", "the name comes last, where the check puts each node's");
    t.ok(commands.includes(commandWith("check")));
  },
  "bin/portmesh coordinator run": async (t, args) => {
    const cluster = clusterOfTheReadme(t);
    const file = join(cluster.folder, "cluster.yaml");
    const patient = parse(readFileSync(file, "utf8")) as object;
    // With the interval of the README a first sweep may take half a minute to begin.
    writeFileSync(file, stringify({ ...patient, probing: { interval: "5s" } }));
    await using coordinator = new Running([
      ...cluster.inFolder(args),
      "--join-file",
      cluster.joinFile,
      "--data-dir",
      join(cluster.folder, "data"),
      "--listen",
      "127.0.0.1:0",
      "--http",
      "127.0.0.1:0",
      "--skip",
      "endpoints,requirements",
    ]);
    await fileAppears(cluster.joinFile);
    const agents = cluster.nodes.map((node) => new Running([...cluster.inFolder(agentCommand()), node]));
    t.teardown(() => Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]())));
    await coordinator.says("3 of 3 agents have told", 90_000);
    const [url] = /http:\/\/127\.0\.0\.1:[0-9]+/.exec(coordinator.err)!;
    const { openapi } = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as { openapi: string };
    t.match(openapi, /^3\./);
    t.match(await (await fetch(`${url}/metrics`)).text(), "portmesh_agents");
    coordinator.child.kill("SIGTERM");
    t.equal((await coordinator.finished).exitCode, 143, "it runs until it is stopped");
    for (const agent of agents) {
      t.equal(agent.child.exitCode, null, "agents go on while it is away");
      agent.child.kill("SIGTERM");
      t.equal((await agent.finished).exitCode, 143);
    }
  },
  "bin/portmesh spec render": async (t, args) => {
    const { exitCode, out, err } = await portmesh(...clusterOfTheReadme(t).inFolder(args));
    t.equal(exitCode, 0, "it succeeds", { err });
    t.match(out, /^3 nodes, \d+ paths, \d+ probes$/m);
  },
  "bin/portmesh spec show": async (t, args) => {
    const { exitCode, out } = await portmesh(...args);
    t.equal(exitCode, 0);
    t.match(out, /^Roles$[\s\S]*^Flows$/m);
  },
  "bin/portmesh spec list": async (t, args) => {
    t.equal((await portmesh(...args)).exitCode, 0);
    const specs = JSON.parse((await portmesh(...args, "-o", "json")).out) as Record<
      "id" | "title" | "flows" | "endpoints" | "requirements",
      string
    >[];
    const rows = specs.map(
      ({ id, title, flows, endpoints, requirements }) =>
        `| \`${id}\` | ${title} | ${flows} | ${endpoints} | ${requirements} |`,
    );
    t.strictSame(readme.match(/^\| `[a-z-]+` \| .*$/gm), rows, "the table of products");
  },
  "bin/portmesh help exit-codes": async (t, args) => {
    const { exitCode, out } = await portmesh(...args);
    t.equal(exitCode, 0);
    const codes = Array.from(out.matchAll(/^ {2}(\d+) /gm), ([, code]) => code!);
    const listed = Array.from(readme.matchAll(/^\| (\d+(?:, \d+)*) \|/gm), ([, list]) =>
      list!.split(", "),
    ).flat();
    t.strictSame(listed, codes, "the table of exit codes");
  },
  "bin/portmesh probe": async (t, args) => {
    t.match(args, ["probe", /^[0-9.]+:[0-9]+$/]);
    const { exitCode, out } = await portmesh("probe", `127.0.0.1:${await freePort()}`);
    t.equal(exitCode, 3);
    t.match(out, /refused/);
  },
};

t.test("there are commands to run", async (t) => {
  t.ok(commands.length >= 10, `found ${commands.length}`);
  t.ok(commands.includes("npm start") && commands.includes("npm test"));
});

for (const command of commands) {
  t.test(command, async (t) => {
    const way = Object.keys(ways)
      .filter((beginning) => command === beginning || command.startsWith(`${beginning} `))
      .toSorted((a, b) => b.length - a.length)[0];
    if (way === undefined) t.fail(`test/docs/readme.test.ts does not know how to run: ${command}`);
    else await ways[way]!(t, words(command).slice(1));
  });
}

/** The one command of the README with this subcommand. */
function commandWith(subcommand: string): string {
  return commands.find((command) => command.startsWith(`bin/portmesh ${subcommand} `))!;
}

/** A command line as a shell splits it; single quotes are all that the README needs. */
function words(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
}

/** Durations differ from run to run. */
function timeless(text: string): string {
  return text.replaceAll(/\d+(\.\d+)? (ms|s)\b/g, "TIME").trimEnd();
}

/** What the README has run on each node, up to its name. */
function agentCommand(): string[] {
  return words(commandWith("agent run")).slice(1, -1);
}

/** The cluster file of the README, with its nodes on loopback and its files in a folder of the test's own. */
function clusterOfTheReadme(t: Test): {
  folder: string;
  joinFile: string;
  nodes: string[];
  inFolder(args: string[]): string[];
} {
  const folder = t.testdir();
  const cluster = parse(fenced(readme, "yaml")[0]!) as { nodes: { name: string; address: string }[] };
  cluster.nodes = cluster.nodes.map((node) => ({
    ...node,
    address: node.address.replace(/^10\.0\.0/, "127.80.1"),
  }));
  writeFileSync(join(folder, "cluster.yaml"), stringify(cluster));
  return {
    folder,
    joinFile: join(folder, "portmesh.join"),
    nodes: cluster.nodes.map(({ name }) => name),
    inFolder: (args) =>
      args.map((arg) => arg.replace(/(?<=^|=)[a-z-]+\.(yaml|join|html|csv)$/, (file) => join(folder, file))),
  };
}

/** `npm test` inside a test would overwrite this run's own results: it runs in a copy. */
function copyOfTheProject(t: Test): string {
  const copy = mkdtempSync(join(tmpdir(), "portmesh-readme-"));
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  const left = new Set([".git", ".tap", "node_modules", "dist", "coverage"]);
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

async function execute(folder: string, file: string, ...args: string[]): Promise<Finished> {
  // What tap hands to its children would make the inner run a part of this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(_?TAP|NODE_OPTIONS)/.test(name)),
  );
  const child = spawn(file, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const finished: Finished = { exitCode: null, out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => void (finished.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (finished.err += chunk.toString()));
  [finished.exitCode] = (await once(child, "close")) as [number | null];
  return finished;
}
