import { join } from "node:path";
import t from "tap";
import { readCluster } from "../../cli/cluster-input.ts";
import { flowOf, mistakesOf, specValue } from "../helpers/domain-fixtures.ts";

const nodes = "nodes: [{name: n1, address: 10.0.0.1, roles: [peer]}]\n";
const own = JSON.stringify(specValue({ id: "own", flows: [flowOf("gossip")] }));

t.test("a shipped spec is found by its id", async (t) => {
  const folder = t.testdir({
    "cluster.yaml":
      "name: x\nspecs: [{id: anypoint-runtime-fabric}]\nnodes: [{name: n1, address: 10.0.0.1}]\n",
  });
  t.equal(readCluster(join(folder, "cluster.yaml")).specs[0]?.spec.id, "anypoint-runtime-fabric");
});

t.test("one's own spec is looked for beside the cluster file, wherever the command is run", async (t) => {
  const folder = t.testdir({
    specs: { "own.yaml": own },
    "cluster.yaml": `name: x\nspecs: [{file: ./specs/own.yaml}]\n${nodes}`,
  });
  t.equal(readCluster(join(folder, "cluster.yaml")).specs[0]?.spec.id, "own");
  const absolute = t.testdir({ "own.yaml": own });
  const other = t.testdir({
    "own.yaml": own,
    "cluster.yaml": `name: x\nspecs: [{file: ${join(absolute, "own.yaml")}}]\n${nodes}`,
  });
  t.equal(readCluster(join(other, "cluster.yaml")).specs[0]?.spec.id, "own");
});

t.test("mistakes of a spec of one's own are told with those of the cluster file", async (t) => {
  const folder = t.testdir({
    "own.yaml": own.replace('"phase":"both"', '"phase":"always"'),
    "cluster.yaml": `name: x\nspecs: [{file: ./own.yaml}]\nnodes: [{name: n1}]\n`,
  });
  const path = join(folder, "cluster.yaml");
  const mistakes = mistakesOf(() => readCluster(path));
  t.equal(mistakes.length, 2);
  t.ok(mistakes.includes(`${path}:3:9: /nodes/0: needs either address or addresses`));
  t.match(
    mistakes.join("\n"),
    `own.yaml:1:${own.indexOf('"both"') + 1}: /flows/0/phase: must be one of install, runtime, both; found "always"`,
  );
});

t.test("a cluster file that is not there is named", async (t) => {
  const path = join(t.testdir({}), "cluster.yaml");
  t.throws(() => readCluster(path), {
    code: "usage",
    message: `cannot read the cluster file ${path}: ENOENT`,
  });
});
