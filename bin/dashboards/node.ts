/** One node: its paths there and back. */
import { colors, type Dashboard, type Panel } from "./dashboard.ts";
import { byVerdict, noneIsGood, noneIsBetter, cluster, scraped, stat } from "./panels.ts";

export const node: Dashboard = {
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
