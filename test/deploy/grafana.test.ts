/** Dashboards: as the generator writes them, complete, and with queries that Prometheus understands. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { stringify } from "yaml";
import { deployFiles } from "../../bin/deploy-files.ts";
import { runTool } from "../helpers/system-tool.ts";
import { filledIn, readDashboards } from "./panels.ts";

const root = join(import.meta.dirname, "../..");
const dashboards = readDashboards();

t.test("what is generated is as npm run deploy writes it", async (t) => {
  for (const [path, text] of Object.entries(deployFiles()))
    t.equal(readFileSync(join(root, path), "utf8"), text, path);
});

t.test("every panel has a title, a description, a unit and the chosen data source", async (t) => {
  t.ok(dashboards.length >= 4);
  t.equal(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length);
  for (const { title, tags, links, templating, panels } of dashboards) {
    t.match(title, /^Portmesh \/ /);
    t.strictSame(links[0]!.tags, tags, "dashboards lead to each other");
    t.match(templating.list[0], { name: "datasource", type: "datasource" });
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const panel of panels) {
      const name = `${title}: ${panel.title}`;
      t.match(panel.description, /\S.*\.$/, name);
      t.match(panel.fieldConfig.defaults.unit, /\S/, name);
      for (const { uid } of [panel.datasource, ...panel.targets.map(({ datasource }) => datasource)])
        t.equal(uid, "${datasource}", name);
    }
  }
});

t.test("no panel is on top of another, or beyond the edge", async (t) => {
  for (const { panels } of dashboards) {
    for (const [index, { title, gridPos: a }] of panels.entries()) {
      t.ok(a.x + a.w <= 24, title);
      for (const { gridPos: b } of panels.slice(index + 1)) {
        const overlap = a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
        t.notOk(overlap, title);
      }
    }
  }
});

t.test("Prometheus understands every query, and every variable in one is there", async (t) => {
  const rules = dashboards.flatMap(({ uid, templating, panels }) => {
    const known = new Set(templating.list.map(({ name }) => name));
    return panels.flatMap(({ id, targets }) =>
      targets.map(({ expr }, index) => {
        for (const [, name] of expr.matchAll(/\$([a-z]\w*)/g)) t.ok(known.has(name!), `${uid}: ${name}`);
        const record = `${uid.replaceAll("-", "_")}:${id}:${index}`;
        return { record, expr: filledIn(expr, { node: "n1", rateInterval: "2m" }) };
      }),
    );
  });
  const file = join(t.testdir(), "queries.yml");
  writeFileSync(file, stringify({ groups: [{ name: "queries", rules }] }));
  const { exitCode, said } = await runTool("promtool", ["check", "rules", file]);
  t.equal(exitCode, 0, said);
});
