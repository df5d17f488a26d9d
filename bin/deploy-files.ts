/** The files of deploy/ that nobody writes by hand: by path, what is to be in them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { agentUnit, agentUnitName } from "../cli/agent-unit.ts";
import { renderDashboard } from "./dashboards/dashboard.ts";
import { dashboards } from "./dashboards/index.ts";

export function deployFiles(): Record<string, string> {
  const unit = { launcher: "/usr/bin/portmesh", node: "%l", joinFile: "/etc/portmesh/join" };
  return {
    [`deploy/systemd/${agentUnitName}`]: agentUnit(unit),
    "deploy/kubernetes/components/monitoring/prometheus-rule.yaml": prometheusRule(),
    ...Object.fromEntries(
      dashboards.map((dashboard) => [
        `deploy/grafana/${dashboard.uid}.json`,
        `${JSON.stringify(renderDashboard(dashboard), undefined, 2)}\n`,
      ]),
    ),
  };
}

/** The rules as an object of the Prometheus operator; their text, with its comments, is the same. */
function prometheusRule(): string {
  const rules = readFileSync(join(import.meta.dirname, "../deploy/prometheus/portmesh.rules.yml"), "utf8");
  const groups = rules.slice(rules.indexOf("\ngroups:\n") + 1).trimEnd();
  return `# Written by npm run deploy from deploy/prometheus/portmesh.rules.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: portmesh
spec:
${groups.replaceAll(/^(?=.)/gm, "  ")}
`;
}
