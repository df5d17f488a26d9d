/** The documentation says what the code does: links, reasons, fields, examples and commands. */
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { readPolicy } from "../../cli/policy-file.ts";
import { ClusterFileSchema, parseCluster, type SpecSource } from "../../shared/cluster-file.ts";
import { reasonsByVerdict, verdicts } from "../../shared/names.ts";
import { ReportSchema } from "../../shared/report.ts";
import { readShippedSpec, shippedSpecIds } from "../../shared/spec-folder.ts";
import { parseSpec } from "../../shared/spec.ts";
import { smallSpec } from "../helpers/cli.ts";
import { anchors, fenced, pages, readPage, root, withoutFences } from "./markdown.ts";

t.test("every relative link leads somewhere", async (t) => {
  t.ok(pages().includes("README.md"));
  for (const page of pages()) {
    const links = withoutFences(readPage(page)).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g);
    for (const [, markdown, html] of links) {
      const link = markdown ?? html!;
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", fragment] = link.split("#");
      const target = path === "" ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, target))) t.fail(`${page}: ${link} does not exist`);
      else if (fragment !== undefined)
        t.ok(anchors(readPage(target)).has(fragment), `${page}: ${link} has such a heading`);
    }
  }
});

t.test("every reason has a section under its verdict, and no other section is there", async (t) => {
  const headings = Array.from(
    readPage("docs/reasons.md").matchAll(/^(##|###) (.+)$/gm),
    ([, level, text]) => `${level} ${text}`,
  );
  const wanted = verdicts.flatMap((verdict) => [
    `## ${verdict}`,
    ...reasonsByVerdict[verdict].map((reason) => `### ${reason}`),
  ]);
  t.strictSame(headings.map((heading) => heading.toLowerCase()).toSorted(), wanted.toSorted());
  for (const verdict of verdicts) {
    const section =
      new RegExp(`^## ${verdict}$([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, "im").exec(
        readPage("docs/reasons.md"),
      )?.[1] ?? "";
    for (const reason of reasonsByVerdict[verdict]) t.match(section, `### ${reason}\n`);
  }
});

t.test("every YAML example is a cluster file or a policy that is accepted", async (t) => {
  const specs: SpecSource = {
    shippedIds: shippedSpecIds,
    shipped: (id) => readShippedSpec(id)!,
    text: () => undefined,
    file: () => parseSpec(JSON.stringify(smallSpec), "my-product.yaml"),
  };
  for (const page of ["README.md", ...pages().filter((name) => name.startsWith("docs/"))]) {
    for (const [index, text] of fenced(readPage(page), "yaml").entries()) {
      const name = `${page}, YAML block ${index + 1}`;
      const value = parse(text) as object;
      if ("nodes" in value) t.doesNotThrow(() => parseCluster(text, name, specs), name);
      else {
        const file = join(t.testdir(), `policy-${index}.yaml`);
        writeFileSync(file, text);
        t.doesNotThrow(() => readPolicy(file), name);
      }
    }
  }
});

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

/** The names of all fields of a schema, at any depth. */
function fieldsOf(schema: Schema): string[] {
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [name, ...fieldsOf(field)]),
    ...(schema.items === undefined ? [] : fieldsOf(schema.items)),
    ...(schema.anyOf ?? []).flatMap(fieldsOf),
  ];
}

t.test("every field of the cluster file and of the report is explained", async (t) => {
  const documented: [page: string, schema: Schema][] = [
    ["docs/cluster-file.md", ClusterFileSchema as Schema],
    ["docs/reports.md", ReportSchema as Schema],
  ];
  for (const [page, schema] of documented) {
    const names = new Set(
      Array.from(withoutFences(readPage(page)).matchAll(/`([^`]+)`/g), ([, code = ""]) =>
        code.split(/[.[\]]+/),
      ).flat(),
    );
    // Of a report's nested values those with one obvious part are not listed.
    const obvious = page === "docs/reports.md" ? ["id", "version", "node", "port"] : [];
    const missing = fieldsOf(schema).filter((field) => !names.has(field) && !obvious.includes(field));
    t.strictSame(missing, [], page);
  }
});

t.test("every npm script that a page names is there", async (t) => {
  const { scripts } = JSON.parse(readPage("package.json")) as { scripts: Record<string, string> };
  for (const page of pages()) {
    for (const [, script] of readPage(page).matchAll(/npm run (?:--silent )?([a-z][a-z:]*)/g)) {
      t.ok(Object.hasOwn(scripts, script!), `${page}: npm run ${script}`);
    }
  }
});
