/** Alerts: each has words, a runbook and a case; Prometheus accepts them and the metrics of a real coordinator. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parse, stringify } from "yaml";
import { agentMetrics } from "../../agent/metrics.ts";
import { readPage } from "../docs/markdown.ts";
import { smallSpec } from "../helpers/cli.ts";
import { runTool } from "../helpers/system-tool.ts";
import { WatchedCluster } from "../helpers/watched-cluster.ts";
import { alertsOf, prometheusFolder, readRules, ruleFile } from "./rules.ts";

const alerts = alertsOf(readRules());
const caseFile = join(prometheusFolder, "portmesh.rules.test.yml");

t.test("every alert has a severity, words and a runbook with its four parts", async (t) => {
  for (const { alert, labels, annotations } of alerts) {
    t.match(alert, /^Portmesh[A-Z]/);
    t.match(labels["severity"], /^(critical|warning|info)$/, alert);
    t.match(annotations["summary"], /\S/, alert);
    t.match(annotations["description"], /\n {2}[a-z]+ /, `${alert}: the description has a command line`);
    t.equal(annotations["runbook_url"], `PORTMESH_DOCS/runbooks/${alert}.md`);
    const page = readPage(`docs/runbooks/${alert}.md`);
    const headings = Array.from(page.matchAll(/^#+ (.+)$/gm), ([, heading]) => heading);
    t.strictSame(headings, [alert, "Meaning", "Impact", "Diagnosis", "Mitigation"]);
  }
  const runbooks = readdirSync(join(prometheusFolder, "../../docs/runbooks")).toSorted();
  t.strictSame(runbooks, alerts.map(({ alert }) => `${alert}.md`).toSorted(), "and no runbook is left over");
  for (const { alert, labels } of alerts)
    t.match(readPage("docs/monitoring.md"), `| [${alert}](runbooks/${alert}.md) | ${labels["severity"]} |`);
});

t.test("Prometheus accepts rules and configuration, Alertmanager its example", async (t) => {
  const tools: [string, ...string[]][] = [
    ["promtool", "check", "rules", "--lint=all", "--lint-fatal", ruleFile],
    ["promtool", "check", "config", "--lint=all", join(prometheusFolder, "prometheus.yml")],
    ["amtool", "check-config", join(prometheusFolder, "alertmanager.yml")],
  ];
  for (const [tool, ...args] of tools) {
    const { exitCode, said } = await runTool(tool, args);
    t.equal(exitCode, 0, said);
  }
});

t.test("all cases hold, and without any one of the alerts they do not", async (t) => {
  const whole = await runTool("promtool", ["test", "rules", caseFile]);
  t.equal(whole.exitCode, 0, whole.said);
  const folder = t.testdir();
  const cases = parse(readFileSync(caseFile, "utf8"), { maxAliasCount: 1_000 }) as { tests: object[] };
  for (const { alert } of alerts) {
    const about = cases.tests.filter((each) => new RegExp(`\\b${alert}\\b`).test(JSON.stringify(each)));
    writeFileSync(join(folder, "cases.yml"), JSON.stringify({ ...cases, tests: about }));
    const { groups } = readRules();
    const without = groups.map((group) => {
      return { ...group, rules: group.rules.filter((rule) => !("alert" in rule) || rule.alert !== alert) };
    });
    writeFileSync(join(folder, "portmesh.rules.yml"), stringify({ groups: without }));
    const { exitCode } = await runTool("promtool", ["test", "rules", join(folder, "cases.yml")]);
    t.not(exitCode, 0, `a case is about ${alert}`);
  }
});

t.test("what is for information wakes nobody, and all else does", async (t) => {
  const file = join(prometheusFolder, "alertmanager.yml");
  for (const { alert, labels } of alerts) {
    const severity = labels["severity"]!;
    const asked = [
      "config",
      "routes",
      "test",
      `--config.file=${file}`,
      `alertname=${alert}`,
      `severity=${severity}`,
    ];
    const { said } = await runTool("amtool", asked);
    // Before that it says that a file needs no server.
    t.ok(
      said
        .trim()
        .split("\n")
        .includes(severity === "info" ? "log" : "on-call"),
      alert,
    );
  }
});

t.test("inhibitions name alerts that are there", async (t) => {
  const names = new Set(alerts.map(({ alert }) => alert));
  const text = readFileSync(join(prometheusFolder, "alertmanager.yml"), "utf8");
  for (const [name] of text.matchAll(/Portmesh[A-Z][A-Za-z]+/g)) t.ok(names.has(name), name);
});

t.test(
  "a real coordinator's metrics are clean, have all that rules ask for, and its API answers the commands",
  async (t) => {
    await using cluster = await WatchedCluster.start({
      nodes: { n1: "127.31.18.1", n2: "127.31.18.2" },
      zones: { n1: "a", n2: "b" },
    });
    const metrics = await cluster.get("/metrics");
    // What comes from prom-client itself has names that promtool does not like.
    const own = metrics
      .split(/\n(?=# HELP )/)
      .filter((family) => family.startsWith("# HELP portmesh_"))
      .join("\n");
    const { exitCode, said } = await runTool("promtool", ["check", "metrics"], own);
    t.equal(exitCode, 0, said);
    t.equal(said, "");

    const agent = agentMetrics("n1", "1");
    agent.probed("tcp", "open");
    agent.swept(1, 0);
    const everybody = metrics + (await agent.text());
    const present = new Set(Array.from(everybody.matchAll(/^(?:# HELP )?([a-z_]\w*)/gm), ([, name]) => name));
    const asked = readRules()
      .groups.flatMap(({ rules }) => rules)
      .flatMap(({ expr }) =>
        Array.from(expr.matchAll(/(?<![:\w])(?:portmesh|nodejs)_\w+/g), ([name]) => name),
      );
    t.ok(asked.length > 20);
    for (const name of new Set(asked)) t.ok(present.has(name), `${name} is among the metrics`);
    // Some families have no series until something happens.
    const families = new Set(Array.from(everybody.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name));
    for (const [, name] of readPage("docs/monitoring.md").matchAll(/`(portmesh_\w+)`/g))
      t.ok(families.has(name), name!);

    const values: Record<string, string> = {
      SPEC: smallSpec.id,
      FLOW: "plain",
      NODE: "n1",
      FROM: "n1",
      TO: "n2",
    };
    const filled = (text: string): string =>
      text
        .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => values[label.toUpperCase()]!)
        .replaceAll(/\b[A-Z]{2,4}\b/g, (word) => values[word] ?? word);
    const texts = [
      ...alerts.map(({ annotations }) => annotations["description"]!),
      ...alerts.map(({ alert }) => readPage(`docs/runbooks/${alert}.md`)),
    ];
    const commands = texts.flatMap((text) =>
      Array.from(filled(text).matchAll(/curl -sG? http:\/\/127\.0\.0\.1:7718(\S+)((?: -d \S+)*)/g)),
    );
    t.ok(commands.length > 30);
    const paths = commands.map(([, path, data]) =>
      `${path}?${data!.replaceAll(" -d ", "&").slice(1)}`.replace(/\?$/, ""),
    );
    for (const path of new Set(paths)) await t.resolves(cluster.get(path), path);
  },
);
