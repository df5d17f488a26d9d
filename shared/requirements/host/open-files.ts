/** File descriptors: an agent needs one for each port that it holds, and for each connection under way. */
import type { NodeFacts } from "../../node-facts.ts";
import type { PlannedNode } from "../../plan.ts";
import { setSysctl } from "../remedies.ts";
import { met, unmet, type RequirementFinding } from "../requirement-check.ts";

/** For probes both ways, which go slower with fewer, and for the agent's own files. */
const besideListeners = 256;

export function openFiles(
  { name }: PlannedNode,
  { descriptors }: NodeFacts,
  ports: number,
): RequirementFinding | undefined {
  if (descriptors === undefined) return undefined;
  const { soft, hostUsed, hostMax } = descriptors;
  const needed = ports + besideListeners;
  const wanted = 2 ** Math.ceil(Math.log2(needed));
  const finding = { node: name, expected: `${needed} or more` };
  const ofAgent = { ...finding, actual: `${soft} for the agent`, from: "/proc/self/limits" };
  // For a unit of systemd that is LimitNOFILE.
  if (soft < needed) return unmet({ ...ofAgent, remedy: `ulimit -n ${wanted}` });
  if (hostUsed === undefined || hostMax === undefined || hostMax - hostUsed >= needed) return met(ofAgent);
  const actual = `${Math.max(0, hostMax - hostUsed)} left of the host's ${hostMax}`;
  const remedy = setSysctl("fs.file-max", `${hostMax + wanted}`, "portmesh");
  return unmet({ ...finding, actual, from: "/proc/sys/fs/file-nr", remedy });
}
