/** Agents and coordinator: whether those who tell can be believed. */
import { colors, type Dashboard } from "./dashboard.ts";
import { noneIsGood, cluster, stat } from "./panels.ts";

export const agents: Dashboard = {
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
