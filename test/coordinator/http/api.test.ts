/** The API against its own description: what a real coordinator answers, page by page, and what it refuses. */
import { gunzipSync } from "node:zlib";
import { Validator } from "@seriousme/openapi-schema-validator";
import t from "tap";
import { Compile } from "typebox/compile";
import type {
  HappeningState,
  MatrixAnswer,
  NodeState,
  Page,
  PathState,
  TransitionState,
} from "../../../shared/api.ts";
import { clusterOf, nodesOf } from "../../helpers/domain-fixtures.ts";
import {
  allWell,
  join,
  serve,
  watchedNodes,
  watchedSpec,
  type Served,
} from "../../helpers/watch-coordinator.ts";
import type { SimulatedAgent } from "../../helpers/simulated-agent.ts";
import { silentOf } from "../../helpers/watch-fixtures.ts";

t.setTimeout(60_000);

interface Described extends Record<string, unknown> {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
}

/** A request for each that is described, and more where one may be asked in other ways. */
const requests: Readonly<Record<string, readonly string[]>> = {
  "/api/v1/status": [""],
  "/api/v1/flows": [""],
  "/api/v1/matrix": ["", "?flow=web", "?transport=tcp&port=9001", "?at=0s"],
  "/api/v1/findings": ["", "?at=0s"],
  "/api/v1/paths": ["", "?from=n1&to=n2", "?verdict=fail", "?reason=dropped&limit=1", "?port=9443"],
  "/api/v1/paths/{from}/{to}": [""],
  "/api/v1/nodes": ["", "?limit=2"],
  "/api/v1/nodes/{name}": [""],
  "/api/v1/specs": [""],
  "/api/v1/report": [""],
  "/api/v1/endpoints": ["", "?verdict=fail"],
  "/api/v1/requirements": [""],
  "/api/v1/transitions": ["", "?order=oldest&limit=1", "?from=n1&verdict=fail", "?since=1h&until=0s"],
  "/api/v1/happenings": ["", "?order=oldest&limit=3"],
  "/api/v1/latency": ["?from=n1&to=n2"],
};

/** One node's paths fail at once where the test says so; `target` is a place in its pinglist. */
async function fail(served: Served, agent: SimulatedAgent, target: string, port: string): Promise<void> {
  const before = served.transitions.length;
  agent.odd = [silentOf(target, port)];
  while (served.transitions.length === before) await agent.sweep({ odd: agent.odd });
}

t.test("the description is valid OpenAPI, and every answer is as described", async (t) => {
  await using served = await serve(t.testdir());
  const agents = await join(watchedNodes, served);
  await allWell(agents);
  await fail(served, agents[0]!, "0", "9001");
  const description = await served.json<Described>("/api/v1/openapi.json");
  const { valid, errors } = await new Validator().validate({ ...description });
  t.ok(valid, JSON.stringify(errors));
  const described = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  const asked = Object.keys(requests).map((path) => `get ${path}`);
  t.strictSame(described.toSorted(), [...asked, "get /api/v1/events", "post /api/v1/probes"].toSorted());
  for (const [path, queries] of Object.entries(requests)) {
    const { schema } = description.paths[path]!["get"]!.responses["200"]!.content!["application/json"]!;
    const check = Compile(schema);
    const place = path.replace("{from}", "n1").replace("{to}", "n2").replace("{name}", "n1");
    for (const query of queries) {
      const answer = await served.json(place + query);
      t.ok(check.Check(answer), `${place}${query}: ${JSON.stringify(check.Errors(answer)).slice(0, 500)}`);
    }
  }
  t.strictSame(await served.json("/api/v1/nodes/n1"), served.view.node(0), "nothing is left out of it");
  const { items } = await served.json<Page<PathState>>("/api/v1/paths?from=n1&to=n2");
  t.strictSame(
    items,
    Array.from(served.view.places(0, 1), (place) => served.view.path(place)),
  );
  t.match(items, [
    { flow: "gossip", verdict: "fail", reason: "dropped" },
    { flow: "web", verdict: "pass" },
  ]);
  const post = description.paths["/api/v1/probes"]!["post"]!.responses;
  const probe = await served.ask("/api/v1/probes", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ from: "n1", to: "n2", transport: "tcp", port: 9001 }),
  });
  t.equal(probe.status, 200);
  t.ok(Compile(post["200"]!.content!["application/json"]!.schema).Check(probe.body));
  t.match(probe.body, { verdict: "fail", reason: "dropped" });
  for (const agent of agents) await agent.leave(true);
});

t.test("a matrix comes as JSON or as bytes, compressed for whoever takes that", async (t) => {
  const cluster = clusterOf(watchedSpec, nodesOf(...Array.from({ length: 40 }, () => ["peer"])));
  await using served = await serve(t.testdir(), { cluster });
  const { cells, reasons } = await served.json<MatrixAnswer>("/api/v1/matrix");
  const plain = Buffer.from(cells, "base64");
  t.equal(plain.length, 1_600);
  t.equal(plain[0], 0, "no path to itself");
  t.equal(reasons[plain[1]! - 1], "never-probed");
  const octets = { accept: "application/octet-stream" };
  const bytes = await served.ask("/api/v1/matrix", { headers: octets });
  t.strictSame(bytes.bytes, plain);
  t.match(bytes.headers, { "content-type": "application/octet-stream", "portmesh-plan": "1" });
  const packed = await served.ask("/api/v1/matrix", {
    headers: { ...octets, "accept-encoding": "br, gzip" },
  });
  t.equal(packed.headers["content-encoding"], "gzip");
  t.ok(packed.bytes.length < plain.length / 4);
  t.strictSame(gunzipSync(packed.bytes), plain);
  const refused = await served.ask("/api/v1/matrix", {
    headers: { ...octets, "accept-encoding": "gzip;q=0" },
  });
  t.strictSame(refused.bytes, plain);
  const json = await served.ask("/api/v1/matrix", { headers: { "accept-encoding": "gzip" } });
  t.match(JSON.parse(gunzipSync(json.bytes).toString()), { cells });
});

/** All items, with something done after every page. */
async function walk<Item>(
  served: Served,
  path: string,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<Item[]> {
  const found: Item[] = [];
  for (let after = ""; ;) {
    const page = await served.json<Page<Item>>(`${path}${after}`);
    found.push(...page.items);
    if (page.next === null) return found;
    after = `&after=${encodeURIComponent(page.next)}`;
    await between();
  }
}

t.test("pages go through everything once, while things change", async (t) => {
  await using served = await serve(t.testdir());
  const agents = await join(watchedNodes, served);
  await allWell(agents);
  const [first] = agents;
  await fail(served, first!, "0", "9001");
  await fail(served, first!, "1", "9443");
  let happened = 0;
  const happen = async (): Promise<void> => {
    served.coordinator.watch.happened("gap", "n1", `no. ${++happened}`);
    await served.journal.commit({});
  };
  for (let count = 0; count < 9; count++) await happen();
  const known = await served.journal.happenings({ order: "oldest", limit: 100 });
  const newest = await walk<HappeningState>(served, "/api/v1/happenings?limit=2", happen);
  t.strictSame(
    newest.map(({ id }) => id),
    known.map(({ id }) => id).toReversed(),
    "what comes meanwhile is newer than all of it",
  );
  const before = happened;
  const oldest = await walk<HappeningState>(served, "/api/v1/happenings?order=oldest&limit=4", async () => {
    if (happened < before + 2) await happen();
  });
  const ids = oldest.map(({ id }) => id);
  t.strictSame(
    ids,
    Array.from({ length: ids.length }, (_, index) => index + 1),
  );
  t.equal(oldest.at(-1)!.text, `no. ${before + 2}`, "and behind it there is what came meanwhile");
  const changed = await served.journal.transitions({ order: "newest", limit: 100 });
  const transitions = await walk<TransitionState>(served, "/api/v1/transitions?limit=1", () =>
    first!.sweep({ odd: [] }),
  );
  t.ok(changed.length > 1);
  t.strictSame(
    transitions.map(({ id, at, from, to, flow }) => [id, Date.parse(at), from, to, flow]),
    changed.map(({ id, transition: { at, from, to, flow } }) => [id, at, from, to, flow]),
  );

  let round = 0;
  const paths = await walk<PathState>(served, "/api/v1/paths?limit=5", async () => {
    await agents[1]!.sweep({ odd: round++ % 2 === 0 ? [silentOf("0-3", "9000")] : [] });
  });
  t.equal(paths.length, 12);
  t.equal(new Set(paths.map(({ from, to, flow }) => `${from} ${to} ${flow}`)).size, 12);
  t.strictSame(
    (await walk<NodeState>(served, "/api/v1/nodes?limit=1")).map(({ name }) => name),
    watchedNodes,
  );

  const { next } = await served.json<Page<NodeState>>("/api/v1/nodes?limit=2");
  await served.coordinator.reload(clusterOf(watchedSpec, nodesOf(["peer"], ["peer"])));
  t.match(await served.ask(`/api/v1/nodes?after=${next}`), {
    status: 409,
    body: { error: "plan-changed", next: /Begin again/ },
  });
  for (const agent of agents) await agent.leave(true);
});

t.test("what makes no sense is refused with what would", async (t) => {
  await using served = await serve(t.testdir());
  for (const [path, status, error] of [
    ["/api/v1/paths?limit=0", 400, "bad-request"],
    ["/api/v1/paths?limit=1001", 400, "bad-request"],
    ["/api/v1/paths?limit=many", 400, "bad-request"],
    ["/api/v1/paths?after=-1", 400, "bad-page"],
    ["/api/v1/paths?after=1.x", 400, "bad-page"],
    ["/api/v1/paths?colour=red", 400, "bad-request"],
    ["/api/v1/paths?verdict=good", 400, "bad-request"],
    ["/api/v1/paths?port=65536", 400, "bad-request"],
    ["/api/v1/paths?from=n9", 404, "not-found"],
    ["/api/v1/paths/n1/n9", 404, "not-found"],
    ["/api/v1/nodes/n9", 404, "not-found"],
    [`/api/v1/nodes/${"n".repeat(5_000)}`, 414, "bad-request"],
    ["/api/v1/nodes/%zz", 400, "bad-request"],
    ["/api/v1/matrix?at=yesterday", 400, "bad-moment"],
    ["/api/v1/matrix?at=2020-01-01T00:00:00Z", 404, "no-history"],
    ["/api/v1/matrix?transport=sctp", 400, "bad-request"],
    ["/api/v1/transitions?since=2026-13-45T99:00:00Z", 400, "bad-moment"],
    ["/api/v1/transitions?order=random", 400, "bad-request"],
    ["/api/v1/latency?from=n1", 400, "bad-request"],
    ["/api/v1/nothing", 404, "not-found"],
    ["/nothing", 404, "not-found"],
  ] as const) {
    const answer = await served.ask(path);
    t.match(answer, { status, body: { error, message: String, next: String } }, path.slice(0, 80));
    t.notMatch(answer.body, { message: /node_modules|\.ts|at / });
  }
  const json = { "content-type": "application/json" };
  const order = { from: "n1", to: "n2", transport: "tcp", port: 9001 };
  for (const [body, status, error, headers] of [
    ["{", 400, "bad-request", json],
    ["[]", 400, "bad-request", json],
    [JSON.stringify({ ...order, port: 0 }), 400, "bad-request", json],
    [JSON.stringify({ ...order, extra: 1 }), 400, "bad-request", json],
    [JSON.stringify({ ...order, from: "n9" }), 404, "not-found", json],
    [JSON.stringify({ ...order, port: 22 }), 422, "not-planned", json],
    [JSON.stringify(order), 503, "no-answer", json],
    [JSON.stringify(order), 400, "bad-request", { "content-type": "text/plain" }],
    [JSON.stringify({ ...order, from: "n".repeat(70_000) }), 413, "bad-request", json],
  ] as const)
    t.match(
      await served.ask("/api/v1/probes", { method: "POST", headers, body }),
      { status, body: { error, message: String, next: String } },
      body.slice(0, 80),
    );
  for (const [method, path, allow] of [
    ["POST", "/api/v1/status", "GET, HEAD"],
    ["DELETE", "/api/v1/nodes/n1", "GET, HEAD"],
    ["GET", "/api/v1/probes", "POST"],
    ["PUT", "/metrics", "GET, HEAD"],
  ] as const) {
    const answer = await served.ask(path, { method });
    t.match(
      answer,
      { status: 405, headers: { allow }, body: { error: "wrong-method" } },
      `${method} ${path}`,
    );
  }
  const head = await served.ask("/api/v1/status", { method: "HEAD" });
  t.equal(head.status, 200);
  t.equal(head.bytes.length, 0);
  t.equal(Number(head.headers["content-length"]) > 100, true);
});
