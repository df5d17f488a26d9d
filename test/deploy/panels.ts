/** What the dashboards ask of Prometheus. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface GrafanaPanel {
  id: number;
  title: string;
  description: string;
  type: string;
  datasource: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: { defaults: { unit: string } };
  targets: { expr: string; datasource: { uid: string } }[];
}
export interface GrafanaDashboard {
  uid: string;
  title: string;
  tags: string[];
  links: { tags: string[] }[];
  templating: { list: { name: string; type: string; definition?: string }[] };
  panels: GrafanaPanel[];
}

const root = join(import.meta.dirname, "../..");

export function readDashboards(): GrafanaDashboard[] {
  return globSync("deploy/grafana/*.json", { cwd: root })
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(root, file), "utf8")) as GrafanaDashboard);
}

/** The query with the values that Grafana would put in for All, and for a node. */
export function filledIn(
  expr: string,
  { node, rateInterval }: { node: string; rateInterval: string },
): string {
  return expr
    .replaceAll("$__rate_interval", rateInterval)
    .replaceAll("$node", node)
    .replaceAll(/\$(cluster|spec|flow)/g, ".*");
}
