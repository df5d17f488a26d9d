/**
 * What Prometheus gets to see. A series for each path would be millions; there is one for each flow between groups of
 * nodes, some for each node, and of failing paths a list with an end. All is read when it is asked for, so that
 * nodes that are gone leave no series behind.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { agentStates } from "../shared/api.ts";
import { verdicts, type Verdict } from "../shared/names.ts";
import { tally } from "../shared/verdict-counts.ts";
import { formatPorts } from "../shared/ports.ts";
import type { ClusterView } from "./watch/cluster-view.ts";
import { notificationOutcomes } from "./notify/hook.ts";
import type { Notifier } from "./notify/notifier.ts";
import { verdictOfCode } from "./watch/live-matrix.ts";
import { reportOutcomes } from "./watch/keeping.ts";
import type { WatchCoordinator } from "./watch/watch-coordinator.ts";

/** Failing paths that are told one by one; how many more there are is told, too. */
const maxBlocked = 1_000;
const maxBlockedEndpoints = 200;
const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export interface Metrics {
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  contentType: string;
}

export function coordinatorMetrics(
  coordinator: WatchCoordinator,
  view: ClusterView,
  version: string,
  notifier: Notifier,
): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    collect: (set: (labels: Partial<Record<Label, string>>, value: number) => void) => void,
  ): void => {
    const made = new Gauge({
      name: `portmesh_${name}`,
      help,
      labelNames: [...labelNames],
      collect() {
        this.reset();
        collect((labels, value) => this.set(labels as Record<Label, string>, value));
      },
      registers: [],
    });
    registry.registerMetric(made);
  };

  gauge("build_info", "What runs here; always 1.", ["version", "node_version", "component"], (set) =>
    set({ version, node_version: process.versions.node, component: "coordinator" }, 1),
  );
  gauge(
    "paths",
    "Paths by flow, group of nodes and verdict.",
    ["spec", "flow", "expected", "from_group", "to_group", "verdict"],
    (set) => {
      for (const { row, from, to, counts } of view.matrix.byGroup()) {
        const { spec, flow, open } = row;
        const labels = { spec, flow, expected: open ? "open" : "closed", from_group: from, to_group: to };
        for (const [index, verdict] of verdicts.entries()) set({ ...labels, verdict }, counts[index]!);
      }
    },
  );
  gauge(
    "flow_reachable_ratio",
    "Of the paths of a flow about which something is known, the share that does not fail.",
    ["spec", "flow"],
    (set) => {
      const known = new Map<string, { spec: string; flow: string; well: number; all: number }>();
      for (const { row, counts } of view.matrix.byGroup()) {
        const key = `${row.spec} ${row.flow}`;
        const sum = known.get(key) ?? { spec: row.spec, flow: row.flow, well: 0, all: 0 };
        const of = (verdict: (typeof verdicts)[number]): number => counts[verdicts.indexOf(verdict)]!;
        sum.well += of("pass") + of("warn");
        sum.all += of("pass") + of("warn") + of("fail");
        known.set(key, sum);
      }
      // Of what nobody knows there is no ratio: neither 0 nor 1 would be true.
      for (const { spec, flow, well, all } of known.values()) if (all > 0) set({ spec, flow }, well / all);
    },
  );
  gauge(
    "node_paths",
    "Paths from a node (out) and to it (in), by verdict.",
    ["node", "direction", "verdict"],
    (set) => {
      for (const { index, name } of view.plan.nodes) {
        for (const [direction, counts] of [
          ["out", view.matrix.outOf(index)],
          ["in", view.matrix.into(index)],
        ] as const)
          for (const [position, verdict] of verdicts.entries())
            set({ node: name, direction, verdict }, counts[position]!);
      }
    },
  );
  let truncated = 0;
  gauge(
    "path_blocked",
    "A path that fails, since so long ago the seconds since 1970; only while it fails, the oldest first.",
    ["spec", "flow", "from", "to", "transport", "ports", "reason"],
    (set) => {
      const { items, of } = view.failing(maxBlocked);
      truncated = of - items.length;
      for (const { place, from, to, reason, since } of items) {
        const { spec, flow, transport, ports } = place.row;
        set({ spec, flow, from, to, transport, ports: formatPorts(ports), reason }, since / 1_000);
      }
    },
  );
  gauge(
    "path_blocked_truncated",
    "Failing paths that are not among portmesh_path_blocked because there are too many.",
    [],
    (set) => set({}, truncated),
  );
  gauge(
    "flapping_paths",
    "Paths that come and go, and are shown at their worst meanwhile.",
    ["spec", "flow"],
    (set) => {
      const counts = new Map<string, { spec: string; flow: string; paths: number }>();
      for (const { spec, flow } of view.flows()) counts.set(`${spec} ${flow}`, { spec, flow, paths: 0 });
      for (const { row } of view.flapping()) counts.get(`${row.spec} ${row.flow}`)!.paths += 1;
      for (const { spec, flow, paths } of counts.values()) set({ spec, flow }, paths);
    },
  );
  gauge(
    "endpoints",
    "Hosts outside of the cluster by the row that asks for them and verdict, one a node and host.",
    ["spec", "row", "verdict"],
    (set) => {
      const found = view.plan.endpoints.map((endpoint): [{ spec: string; row: string }, Verdict] => {
        const { spec, row } = endpoint;
        return [{ spec, row }, view.endpointJudgement(endpoint).verdict];
      });
      for (const [labels, count] of byVerdict(found)) set(labels, count);
    },
  );
  gauge(
    "endpoint_blocked",
    "A host outside of the cluster that a node cannot use, since so long ago the seconds since 1970; only while it fails, the oldest first.",
    ["spec", "row", "from", "host", "reason"],
    (set) => {
      for (const { endpoint, reason, since } of view.failingEndpoints(maxBlockedEndpoints)) {
        const { spec, row, from, host } = endpoint;
        set({ spec, row, from: view.plan.nodes[from]!.name, host, reason }, since / 1_000);
      }
    },
  );
  gauge(
    "endpoint_certificate_expiry_timestamp_seconds",
    "When the certificate of a host outside of the cluster ends, the earliest that any node was shown.",
    ["host"],
    (set) => {
      for (const [host, at] of view.certificateEnds()) set({ host }, at / 1_000);
    },
  );
  gauge(
    "requirements",
    "What is asked of nodes beside their paths, by verdict, one a node or pair.",
    ["spec", "requirement", "verdict"],
    (set) => {
      const found = view.requirements.map(
        ({ spec, name, verdict }): [{ spec: string; requirement: string }, Verdict] => [
          { spec, requirement: name },
          verdict,
        ],
      );
      for (const [labels, count] of byVerdict(found)) set(labels, count);
    },
  );
  gauge("agents", "Agents by how they stand.", ["state"], (set) => {
    const counts = view.agentCounts();
    for (const state of agentStates) set({ state }, counts[state]);
  });
  gauge("agent_last_report_timestamp_seconds", "When the last sweep of a node ended.", ["node"], (set) => {
    for (const { index, name } of view.plan.nodes) {
      const at = view.lastSweepAt(index);
      if (at !== undefined) set({ node: name }, at / 1_000);
    }
  });
  gauge(
    "agent_backlog_sweeps",
    "Sweeps that an agent still had to deliver when it told last.",
    ["node"],
    (set) => {
      for (const { index, name } of view.plan.nodes) {
        const sweeps = view.backlog(index);
        if (sweeps !== undefined) set({ node: name }, sweeps);
      }
    },
  );
  gauge(
    "agent_clock_offset_seconds",
    "How far the clock of a node is ahead of the coordinator's.",
    ["node"],
    (set) => {
      for (const { index, name } of view.plan.nodes) {
        const offset = view.clockOffsetMs(index);
        if (offset !== undefined) set({ node: name }, offset / 1_000);
      }
    },
  );
  gauge(
    "sweep_lag_seconds",
    "For how much longer than the interval the slowest of the agents that are there has told nothing.",
    [],
    (set) => set({}, view.sweepLagMs() / 1_000),
  );
  gauge("config_last_reload_successful", "Whether the cluster file that is there is in force.", [], (set) =>
    set({}, Number(view.reload.ok)),
  );
  gauge("config_last_reload_timestamp_seconds", "When the cluster file was read last.", [], (set) =>
    set({}, view.reload.at / 1_000),
  );
  gauge("journal_failing", "Whether nothing can be kept at the moment.", [], (set) =>
    set({}, Number(view.problem !== undefined)),
  );
  gauge(
    "notifications_pending",
    "Messages to webhooks that wait for their time, or are tried again.",
    [],
    (set) => set({}, notifier.pending),
  );

  const transitions = new Counter({
    name: "portmesh_transitions_total",
    help: "Changes of the verdict of a path.",
    labelNames: ["spec", "flow", "from_verdict", "to_verdict"],
    registers,
  });
  const reports = new Counter({
    name: "portmesh_reports_received_total",
    help: "Sweeps that agents told of, by what became of them.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of reportOutcomes) reports.inc({ outcome }, 0);
  const probes = new Histogram({
    name: "portmesh_probe_duration_seconds",
    help: "Round trips of targets, the median of their ports.",
    labelNames: ["protocol", "phase"],
    buckets: secondsBuckets,
    registers,
  });
  const commits = new Histogram({
    name: "portmesh_journal_commit_duration_seconds",
    help: "How long it took until something was on the disk.",
    buckets: secondsBuckets,
    registers,
  });
  coordinator.on("transitions", (items) => {
    for (const { spec, flow, before, after, others = [] } of items)
      transitions.inc(
        { spec, flow, from_verdict: verdictOfCode(before), to_verdict: verdictOfCode(after) },
        1 + others.length,
      );
  });
  coordinator.on("report", (outcome) => reports.inc({ outcome }));
  coordinator.on("swept", (node) => {
    for (const [protocol, rttMs] of view.roundTrips(node))
      probes.observe({ protocol, phase: "answer" }, rttMs / 1_000);
  });
  const notifications = new Counter({
    name: "portmesh_notifications_total",
    help: "Messages to webhooks by what became of them, and tries that were not the last.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of notificationOutcomes) notifications.inc({ outcome }, 0);
  notifier.on("outcome", (outcome) => notifications.inc({ outcome }));
  coordinator.on("committed", (ms) => commits.observe(ms / 1_000));
  return { text: () => registry.metrics(), contentType: registry.contentType };
}

/** How often each verdict stands beside the same labels; of those that never do, too, so that a series does not come and go. */
function* byVerdict<Labels extends object>(
  found: Iterable<readonly [Labels, Verdict]>,
): Generator<[Labels & { verdict: Verdict }, number]> {
  const alike = Map.groupBy(found, ([labels]) => JSON.stringify(labels));
  for (const group of alike.values()) {
    const counts = tally(group.map(([, verdict]) => verdict));
    for (const verdict of verdicts) yield [{ ...group[0]![0], verdict }, counts[verdict]];
  }
}
