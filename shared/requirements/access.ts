/** Who must be let through: shown by the paths of flows, where a document gives the ports. */
import type { RequirementCheck } from "./requirement-check.ts";
import { namedFlows, pathFindings } from "./shown-by.ts";

export const access: RequirementCheck = {
  how: (row) =>
    row.flows === undefined
      ? { stated: "the document names no port for it, so there is nothing to probe" }
      : { how: "probed", text: `by the paths of ${namedFlows(row)}` },
  restsOnPaths: () => true,
  judge: (planned, context) => {
    const findings = pathFindings(planned, context);
    return findings.length === 0 ? { stated: `nothing was probed of ${namedFlows(planned.row)}` } : findings;
  },
};
