/** What an agent tells Prometheus: of a real agent over HTTP, and to the letter of the format. */
import t from "tap";
import { defaultPolicy } from "../../agent/policy.ts";
import { agentMetrics } from "../../agent/metrics.ts";
import { serveMetrics } from "../../agent/metrics-server.ts";
import { runTool } from "../helpers/system-tool.ts";
import { pinglistOf, watchingAgent } from "../helpers/watching.ts";

t.setTimeout(60_000);

const place = { host: "127.0.0.1", port: 0 };

/** By name with labels. */
function valuesOf(text: string): Map<string, number> {
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}

t.test("an agent that watches counts its probes, its sweeps and what it holds", async (t) => {
  const metrics = agentMetrics("a", "1.2.3");
  await using server = await serveMetrics(place, metrics);
  const values = async (): Promise<Map<string, number>> => valuesOf(await (await fetch(server.url)).text());
  const before = await values();
  t.equal(before.get('portmesh_agent_connected{node="a"}'), 0, "there is an answer before there is an agent");
  const listeners = [{ transport: "tcp" as const, address: 0, ports: "26300-26304" }];
  await using agent = await watchingAgent(t, "127.79.71.1", { listeners, observer: metrics });
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: "26300-26304,26310" }]));
  const sweeps = await link.told("sweep", 2);
  t.equal(sweeps[1]!.backlog, 1, "a sweep says how many others wait");
  const found = await values();
  const of = (name: string): number => found.get(name) ?? Number.NaN;
  t.equal(of('portmesh_agent_connected{node="a"}'), 1);
  t.equal(of('portmesh_agent_listeners{state="bound",node="a"}'), 5);
  t.ok(of('portmesh_agent_probes_total{protocol="tcp",outcome="open",node="a"}') >= 10);
  t.ok(of('portmesh_agent_probes_total{protocol="tcp",outcome="refused",node="a"}') >= 2);
  t.ok(of('portmesh_agent_sweep_duration_seconds_count{node="a"}') >= 2);
  t.ok(of('portmesh_agent_backlog_sweeps{node="a"}') >= 2, "nobody has acknowledged anything");
  t.ok(of('portmesh_agent_backlog_bytes{node="a"}') > 100);
  t.equal(of('portmesh_agent_sweeps_dropped_total{node="a"}'), 0);
  t.equal(of('portmesh_agent_probes_refused_total{node="a"}'), 0);
  t.ok(of('process_resident_memory_bytes{node="a"}') > 1e6);
  t.match([...found.keys()], ['portmesh_build_info{version="1.2.3",node_version=']);
  t.ok(found.size <= 60, `${found.size} series`);
  link.send({ type: "ack", origin: sweeps[1]!.origin, seq: 2 });
  link.cut();
  while ((await values()).get('portmesh_agent_connected{node="a"}') !== 0);
});

t.test("what the policy forbids is counted, and not sent", async (t) => {
  const metrics = agentMetrics("a", "1");
  const policy = { ...defaultPolicy, allow: ["10.0.0.0/8"] };
  // An address that this policy does not allow, for a coordinator that is not on loopback it would be.
  const nodes = [
    { index: 0, name: "a", addresses: ["127.79.72.1"] },
    { index: 1, name: "b", addresses: ["203.0.113.7"] },
  ];
  await using agent = await watchingAgent(t, "127.79.72.1", { observer: metrics, nodes, policy });
  const link = await agent.coordinator.next();
  link.send(pinglistOf([{ protocol: "tcp", ports: "26320-26322", to: 1 }]));
  const [sweep] = await link.told("sweep", 1);
  t.match(sweep!.odd, [{ ports: "26320-26322", kind: "local-error", code: "EPOLICY" }]);
  const found = valuesOf(await metrics.text());
  t.ok(found.get('portmesh_agent_probes_refused_total{node="a"}')! >= 3);
  t.notOk([...found.keys()].some((name) => name.startsWith("portmesh_agent_probes_total")));
});

t.test("promtool has nothing to say about them", async (t) => {
  const metrics = agentMetrics("a", "1");
  metrics.probed("tcp", "open");
  metrics.swept(1_200, 10);
  const { exitCode, said } = await runTool("promtool", ["check", "metrics"], await metrics.text());
  t.strictSame([exitCode, said], [0, ""]);
});

t.test("there is nothing else to be had there", async (t) => {
  await using server = await serveMetrics(place, agentMetrics("a", "1"));
  const root = server.url.replace(/metrics$/, "");
  t.equal((await fetch(root)).status, 404);
  t.equal((await fetch(`${root}metrics/more`)).status, 404);
  t.equal((await fetch(server.url, { method: "POST" })).status, 405);
  t.equal((await fetch(`${server.url}?x=1`)).headers.get("content-type")?.split(";")[0], "text/plain");
  const { port } = new URL(server.url);
  await t.rejects(serveMetrics({ host: "127.0.0.1", port: Number(port) }, agentMetrics("a", "1")), {
    code: "cannot-run",
    message: `cannot serve metrics on 127.0.0.1:${port}: EADDRINUSE`,
  });
});
