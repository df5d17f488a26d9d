/**
 * What a check of requirements is: what it has to know of the nodes, and the judgement of what was found. Pure;
 * one file a kind, and one line in the registry.
 */
import type { Thresholds } from "../cluster-file.ts";
import type { CheckPhase, Reason, RouteName, Skippable, Verdict } from "../names.ts";
import type { FactNeeds, NodeFacts } from "../node-facts.ts";
import type { PlannedNode } from "../plan.ts";
import type { PortSet } from "../ports.ts";
import type { ReportEndpoint } from "../report.ts";
import type { ReportPath } from "../report.ts";
import type { Requirement } from "../spec.ts";
import type { OptionValues } from "../spec-options.ts";

/** A row of a spec that applies, with the nodes it is about; by their positions in the plan. */
export interface PlannedRequirement {
  spec: string;
  row: Requirement;
  on: readonly number[];
  toward: readonly number[];
  /** Where services of the flows that show it stand: on which of the nodes, and at which ports in the end. */
  services: readonly { node: number; ports: PortSet }[];
  /** Values of the spec's options, for what the user has to name. */
  options: OptionValues;
}

/** What is known before anything is asked of the nodes. */
export interface RequirementSurroundings {
  phase: CheckPhase;
  /** Ways out of the cluster that the cluster file has. */
  routes: readonly RouteName[];
  /** Rows with hosts to visit, as `endpoints/name`, `flows/name` or `requirements/name`. */
  plannedEndpoints: ReadonlySet<string>;
  /** What the user left out. */
  skip: readonly Skippable[];
}

/** What one direction between two nodes carries. */
export interface BandwidthFigure {
  bitsPerSecond: number;
  bytes: number;
  elapsedMs: number;
  /** The prober itself was short of something, so that the figure is a lower bound only. */
  impaired?: string;
}

/** How far a node's clock is ahead of the coordinator's, give or take `errorMs`. */
export interface ClockOffset {
  aheadMs: number;
  errorMs: number;
}

/** All that was found out, for judging. */
export interface RequirementContext {
  phase: CheckPhase;
  now: Date;
  thresholds: Thresholds;
  /** Which proxies the cluster file has. */
  proxies: readonly string[];
  nodes: readonly PlannedNode[];
  /** Undefined where the agent is missing or did not say. */
  facts: (node: number) => NodeFacts | undefined;
  clock: (node: number) => ClockOffset | undefined;
  bandwidth: (from: number, to: number) => BandwidthFigure | string | undefined;
  /** Judged already; of the spec of the requirement. */
  endpoints: readonly ReportEndpoint[];
  paths: readonly ReportPath[];
}

export interface RequirementFinding {
  /** Name of the node it is about; absent where it is about the cluster. */
  node?: string;
  /** The other end of a pair. */
  toward?: string;
  verdict: Verdict;
  reason: Reason;
  expected: string;
  actual: string;
  /** Where the actual value was read or how it was measured. */
  from?: string;
  /** A command or a step that mends it. */
  remedy?: string;
}

/** Why it is for people to confirm, maybe with what was seen. */
export interface Stated {
  stated: string;
}

export interface RequirementCheck {
  /** How a row is checked in general, for the documentation: `the kernel's setting is read`. */
  how: (row: Requirement) => { how: "probed" | "measured"; text: string } | Stated;
  /** Whether it is asked for also where no node has its roles, since their number is what it is about. */
  countsNodes?: (row: Requirement) => boolean;
  /** Whether the paths between nodes show it, each of which has a verdict of its own. */
  restsOnPaths?: (row: Requirement) => boolean;
  /** Why nothing can be looked at in this run, as far as that is known beforehand. */
  hindrance?: (planned: PlannedRequirement, surroundings: RequirementSurroundings) => string | undefined;
  /** What has to be read on the nodes it is about. */
  needs?: (planned: PlannedRequirement) => Partial<FactNeeds>;
  judge: (planned: PlannedRequirement, context: RequirementContext) => RequirementFinding[] | Stated;
}

export function met(rest: Omit<RequirementFinding, "verdict" | "reason">): RequirementFinding {
  return { verdict: "pass", reason: "met", ...rest };
}

export function unmet(rest: Omit<RequirementFinding, "verdict" | "reason">): RequirementFinding {
  return { verdict: "fail", reason: "unmet", ...rest };
}

/** The agent is missing, or did not get to it. */
export function unknownYet(
  node: PlannedNode,
  expected: string,
  reason: "agent-missing" | "never-probed" | "impaired" = "never-probed",
  actual = "not known",
): RequirementFinding {
  return { verdict: "unknown", reason, node: node.name, expected, actual };
}
