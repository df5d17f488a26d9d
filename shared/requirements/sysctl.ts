/** Kind `sysctl`: a setting of the kernel (`key`) has the value that the row expects, or at least its minimum. */
import { moduleOfSetting, sysctlPath } from "../sysctl-name.ts";
import type { Requirement } from "../spec.ts";
import { loadModule, setSysctl } from "./remedies.ts";
import {
  met,
  unknownYet,
  unmet,
  type RequirementCheck,
  type RequirementFinding,
} from "./requirement-check.ts";

export const sysctl: RequirementCheck = {
  how: (row) =>
    pathOf(row) === undefined
      ? noName
      : { how: "measured", text: `each node reads /proc/sys/${pathOf(row)}` },
  needs: ({ row }) => (pathOf(row) === undefined ? {} : { sysctls: [row.key!] }),
  judge({ spec, row, on }, context) {
    const path = pathOf(row);
    if (path === undefined) return noName;
    const key = row.key!;
    const wanted = row.minimum === undefined ? oneSpaced(row.expected) : String(row.minimum.value);
    const expected = `${key} = ${wanted}${row.minimum === undefined ? "" : " or more"}`;
    return on.map((index): RequirementFinding => {
      const node = context.nodes[index]!;
      const facts = context.facts(index);
      if (facts === undefined) return unknownYet(node, expected, "agent-missing");
      const value = facts.sysctls[key];
      const finding = { node: node.name, expected, from: `/proc/sys/${path}` };
      if (value === undefined) return unknownYet(node, expected, "never-probed", "it could not be read");
      const remedy = setSysctl(key, wanted, spec);
      if (value === null) {
        const module = moduleOfSetting(path);
        const first = module === undefined ? "" : `${loadModule(module)} && `;
        return unmet({ ...finding, actual: "the host has no such setting", remedy: first + remedy });
      }
      const isMet =
        row.minimum === undefined ? oneSpaced(value) === wanted : Number(value) >= row.minimum.value;
      return isMet ? met({ ...finding, actual: value }) : unmet({ ...finding, actual: value, remedy });
    });
  },
};

const noName = { stated: "the row names no setting of the kernel that could be read" };

function pathOf({ key }: Requirement): string | undefined {
  return key === undefined ? undefined : sysctlPath(key);
}

/** Some settings are several figures, with tabs between them. */
function oneSpaced(value: string): string {
  return value.trim().split(/\s+/).join(" ");
}
