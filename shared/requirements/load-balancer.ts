/** A load balancer of the customer's: its way to what stands behind it, and how many there are to balance. */
import type { RequirementCheck } from "./requirement-check.ts";
import { namedFlows, pathFindings } from "./shown-by.ts";
import { count } from "./topology.ts";

const itsOwn = "how the load balancer spreads what comes in shows only in its own configuration";

export const loadBalancer: RequirementCheck = {
  how: (row) => {
    if (row.minimum?.unit === "nodes")
      return {
        how: "measured",
        text: `nodes with the role ${row.on.join(" or ")} in the cluster file are counted; ${itsOwn}`,
      };
    return row.flows === undefined
      ? { stated: itsOwn }
      : { how: "probed", text: `by the paths of ${namedFlows(row)}, from an agent on the load balancer` };
  },
  countsNodes: ({ minimum }) => minimum?.unit === "nodes",
  restsOnPaths: ({ minimum }) => minimum === undefined,
  judge: (planned, context) => {
    const { row } = planned;
    if (row.minimum !== undefined) {
      const counted = count(planned, context);
      if ("stated" in counted || counted.some(({ verdict }) => verdict === "fail")) return counted;
      return { stated: `${counted[0]!.actual}; ${itsOwn}` };
    }
    const findings = pathFindings(planned, context);
    return findings.length === 0 ? { stated: `${itsOwn}, and no agent runs on it` } : findings;
  },
};
