/** Requirements that hold where certain paths or endpoints do: their verdicts, put together node by node. */
import { verdicts, type Verdict } from "../names.ts";
import type { ReportEndpoint, ReportPath } from "../report.ts";
import type { Requirement } from "../spec.ts";
import {
  met,
  unmet,
  type PlannedRequirement,
  type RequirementContext,
  type RequirementFinding,
} from "./requirement-check.ts";

const mostNamed = 3;

/** One of the things that together show a requirement. */
interface Part {
  /** `postgres from n2`, `mail.example.com port 25`: for a list of what is not as it should be. */
  name: string;
  verdict: Verdict;
  reason: string;
}

interface Words {
  /** Where it was seen. */
  from: string;
  /** `paths`, `hosts` */
  things: string;
  /** What each of them should be: `open`, `reached`. */
  good: string;
}

/** A finding for a node from its parts: unmet where one fails, unknown where one is, else met. */
function findingOf(
  node: string,
  expected: string,
  parts: readonly Part[],
  { from, things, good }: Words,
): RequirementFinding {
  const failing = parts.filter(({ verdict }) => verdict === "fail");
  const unknown = parts.filter(({ verdict }) => verdict === "unknown");
  const of = (some: readonly Part[]): string => `${some.length} of ${parts.length} ${things}`;
  if (failing.length > 0)
    return unmet({ node, expected, actual: `${of(failing)} not ${good}: ${list(failing)}`, from });
  if (unknown.length > 0) {
    const actual = `${of(unknown)} not known: ${list(unknown)}`;
    return { verdict: "unknown", reason: "never-probed", node, expected, actual, from };
  }
  return met({ node, expected, actual: `${of(parts)} ${good}`, from });
}

function list(parts: readonly Part[]): string {
  const shown = parts.slice(0, mostNamed).map(({ name, reason }) => `${name} (${reason})`);
  return [...shown, ...(parts.length > mostNamed ? ["…"] : [])].join(", ");
}

/**
 * Paths that show it, by the node that the requirement is about. With `flows: all` those that end at the nodes,
 * and where it is about pairs, both of whose ends are among them.
 */
export function pathsByNode(
  { row, on, toward }: PlannedRequirement,
  { nodes, paths }: RequirementContext,
): Map<string, ReportPath[]> {
  const names = (positions: readonly number[]): string[] => positions.map((index) => nodes[index]!.name);
  const own = new Set(names(on));
  const members = new Set([...own, ...names(toward)]);
  const counts = ({ flow, from, to, expected, level }: ReportPath): boolean => {
    if (expected !== "open" || level === "optional") return false;
    if (row.flows !== "all") return row.flows?.includes(flow) === true;
    return members.has(to) && (row.toward === undefined || members.has(from));
  };
  const counting = paths.filter(counts);
  const byEnd = (end: "from" | "to"): Map<string, ReportPath[]> => {
    const groups = Map.groupBy(counting, (path) => path[end]);
    return new Map([...own].flatMap((node) => (groups.has(node) ? [[node, groups.get(node)!]] : [])));
  };
  // A node that is reached is what most rows are about; some are about who reaches out.
  const arriving = byEnd("to");
  return arriving.size > 0 || row.flows === "all" ? arriving : byEnd("from");
}

/** One finding a node that has paths; none where nothing is probed. */
export function pathFindings(planned: PlannedRequirement, context: RequirementContext): RequirementFinding[] {
  return Array.from(pathsByNode(planned, context), ([node, paths]) =>
    findingOf(
      node,
      planned.row.expected,
      paths.map(({ flow, from, to, verdict, reason }) => ({
        name: `${flow} ${to === node ? `from ${from}` : `to ${to}`}`,
        verdict,
        reason,
      })),
      { from: "the paths of its flows", things: "paths", good: "open" },
    ),
  );
}

/** Endpoints of this requirement: those that it names, those of its flows, and its own services. */
export function endpointsOfRow(
  { endpoints = [], flows = [], name }: Requirement,
  all: readonly ReportEndpoint[],
): ReportEndpoint[] {
  return all.filter(({ section, row }) => {
    if (section === "requirements") return row === name;
    const named = section === "endpoints" ? endpoints : flows === "all" ? [] : flows;
    return named.includes(row);
  });
}

/** One finding for each node that visited some of these endpoints. */
export function endpointFindings(
  endpoints: readonly ReportEndpoint[],
  expected: string,
  words: Words,
  judge: (endpoint: ReportEndpoint) => Omit<Part, "name"> = (endpoint) => endpoint,
): RequirementFinding[] {
  const byNode = Map.groupBy(endpoints, ({ from }) => from);
  return Array.from(byNode, ([node, visited]) =>
    findingOf(
      node,
      expected,
      visited.map((endpoint) => {
        const { verdict, reason } = judge(endpoint);
        return { name: nameOf(endpoint), verdict, reason };
      }),
      words,
    ),
  );
}

export function nameOf({ host, ports }: ReportEndpoint): string {
  return ports === "" ? host : `${host} port ${ports.replaceAll(",", " or ")}`;
}

/** From worst to best. */
export function byVerdict<Judged extends { verdict: Verdict }>(a: Judged, b: Judged): number {
  return verdicts.indexOf(b.verdict) - verdicts.indexOf(a.verdict);
}

/** `a, b and c` */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** `the flow a`, `the flows a and b` */
export function enumerated(what: string, names: readonly string[]): string {
  return `the ${what}${names.length === 1 ? "" : "s"} ${listed(names)}`;
}

export function namedFlows({ flows = [], toward }: Requirement): string {
  if (flows === "all") return toward === undefined ? "all flows to its nodes" : "all flows between its nodes";
  return enumerated("flow", flows);
}
