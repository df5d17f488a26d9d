/** A node that loses nearly everybody at once: told in few words, put to few far ends, and each path known. */
import { once } from "node:events";
import t from "tap";
import { reasonOfCode } from "../../../coordinator/watch/live-matrix.ts";
import { clusterOf, nodesOf } from "../../helpers/domain-fixtures.ts";
import type { TransitionState } from "../../../shared/api.ts";
import type { SimulatedAgent } from "../../helpers/simulated-agent.ts";
import { allWell, join, serve, watchedSpec } from "../../helpers/watch-coordinator.ts";
import { silentOf } from "../../helpers/watch-fixtures.ts";

t.setTimeout(60_000);

const size = 80;
const names = Array.from({ length: size }, (_, index) => `n${index + 1}`);
const cluster = clusterOf(watchedSpec, nodesOf(...names.map(() => ["peer"])));

t.test("a node that reaches nobody any more", async (t) => {
  await using watched = await serve(t.testdir(), { cluster });
  const agents: SimulatedAgent[] = [];
  // A few at a time: more at once are asked to come back.
  for (let first = 0; first < size; first += 20)
    agents.push(...(await join(names.slice(first, first + 20), watched)));
  await allWell(agents);
  t.strictSame(watched.transitions, []);

  const [lonely, ...others] = agents;
  // Targets of one protocol have the same ports: every other one is of the other flow.
  const positions = [...lonely!.pinglist.to.keys()];
  const even = positions.filter((position) => position % 2 === 0).join(",");
  const odd = positions.filter((position) => position % 2 === 1).join(",");
  lonely!.odd = [silentOf(even, "9000-9002"), silentOf(odd, "9443")];
  await lonely!.sweep({ odd: lonely!.odd, rtt: Buffer.alloc(lonely!.pinglist.to.length).toString("base64") });
  const signal = AbortSignal.timeout(10_000);
  while (watched.transitions.length < 2) await once(watched.coordinator, "transitions", { signal });
  t.strictSame(
    watched.transitions.map(({ from, to, flow, others: alike }) => [from, to, flow, alike?.length]),
    [
      ["n1", "n2", "gossip", size - 2],
      ["n1", "n2", "web", size - 2],
    ],
    "two flows, each told once",
  );
  const asked = others.filter((agent) => agent.heard.some(({ type }) => type === "look"));
  t.ok(asked.length > 0 && asked.length <= 64, `${asked.length} far ends were asked`);
  t.strictSame(watched.view.counts(), {
    pass: 2 * (size - 1) ** 2,
    warn: 0,
    fail: 2 * (size - 1),
    unknown: 0,
  });
  const { items } = watched.view.failing(5);
  t.strictSame(
    items.map(({ from, to }) => `${from}>${to}`),
    ["n1>n2", "n1>n2", "n1>n3", "n1>n3", "n1>n4"],
    "of those that fail as long, the first",
  );
  const page = await watched.json<{ items: TransitionState[] }>("/api/v1/transitions?to=n50");
  t.match(
    page.items.map(({ from, to, flow, others: alike }) => ({ from, to, flow, alike })),
    [
      { from: "n1", to: "n50", flow: "web", alike: undefined },
      { from: "n1", to: "n50", flow: "gossip", alike: undefined },
    ],
  );
  const text = (await watched.ask("/metrics")).bytes.toString();
  t.match(
    text,
    new RegExp(`portmesh_transitions_total\\{[^}]*flow="web"[^}]*to_verdict="fail"\\} ${size - 1}`),
  );

  lonely!.odd = [];
  await lonely!.sweep();
  const later = AbortSignal.timeout(10_000);
  while (watched.transitions.length < 4) await once(watched.coordinator, "transitions", { signal: later });
  t.equal(watched.view.counts().fail, 0);
  const [start, end] = watched.view.plan.pairs.pathsFrom(0);
  const past = (await watched.journal.at(Date.now()))!.codes.subarray(start, end);
  t.strictSame([...new Set(past)].map(reasonOfCode), ["reachable"], "the history knows each of them, too");
});
