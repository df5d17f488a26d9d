/** How many nodes there are, in how many data centers, and whether what must be there first runs already. */
import type { PlannedNode } from "../plan.ts";
import type { Requirement } from "../spec.ts";
import {
  met,
  unmet,
  type PlannedRequirement,
  type RequirementCheck,
  type RequirementContext,
  type RequirementFinding,
  type Stated,
} from "./requirement-check.ts";
import { listed, namedFlows, pathFindings, pathsByNode } from "./shown-by.ts";

const clusterFile = "the cluster file";

export const topology: RequirementCheck = {
  how: (row) => {
    if (isCounted(row)) return { how: "measured", text: howCounted(row) };
    if (row.flows === undefined)
      return { stated: "which parts of a deployment stand where is known to its planners only" };
    const running = row.key === "running" ? "; that it runs, by the answer of its service" : "";
    return { how: "probed", text: `by the paths of ${namedFlows(row)}${running}` };
  },
  countsNodes: isCounted,
  restsOnPaths: (row) => !isCounted(row),
  judge: (planned, context) =>
    isCounted(planned.row) ? count(planned, context) : judgePaths(planned, context),
};

function isCounted({ minimum }: Requirement): boolean {
  return minimum?.unit === "nodes" || minimum?.unit === "data centers";
}

function howCounted({ on, key, minimum }: Requirement): string {
  if (minimum?.unit === "nodes")
    return `nodes with the role ${on.join(" or ")} in the cluster file are counted`;
  return `zones of the nodes in the cluster file are counted${key === "balanced" ? ", and the nodes in each compared" : ""}`;
}

/** Nodes or zones of the cluster file against the minimum of the row. */
export function count(
  { row, on }: PlannedRequirement,
  { nodes }: RequirementContext,
): RequirementFinding[] | Stated {
  const { expected, key } = row;
  const { value, unit } = row.minimum!;
  const members = on.map((index) => nodes[index]!);
  const role = row.on.join(" or ");
  if (unit === "nodes") {
    const actual = `${members.length} with the role ${role}`;
    const finding = { expected, actual, from: clusterFile };
    if (members.length >= value) return [met(finding)];
    return [unmet({ ...finding, remedy: `give the role ${role} to ${value} or more nodes` })];
  }
  const without = members.filter(({ zone }) => zone === undefined);
  if (without.length > 0)
    return {
      stated: `the cluster file does not say where ${listed(namesOf(without))} stand: set their zone`,
    };
  const zones = Map.groupBy(members, ({ zone }) => zone!);
  const sizes = Array.from(zones, ([zone, inside]) => `${zone}: ${inside.length}`);
  const finding = { expected, actual: `${zones.size} zones (${sizes.join(", ")})`, from: clusterFile };
  if (zones.size < value) return [unmet(finding)];
  const isBalanced = new Set(Array.from(zones.values(), ({ length }) => length)).size === 1;
  return [key === "balanced" && !isBalanced ? unmet(finding) : met(finding)];
}

function namesOf(nodes: readonly PlannedNode[]): string[] {
  return nodes.map(({ name }) => name);
}

/** An open port shows that a node is reached; that its service runs is shown by the service's own answer alone. */
function judgePaths(planned: PlannedRequirement, context: RequirementContext): RequirementFinding[] | Stated {
  const findings = pathFindings(planned, context);
  const silent = Array.from(pathsByNode(planned, context)).filter(([, paths]) =>
    paths.some(({ reason }) => reason !== "served"),
  );
  if (findings.length === 0) return { stated: `nothing was probed of ${namedFlows(planned.row)}` };
  if (planned.row.key !== "running" || findings.some(({ verdict }) => verdict !== "pass")) return findings;
  if (silent.length === 0) return findings;
  const names = listed(silent.map(([name]) => name));
  return { stated: `the way is open, and no service answers yet on ${names}: only an agent does` };
}
