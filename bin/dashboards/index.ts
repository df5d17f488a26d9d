/** The dashboards, from the whole to the single node. */
import { colors, type Dashboard, type Panel, type Query } from "./dashboard.ts";

const byVerdict = (expr: string): Query => ({ expr, legend: "{{verdict}}" });
const good = [
  { from: null, color: colors.fail },
  { from: 0.99, color: colors.warn },
  { from: 1, color: colors.pass },
];
const noneIsGood = [
  { from: null, color: colors.pass },
  { from: 1, color: colors.fail },
];
const noneIsBetter = [
  { from: null, color: colors.pass },
  { from: 1, color: colors.unknown },
];
const cluster = { name: "cluster", label: "Cluster", metric: "portmesh_paths" };
/** What scraping adds, and nobody wants to read. */
const scraped = [
  "__name__",
  "instance",
  "job",
  "cluster",
  "pod",
  "namespace",
  "endpoint",
  "service",
  "container",
];

const stat = (
  title: string,
  description: string,
  expr: string,
  steps: NonNullable<Panel["steps"]>,
  more: Partial<Pick<Panel, "unit" | "width">> = {},
): Panel => ({
  title,
  description,
  kind: "stat",
  unit: "short",
  width: 4,
  height: 4,
  queries: [{ expr }],
  steps,
  ...more,
});

const overview: Dashboard = {
  uid: "portmesh-overview",
  title: "Portmesh / Overview",
  description: "Whether what must be open is open.",
  variables: [cluster, { name: "spec", label: "Spec", metric: 'portmesh_paths{cluster=~"$cluster"}' }],
  panels: [
    stat(
      "Reachable",
      "Of the paths about which something is known, the share that does not fail. What is unknown is not in it.",
      'sum(portmesh_paths{cluster=~"$cluster", spec=~"$spec", verdict=~"pass|warn"}) / (sum(portmesh_paths{cluster=~"$cluster", spec=~"$spec", verdict!="unknown"}) > 0)',
      good,
      { unit: "percentunit" },
    ),
    stat(
      "Failing paths",
      "Paths that must be open and are blocked, or must be closed and are open.",
      'sum(portmesh_paths{cluster=~"$cluster", spec=~"$spec", verdict="fail"})',
      noneIsGood,
    ),
    stat(
      "Unknown paths",
      "Paths about which nothing is known: they are neither good nor bad.",
      'sum(portmesh_paths{cluster=~"$cluster", spec=~"$spec", verdict="unknown"})',
      noneIsBetter,
    ),
    stat(
      "Flapping paths",
      "Paths that come and go; they are shown at their worst.",
      'sum(portmesh_flapping_paths{cluster=~"$cluster", spec=~"$spec"})',
      noneIsGood,
    ),
    stat(
      "Agents alive",
      "Agents that tell of their sweeps in time.",
      'sum(portmesh_agents{cluster=~"$cluster", state="alive"})',
      [{ from: null, color: colors.pass }],
    ),
    stat(
      "Agents not alive",
      "Stale, gone or missing. Those that left in good order are not counted.",
      'sum(portmesh_agents{cluster=~"$cluster", state=~"stale|gone|missing"})',
      noneIsGood,
    ),
    {
      title: "Paths by verdict",
      description: "All paths; red is on top of grey, so that what is unknown hides nothing.",
      kind: "timeseries",
      unit: "short",
      width: 12,
      height: 8,
      isStacked: true,
      queries: [byVerdict('sum by (verdict) (portmesh_paths{cluster=~"$cluster", spec=~"$spec"})')],
    },
    {
      title: "Reachable by flow",
      description: "Of the known paths of each flow, the share that does not fail.",
      kind: "timeseries",
      unit: "percentunit",
      width: 12,
      height: 8,
      queries: [
        {
          expr: 'min by (spec, flow) (portmesh_flow_reachable_ratio{cluster=~"$cluster", spec=~"$spec"})',
          legend: "{{flow}}",
        },
      ],
    },
    stat(
      "Hosts outside that fail",
      "Pairs of a node and a host outside of the cluster that the node cannot use.",
      'sum(portmesh_endpoints{cluster=~"$cluster", spec=~"$spec", verdict="fail"})',
      noneIsGood,
    ),
    stat(
      "Requirements not met",
      "Settings of nodes and the like that are not as they have to be.",
      'sum(portmesh_requirements{cluster=~"$cluster", verdict="fail"})',
      noneIsGood,
    ),
    {
      title: "Hosts outside by verdict",
      description: "One for each node and host that a spec asks for.",
      kind: "timeseries",
      unit: "short",
      width: 16,
      height: 4,
      isStacked: true,
      queries: [byVerdict('sum by (verdict) (portmesh_endpoints{cluster=~"$cluster", spec=~"$spec"})')],
    },
    {
      title: "Failing paths, the oldest first",
      description:
        "At most 1,000 are among the metrics. The panel of the coordinator's own page has the evidence of both ends.",
      kind: "table",
      unit: "dateTimeFromNow",
      width: 24,
      height: 9,
      queries: [{ expr: 'sort(portmesh_path_blocked{cluster=~"$cluster", spec=~"$spec"} * 1000)' }],
      hidden: scraped,
      renamed: { Value: "since" },
      leads: { to: "portmesh-node", label: "to" },
    },
    {
      title: "Hosts outside that fail, the oldest first",
      description: "At most 200 are among the metrics.",
      kind: "table",
      unit: "dateTimeFromNow",
      width: 24,
      height: 6,
      queries: [{ expr: 'sort(portmesh_endpoint_blocked{cluster=~"$cluster", spec=~"$spec"} * 1000)' }],
      hidden: scraped,
      renamed: { Value: "since" },
      leads: { to: "portmesh-node", label: "from" },
    },
    {
      title: "Changes",
      description: "How often paths changed to a verdict.",
      kind: "timeseries",
      unit: "short",
      width: 12,
      height: 7,
      isStacked: true,
      queries: [
        {
          expr: 'sum by (to_verdict) (increase(portmesh_transitions_total{cluster=~"$cluster", spec=~"$spec"}[$__rate_interval]))',
          legend: "{{to_verdict}}",
        },
      ],
    },
    {
      title: "Round trips",
      description: "The median and the 95th percentile of all round trips, by protocol.",
      kind: "timeseries",
      unit: "s",
      width: 12,
      height: 7,
      queries: [0.5, 0.95].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (protocol, le) (rate(portmesh_probe_duration_seconds_bucket{cluster=~"$cluster"}[$__rate_interval])))`,
        legend: `{{protocol}} p${quantile * 100}`,
      })),
    },
  ],
};

const matrix: Dashboard = {
  uid: "portmesh-matrix",
  title: "Portmesh / Matrix by group",
  description: "From which group of nodes (roles, then zone) what gets to which one.",
  variables: [
    cluster,
    { name: "spec", label: "Spec", metric: 'portmesh_paths{cluster=~"$cluster"}' },
    { name: "flow", label: "Flow", metric: 'portmesh_paths{cluster=~"$cluster", spec=~"$spec"}' },
  ],
  panels: [
    {
      title: "Failing",
      description:
        "How many paths fail: from the group of the row to that of the column. Empty where there is no path.",
      kind: "table",
      unit: "short",
      width: 12,
      height: 10,
      queries: [
        {
          expr: 'sum by (from_group, to_group) (portmesh_paths{cluster=~"$cluster", spec=~"$spec", flow=~"$flow", verdict="fail"})',
        },
      ],
      steps: noneIsGood,
      pivot: { row: "from_group", column: "to_group" },
    },
    {
      title: "Unknown",
      description: "About how many paths nothing is known, in the same order.",
      kind: "table",
      unit: "short",
      width: 12,
      height: 10,
      queries: [
        {
          expr: 'sum by (from_group, to_group) (portmesh_paths{cluster=~"$cluster", spec=~"$spec", flow=~"$flow", verdict="unknown"})',
        },
      ],
      steps: noneIsBetter,
      pivot: { row: "from_group", column: "to_group" },
    },
    {
      title: "Failing by flow and groups",
      description: "Each line is a flow from one group to another.",
      kind: "timeseries",
      unit: "short",
      width: 24,
      height: 9,
      queries: [
        {
          expr: 'sum by (flow, from_group, to_group) (portmesh_paths{cluster=~"$cluster", spec=~"$spec", flow=~"$flow", verdict="fail"})',
          legend: "{{flow}}: {{from_group}} to {{to_group}}",
        },
      ],
    },
    {
      title: "Nodes with failing paths",
      description: "The twenty nodes from or to which most paths fail.",
      kind: "bargauge",
      unit: "short",
      width: 24,
      height: 9,
      queries: [
        {
          expr: 'topk(20, sum by (node, direction) (portmesh_node_paths{cluster=~"$cluster", verdict="fail"}))',
          legend: "{{node}} {{direction}}",
        },
      ],
      steps: noneIsGood,
    },
  ],
};

const node: Dashboard = {
  uid: "portmesh-node",
  title: "Portmesh / Node",
  description: "One node: what gets there, what leaves it, and its agent.",
  variables: [
    cluster,
    { name: "node", label: "Node", metric: 'portmesh_node_paths{cluster=~"$cluster"}', isMulti: false },
  ],
  panels: [
    ...(["in", "out"] as const).map((direction) =>
      stat(
        direction === "in" ? "Failing to it" : "Failing from it",
        `Paths ${direction === "in" ? "to" : "from"} this node that fail.`,
        `sum(portmesh_node_paths{cluster=~"$cluster", node="$node", direction="${direction}", verdict="fail"})`,
        noneIsGood,
      ),
    ),
    stat(
      "Unknown",
      "Paths from and to this node about which nothing is known.",
      'sum(portmesh_node_paths{cluster=~"$cluster", node="$node", verdict="unknown"})',
      noneIsBetter,
    ),
    stat(
      "Last sweep",
      "How long ago the last sweep of this node ended.",
      'time() - max(portmesh_agent_last_report_timestamp_seconds{cluster=~"$cluster", node="$node"})',
      [
        { from: null, color: colors.pass },
        { from: 120, color: colors.unknown },
      ],
      { unit: "s", width: 6 },
    ),
    stat(
      "Clock",
      "How far the clock of this node is ahead of the coordinator's.",
      'max(portmesh_agent_clock_offset_seconds{cluster=~"$cluster", node="$node"})',
      [
        { from: null, color: colors.fail },
        { from: -1, color: colors.pass },
        { from: 1, color: colors.fail },
      ],
      { unit: "s", width: 6 },
    ),
    ...(["in", "out"] as const).map((direction): Panel => ({
      title: direction === "in" ? "Paths to this node" : "Paths from this node",
      description: "By verdict.",
      kind: "timeseries",
      unit: "short",
      width: 12,
      height: 8,
      isStacked: true,
      queries: [
        byVerdict(
          `sum by (verdict) (portmesh_node_paths{cluster=~"$cluster", node="$node", direction="${direction}"})`,
        ),
      ],
    })),
    {
      title: "Failing paths of this node",
      description: "From it and to it, the oldest first.",
      kind: "table",
      unit: "dateTimeFromNow",
      width: 24,
      height: 9,
      queries: [
        {
          expr: 'sort(portmesh_path_blocked{cluster=~"$cluster", from="$node"} * 1000 or portmesh_path_blocked{cluster=~"$cluster", to="$node"} * 1000)',
        },
      ],
      hidden: scraped,
      renamed: { Value: "since" },
    },
  ],
};

const agents: Dashboard = {
  uid: "portmesh-agents",
  title: "Portmesh / Agents and coordinator",
  description: "Whether Portmesh itself does its work.",
  variables: [cluster],
  panels: [
    {
      title: "Agents by state",
      description:
        "stale: owes its sweeps for more than three intervals; gone: lost its link; missing: never joined; drained: left in good order.",
      kind: "timeseries",
      unit: "short",
      width: 12,
      height: 8,
      isStacked: true,
      queries: [{ expr: 'sum by (state) (portmesh_agents{cluster=~"$cluster"})', legend: "{{state}}" }],
    },
    {
      title: "Sweeps told",
      description:
        "kept: on the disk; unkept: the disk did not take it; known: told twice; refused: does not fit the plan.",
      kind: "timeseries",
      unit: "ops",
      width: 12,
      height: 8,
      isStacked: true,
      queries: [
        {
          expr: 'sum by (outcome) (rate(portmesh_reports_received_total{cluster=~"$cluster"}[$__rate_interval]))',
          legend: "{{outcome}}",
        },
      ],
    },
    {
      title: "Longest without a sweep",
      description: "The twenty nodes whose last sweep ended longest ago.",
      kind: "table",
      unit: "s",
      width: 12,
      height: 9,
      queries: [
        {
          expr: 'topk(20, time() - max by (node) (portmesh_agent_last_report_timestamp_seconds{cluster=~"$cluster"}))',
        },
      ],
      renamed: { Value: "ago" },
      leads: { to: "portmesh-node", label: "node" },
    },
    {
      title: "Clocks that are off most",
      description: "The twenty nodes whose clocks differ most from the coordinator's.",
      kind: "table",
      unit: "s",
      width: 12,
      height: 9,
      queries: [
        {
          expr: 'topk(20, max by (node) (abs(portmesh_agent_clock_offset_seconds{cluster=~"$cluster"})))',
        },
      ],
      renamed: { Value: "off" },
      leads: { to: "portmesh-node", label: "node" },
    },
    {
      title: "Not delivered yet",
      description: "The twenty nodes with the most sweeps that the coordinator has not acknowledged.",
      kind: "table",
      unit: "short",
      width: 12,
      height: 7,
      queries: [{ expr: 'topk(20, max by (node) (portmesh_agent_backlog_sweeps{cluster=~"$cluster"}))' }],
      renamed: { Value: "sweeps" },
      leads: { to: "portmesh-node", label: "node" },
    },
    {
      title: "Agents that do not get to run",
      description: "The share of the time; only of agents that were started with --metrics.",
      kind: "timeseries",
      unit: "percentunit",
      width: 12,
      height: 7,
      queries: [
        {
          expr: 'topk(10, sum by (node) (rate(portmesh_agent_stalled_seconds_total{cluster=~"$cluster"}[$__rate_interval])))',
          legend: "{{node}}",
        },
      ],
    },
    {
      title: "Probes by what the network did",
      description: "Second looks included; only of agents that were started with --metrics.",
      kind: "timeseries",
      unit: "ops",
      width: 12,
      height: 7,
      isStacked: true,
      queries: [
        {
          expr: 'sum by (outcome) (rate(portmesh_agent_probes_total{cluster=~"$cluster"}[$__rate_interval]))',
          legend: "{{outcome}}",
        },
      ],
    },
    {
      title: "How long sweeps take",
      description: "95 of 100 sweeps take less; only of agents that were started with --metrics.",
      kind: "timeseries",
      unit: "s",
      width: 12,
      height: 7,
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le) (rate(portmesh_agent_sweep_duration_seconds_bucket{cluster=~"$cluster"}[$__rate_interval])))',
          legend: "p95",
        },
      ],
    },
    stat(
      "Lag of sweeps",
      "For how much longer than the interval the slowest connected agent has told nothing.",
      'max(portmesh_sweep_lag_seconds{cluster=~"$cluster"})',
      [
        { from: null, color: colors.pass },
        { from: 60, color: colors.warn },
      ],
      { unit: "s" },
    ),
    stat(
      "History",
      "1 where nothing can be kept at the moment.",
      'max(portmesh_journal_failing{cluster=~"$cluster"})',
      noneIsGood,
    ),
    stat(
      "Cluster file",
      "1 where the cluster file that is there is in force.",
      'min(portmesh_config_last_reload_successful{cluster=~"$cluster"})',
      [
        { from: null, color: colors.fail },
        { from: 1, color: colors.pass },
      ],
    ),
    {
      title: "Commits of the history",
      description: "How long it takes until something is on the disk: median and 99th percentile.",
      kind: "timeseries",
      unit: "s",
      width: 12,
      height: 8,
      queries: [0.5, 0.99].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (rate(portmesh_journal_commit_duration_seconds_bucket{cluster=~"$cluster"}[$__rate_interval])))`,
        legend: `p${quantile * 100}`,
      })),
    },
    {
      title: "Memory",
      description: "Resident memory of the coordinator.",
      kind: "timeseries",
      unit: "bytes",
      width: 12,
      height: 8,
      queries: [
        {
          expr: 'process_resident_memory_bytes{job="portmesh-coordinator", cluster=~"$cluster"}',
          legend: "{{instance}}",
        },
      ],
    },
    {
      title: "Processor",
      description: "Cores that the coordinator keeps busy.",
      kind: "timeseries",
      unit: "short",
      width: 12,
      height: 8,
      queries: [
        {
          expr: 'rate(process_cpu_seconds_total{job="portmesh-coordinator", cluster=~"$cluster"}[$__rate_interval])',
          legend: "{{instance}}",
        },
      ],
    },
    {
      title: "Event loop",
      description: "For how long the coordinator answers nobody: 99th percentile.",
      kind: "timeseries",
      unit: "s",
      width: 12,
      height: 8,
      queries: [
        {
          expr: 'nodejs_eventloop_lag_p99_seconds{job="portmesh-coordinator", cluster=~"$cluster"}',
          legend: "{{instance}}",
        },
      ],
    },
  ],
};

export const dashboards: readonly Dashboard[] = [overview, matrix, node, agents];
