/** The report of a watched cluster: as a check prints it, however many paths there are, and over HTTP. */
import { Check } from "typebox/value";
import t from "tap";
import { reportRenderers } from "../../../cli/views/formats.ts";
import { startHttp } from "../../../coordinator/http/http-server.ts";
import { coordinatorMetrics } from "../../../coordinator/metrics.ts";
import { Notifier } from "../../../coordinator/notify/notifier.ts";
import { boundedReport, reportText } from "../../../coordinator/watch/watch-report.ts";
import { ReportSchema, type Report } from "../../../shared/report.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../../helpers/domain-fixtures.ts";
import { refusedOf, silentOf } from "../../helpers/watch-fixtures.ts";
import { watchedFleet, type WatchedFleet } from "../../helpers/watched-fleet.ts";

t.setTimeout(60_000);

const spec = specOf({
  flows: [
    flowOf("gossip", { ports: "9000-9002" }),
    flowOf("web", { ports: 9_443, security: "tls" }),
    flowOf("extra", { ports: 9_600, level: "optional" }),
  ],
});
const cluster = clusterOf(spec, nodesOf(["peer"], ["peer"], ["peer"]));

async function jsonOf({ view, coordinator }: WatchedFleet): Promise<Report> {
  let text = "";
  for await (const piece of reportText(view, coordinator.now(), "json", reportRenderers)) text += piece;
  return JSON.parse(text) as Report;
}

t.test("every path is in it as it is shown, with what both ends saw", async (t) => {
  await using fleet = await watchedFleet(t.testdir(), cluster);
  t.match((await jsonOf(fleet)).summary, { paths: 18, unknown: 18, verdict: "unknown" });
  await fleet.join();
  t.match((await jsonOf(fleet)).summary, { paths: 18, pass: 18, verdict: "pass" });
  const [first, second] = fleet.agents;
  // Targets of n1: ports of gossip and of extra are asked over TCP together, those of web over TLS.
  first!.odd = [silentOf("0", "9001")];
  await first!.sweep({ odd: first!.odd, probes: 10 });
  second!.odd = [refusedOf("0", "9600")];
  await second!.sweep({ odd: second!.odd, probes: 10 });
  await fleet.until(2);
  const report = await jsonOf(fleet);
  t.ok(Check(ReportSchema, report), "as the schema of check says");
  t.match(report, {
    kind: "Report",
    cluster: "prod",
    phase: "runtime",
    interrupted: false,
    summary: { paths: 18, pass: 16, fail: 2, warn: 0, unknown: 0, verdict: "fail" },
    nodes: [{ name: "n1", agent: { version: "simulated", state: "alive" } }, { name: "n2" }, { name: "n3" }],
  });
  t.ok(Date.parse(report.startedAt) <= Date.parse(report.finishedAt));
  t.equal(report.paths.length, 18);
  t.match(
    report.paths.filter(({ verdict }) => verdict !== "pass"),
    [
      {
        from: "n1",
        to: "n2",
        flow: "gossip",
        reason: "dropped",
        coverage: "3/3",
        evidence: { source: { outcome: "silent", port: 9001 }, target: { sawRequest: false } },
        intervals: [{ ports: "9000" }, { ports: "9001", reason: "dropped" }, { ports: "9002" }],
      },
      { from: "n2", to: "n1", flow: "extra", level: "optional" },
    ],
  );
});

t.test("what fails and is optional alone makes it a warning, and what is stale covers nothing", async (t) => {
  const clock = { at: Date.UTC(2026, 10, 21) };
  await using fleet = await watchedFleet(t.testdir(), cluster, undefined, () => clock.at);
  await fleet.join();
  const [first] = fleet.agents;
  first!.odd = [silentOf("0", "9600")];
  await first!.sweep({ odd: first!.odd });
  await fleet.until(1);
  t.match((await jsonOf(fleet)).summary, { fail: 1, verdict: "warn" });
  clock.at += 600_000;
  fleet.coordinator.watch.tick();
  const { summary, paths } = await jsonOf(fleet);
  t.match(summary, { unknown: 18, verdict: "unknown" });
  t.match(paths[0], { verdict: "unknown", reason: "stale", rttMs: null, coverage: "0/3" });
});

t.test("where there are too many, those that pass are left out, and it says so", async (t) => {
  await using fleet = await watchedFleet(t.testdir(), cluster);
  await fleet.join();
  const [first] = fleet.agents;
  first!.odd = [silentOf("0,2", "9000-9002")];
  await first!.sweep({ odd: first!.odd });
  await fleet.until(2);
  const { view, coordinator } = fleet;
  const whole = await boundedReport(view, coordinator.now(), 18);
  t.equal(whole.summary.omitted, undefined);
  t.strictSame(
    whole.paths.map(({ flow }) => flow),
    ["gossip", "web", "extra"].flatMap((flow) => Array.from({ length: 6 }, () => flow)),
    "in the order of the spec, as a check has it",
  );
  const bad = await boundedReport(view, coordinator.now(), 10);
  t.strictSame(
    bad.paths.map(({ verdict }) => verdict),
    ["fail", "fail"],
  );
  t.equal(bad.summary.omitted, 16);
  const few = await boundedReport(view, coordinator.now(), 1);
  t.match([few.paths.length, few.summary.omitted], [1, 17]);
  t.match(reportRenderers.html(bad), /16 of the paths and endpoints are counted and not listed/);
  t.notMatch(reportRenderers.html(bad), /<h2>(Matrix|Flows)/, "holes would look like pairs without a path");
  t.match(reportRenderers.html(whole), /<h2>Matrix/);
  for (const format of ["csv", "junit", "md"] as const) {
    t.match(reportRenderers[format](bad), /16 of the paths and endpoints/, format);
    t.notMatch(reportRenderers[format](whole), /are counted and not/, format);
  }
});

t.test("it is to be had over HTTP, in each format, with metrics of webhooks beside it", async (t) => {
  const folder = t.testdir();
  await using fleet = await watchedFleet(folder, cluster);
  const { coordinator, view } = fleet;
  await using notifier = await Notifier.start({ hooks: [], folder }, coordinator, view);
  await using http = await startHttp(
    {
      host: "127.0.0.1",
      port: 0,
      tls: undefined,
      access: { token: undefined, names: [] },
      version: "1.2.3",
      defect: () => {},
    },
    { coordinator, view, renderers: reportRenderers },
    coordinatorMetrics(coordinator, view, "1.2.3", notifier),
  );
  await fleet.join();
  const get = async (
    query: string,
  ): Promise<{ status: number; type: string; policy: string; body: string }> => {
    const response = await fetch(`${http.url}/api/v1/report${query}`);
    const type = response.headers.get("content-type") ?? "";
    const policy = response.headers.get("content-security-policy") ?? "";
    return { status: response.status, type, policy, body: await response.text() };
  };
  const json = await get("");
  t.ok(Check(ReportSchema, JSON.parse(json.body)));
  t.match(json, { status: 200, type: "application/json; charset=utf-8" });
  t.match(await get("?format=html"), {
    type: /^text\/html/,
    policy: /^default-src 'none'; style-src 'unsafe-inline'/,
    body: /Portmesh report: prod/,
  });
  t.match(await get("?format=csv"), { type: /^text\/csv/, body: /^action,source,/ });
  t.match(await get("?format=junit"), { type: /^application\/xml/, body: /tests="18" failures="0"/ });
  t.match(await get("?format=md"), { type: /^text\/markdown/, body: /18 pass, 0 fail/ });
  t.equal((await get("?format=pdf")).status, 400);
  const metrics = await (await fetch(`${http.url}/metrics`)).text();
  t.match(metrics, /^portmesh_notifications_total\{outcome="delivered"\} 0$/m);
  t.match(metrics, /^portmesh_notifications_pending 0$/m);
  const openapi = (await (await fetch(`${http.url}/api/v1/openapi.json`)).json()) as { paths: object };
  t.ok(Object.hasOwn(openapi.paths, "/api/v1/report"));
});
