/** An inspection as a coordinator orders it: findings come as they are made, and the end is told last. */
import t from "tap";
import { runAgent } from "../../../agent/agent.ts";
import { ReportBatch } from "../../../agent/endpoints/report-batch.ts";
import type { EndpointReport } from "../../../shared/endpoint-report.ts";
import { maxFrameBytes, maxResultsPerFrame } from "../../../shared/link.ts";
import { noFactNeeds } from "../../../shared/node-facts.ts";
import type { InspectMessage } from "../../../shared/wire.ts";
import { agentConfig, freePort } from "../../helpers/agent-fixtures.ts";
import { makeAuthority, makeIdentity } from "../../helpers/certificates.ts";
import { scriptedCoordinator } from "../../helpers/scripted-coordinator.ts";
import { serve } from "../../helpers/services.ts";
import { nothingOutside, orderFor } from "../../helpers/visiting.ts";

const config = agentConfig(t);
const plan = { nodes: [{ index: 0, name: "a", addresses: ["127.79.61.1"] }], listeners: [] };

t.test("an agent visits what it is told to, and says when it is through", async (t) => {
  const authority = await makeAuthority("Company Root");
  const { cert, key } = await makeIdentity({ hosts: ["service.example"] }, authority);
  const service = await serve(t, (heard) => (heard.length > 0 ? "HTTP/1.1 200 OK\r\n\r\n" : undefined), {
    tls: { cert, key },
  });
  const closed = await freePort();
  await using coordinator = await scriptedCoordinator(plan);
  const over = new AbortController();
  const deps = { tell: () => {}, random: () => 0, now: () => new Date() };
  const running = runAgent({ ...config, node: "a", join: coordinator.join }, deps, over.signal);
  const link = await coordinator.next();
  const inspect: InspectMessage = {
    type: "inspect",
    round: 3,
    timeoutMs: 3_000,
    facts: noFactNeeds,
    endpoints: [
      { ...orderFor(service.port), id: 11 },
      { ...orderFor(closed), id: 12 },
      { ...orderFor(443, { addresses: ["203.0.113.7"] }), id: 13 },
    ],
    outside: { ...nothingOutside, authorities: [authority.pem] },
  };
  t.match(await link.ask(inspect, "inspected"), { round: 3 });
  const frames = link.heard.filter((message) => message.type === "endpoints");
  t.ok(frames.every(({ round }) => round === 3));
  const reports = frames.flatMap((frame) => frame.reports).toSorted((a, b) => a.endpoint - b.endpoint);
  t.match(reports, [
    { endpoint: 11, attempts: [{ kind: "open", status: 200, tls: { trust: "declared" } }] },
    { endpoint: 12, attempts: [{ kind: "refused" }] },
    { endpoint: 13, attempts: [{ kind: "local-error", code: "EPOLICY", address: "203.0.113.7" }] },
  ]);
  t.equal(link.heard.at(-1)?.type, "inspected");
  over.abort();
  await running;
});

t.test("frames are cut by their length and by their number", async (t) => {
  const sent: EndpointReport[][] = [];
  const batch = new ReportBatch((reports) => sent.push(reports));
  const report = (endpoint: number, detail: string, count: number): EndpointReport => ({
    endpoint,
    attempts: Array.from({ length: count }, () => ({
      route: "direct",
      address: "203.0.113.7",
      port: 443,
      kind: "open",
      phase: "answer",
      elapsedMs: 1,
      attempts: 1,
      detail,
    })),
  });
  const many = 500;
  for (let endpoint = 0; endpoint < many; endpoint++) batch.add(report(endpoint, "x".repeat(200), 100));
  batch.flush();
  t.ok(sent.length > 10);
  t.ok(sent.every((reports) => JSON.stringify(reports).length < maxFrameBytes / 4));
  t.strictSame(
    sent.flat().map(({ endpoint }) => endpoint),
    Array.from({ length: many }, (_, index) => index),
  );
  sent.length = 0;
  for (let endpoint = 0; endpoint <= maxResultsPerFrame; endpoint++) batch.add(report(endpoint, "", 0));
  batch.flush();
  batch.flush();
  t.strictSame(
    sent.map(({ length }) => length),
    [maxResultsPerFrame, 1],
  );
});
