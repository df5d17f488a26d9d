/** A service of the user's own that nodes must reach: its host is probed as an endpoint. */
import type { Requirement } from "../spec.ts";
import type { OptionValues } from "../spec-options.ts";
import type { RequirementCheck } from "./requirement-check.ts";
import { endpointFindings, endpointsOfRow, listed } from "./shown-by.ts";

export const service: RequirementCheck = {
  how: (row) =>
    row.supplied === undefined
      ? { stated: "the document names no host for it, and no option of the cluster file does" }
      : {
          how: "probed",
          text: `${row.key} with the host of the option ${listed(row.supplied)}, from every node that needs it`,
        },
  hindrance: ({ row, options }, { plannedEndpoints }) =>
    isUnset(row, options)
      ? `the cluster file does not name the host: set the option ${listed(row.supplied ?? [])}`
      : plannedEndpoints.has(`requirements/${row.name}`)
        ? undefined
        : "endpoints were left out of this check",
  judge: ({ row }, { endpoints }) =>
    endpointFindings(endpointsOfRow(row, endpoints), row.expected, {
      from: "its endpoints",
      things: "hosts",
      good: "reached",
    }),
};

/** Whether the user chose none of the values that the row takes from options. */
function isUnset({ supplied = [] }: Requirement, options: OptionValues): boolean {
  return supplied.every((name) => options[name] === undefined);
}
