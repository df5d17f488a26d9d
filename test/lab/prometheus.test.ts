/** A real Prometheus with the shipped rules beside a real cluster: what it alerts on, and what dashboards see of it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { stringify } from "yaml";
import type { Status } from "../../shared/api.ts";
import { filledIn, readDashboards } from "../deploy/panels.ts";
import { readRules } from "../deploy/rules.ts";
import { fileAppears } from "../helpers/cli.ts";
import { writeCluster } from "./cluster.ts";
import { Lab } from "./lab.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(200_000);

const launcher = join(import.meta.dirname, "../../bin/portmesh");
const names = ["n1", "n2", "n3"];
/** A host outside, which has a server for it. */
const portal = "portal.example";
const spec = labSpec({
  roles: { probers: "in-cluster", targets: "in-cluster" },
  flows: [
    { name: "rpc", transport: "tcp", ports: "31801-31803" },
    { name: "gossip", transport: "udp", ports: "31801" },
  ],
  endpoints: [{ name: "portal", hosts: [portal], ports: "8080", application: "http", security: "none" }],
});

interface Alert {
  state: "pending" | "firing";
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** A host that is busy with other tests keeps its agents waiting. */
const isOfHost = ({ labels }: Alert): boolean => labels["alertname"] === "PortmeshAgentStarved";

/** The first of three nodes has the coordinator and Prometheus, and asks both. */
class MonitoredLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-lab-"));
  #said = "";

  static async start(): Promise<MonitoredLab> {
    const monitored = new MonitoredLab(
      await Lab.create({
        hosts: [...names, "world"].map((name) => ({ name, zone: name === "n3" ? "b" : "a" })),
      }),
    );
    try {
      await monitored.#start();
      return monitored;
    } catch (error) {
      await monitored[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  async #start(): Promise<void> {
    const nodes = names.map((name) => ({
      name,
      roles: [name === "n1" ? "probers" : "targets"],
      zone: name === "n3" ? "b" : "a",
    }));
    const probing = { interval: "5s", timeout: "3200ms", outside: "10s" };
    const outside = { resolve: { [portal]: this.lab.host("world").address } };
    const clusterFile = writeCluster(this.#folder, this.lab, { specs: [{ spec }], nodes, probing, outside });
    const script = 'require("node:http").createServer((_, answer) => answer.end()).listen(8080)';
    this.#spawn("world", process.execPath, ["-e", script]);
    const joinFile = join(this.#folder, "join");
    const data = ["--data-dir", join(this.#folder, "data"), "--join-file", joinFile];
    const reached = ["--advertise", this.lab.host("n1").address];
    this.#spawn("n1", launcher, ["coordinator", "run", clusterFile, ...data, ...reached]);
    await fileAppears(joinFile);
    const state = ["--state-dir", join(this.#folder, "state")];
    for (const name of names) {
      const metrics = ["--metrics", this.#metricsOf(name)];
      const run = ["agent", "run", "--join-file", joinFile, "--name", name];
      this.#spawn(name, launcher, [...run, ...state, ...metrics]);
    }
    this.#spawn("n1", "prometheus", [
      `--config.file=${this.#configuration()}`,
      `--storage.tsdb.path=${join(this.#folder, "prometheus")}`,
      "--web.listen-address=127.0.0.1:9090",
      "--log.level=warn",
    ]);
    await this.until("every path passes", async () => {
      const { paths, endpoints } = await this.ask<Status>("7718/api/v1/status");
      return paths.pass > 0 && paths.warn + paths.fail + paths.unknown === 0 && endpoints.pass === 1;
    });
  }

  /** The shipped rules, but for how long they wait. */
  #configuration(): string {
    const groups = readRules().groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) =>
        "alert" in rule ? { ...rule, for: "4s", keep_firing_for: "0s" } : rule,
      ),
    }));
    writeFileSync(join(this.#folder, "rules.yml"), stringify({ groups }));
    const labels = { cluster: "lab" };
    const configuration = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yml"],
      scrape_configs: [
        { job_name: "portmesh-coordinator", static_configs: [{ targets: ["127.0.0.1:7718"], labels }] },
        {
          job_name: "portmesh-agent",
          static_configs: [{ targets: names.map((name) => this.#metricsOf(name)), labels }],
        },
      ],
    };
    const file = join(this.#folder, "prometheus.yml");
    writeFileSync(file, stringify(configuration));
    return file;
  }

  #metricsOf(name: string): string {
    return `${this.lab.host(name).address}:7719`;
  }

  #spawn(host: string, command: string, args: readonly string[]): void {
    const child = this.lab.host(host).spawn(command, args);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-8_000)));
  }

  async ask<Answer>(portAndPath: string): Promise<Answer> {
    const text = await this.lab.host("n1").run("curl", ["-sS", `http://127.0.0.1:${portAndPath}`]);
    return JSON.parse(text) as Answer;
  }

  async alerts(): Promise<Alert[]> {
    return (await this.ask<{ data: { alerts: Alert[] } }>("9090/api/v1/alerts")).data.alerts;
  }

  /** How many series a query gives. */
  async series(expr: string): Promise<number> {
    const answer = await this.ask<{ status: string; error?: string; data?: { result: unknown[] } }>(
      `9090/api/v1/query?query=${encodeURIComponent(expr)}`,
    );
    if (answer.data === undefined) throw new Error(`${expr}: ${answer.error}`);
    return answer.data.result.length;
  }

  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > deadline) throw new Error(`never: ${what}\n${this.#said}`);
      await sleep(200);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

t.test("a rule of a firewall makes an alert pending, then firing, and gone with the rule", async (t) => {
  await using monitored = await MonitoredLab.start();
  await monitored.until(
    "the coordinator is scraped",
    async () => (await monitored.series("up == 1")) === 1 + names.length,
  );
  await monitored.until("nothing is alerted", async () => (await monitored.alerts()).every(isOfHost));

  const states: string[] = [];
  let fired: Alert | undefined;
  const watch = async (): Promise<string> => {
    const alert = (await monitored.alerts()).find(
      ({ labels }) => labels["alertname"] === "PortmeshPathBlocked",
    );
    const state = alert?.state ?? "none";
    if (states.at(-1) !== state) states.push(state);
    if (state === "firing") fired = alert;
    return state;
  };
  const fault = await monitored.lab.fault({
    at: "router",
    hook: "forward",
    from: "n1",
    to: "n3",
    transport: "tcp",
    ports: "31802",
    action: "drop",
  });
  await using _outside = await monitored.lab.fault({
    at: "router",
    hook: "forward",
    from: "n1",
    to: "world",
    transport: "tcp",
    action: "reject-reset",
  });
  await monitored.until("it fires", async () => (await watch()) === "firing");
  t.match(fired, {
    labels: {
      flow: "rpc",
      cluster: "lab",
      from_group: "probers/a",
      to_group: "targets/b",
      severity: "warning",
    },
    annotations: { summary: "1 paths of rpc from probers/a to targets/b are blocked" },
  });

  await monitored.until("what is outside is missed as well", async () =>
    (await monitored.alerts()).some(
      ({ state, labels }) => state === "firing" && labels["alertname"] === "PortmeshEndpointDown",
    ),
  );

  for (const { title, panels } of readDashboards()) {
    for (const panel of panels) {
      for (const { expr } of panel.targets) {
        const query = filledIn(expr, { node: "n3", rateInterval: "1m" });
        t.ok((await monitored.series(query)) > 0, `${title}: ${panel.title}: ${query}`);
      }
    }
  }

  await fault[Symbol.asyncDispose]();
  await monitored.until("it is resolved", async () => (await watch()) === "none");
  t.strictSame(
    states.filter((state, index) => index > 0 || state !== "none"),
    ["pending", "firing", "none"],
  );
});
