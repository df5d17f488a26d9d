/** What the dashboards have in common: colours by value, variables, and single figures. */
import { colors, type Panel, type Query } from "./dashboard.ts";

export const byVerdict = (expr: string): Query => ({ expr, legend: "{{verdict}}" });
export const good = [
  { from: null, color: colors.fail },
  { from: 0.99, color: colors.warn },
  { from: 1, color: colors.pass },
];
export const noneIsGood = [
  { from: null, color: colors.pass },
  { from: 1, color: colors.fail },
];
export const noneIsBetter = [
  { from: null, color: colors.pass },
  { from: 1, color: colors.unknown },
];
export const cluster = { name: "cluster", label: "Cluster", metric: "portmesh_paths" };
/** What scraping adds, and nobody wants to read. */
export const scraped = [
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

export const stat = (
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
