/** Groups of nodes against each other. */
import type { Dashboard } from "./dashboard.ts";
import { noneIsGood, noneIsBetter, cluster } from "./panels.ts";

export const matrix: Dashboard = {
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
