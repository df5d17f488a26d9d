/** Names that the user chose for parts of the product: that there are any, and how they relate. */
import { familyOf, parseHost } from "../addresses.ts";
import type { OptionValues } from "../spec-options.ts";
import { met, unmet, type RequirementCheck } from "./requirement-check.ts";
import { enumerated, listed } from "./shown-by.ts";

const from = "the cluster file";

export const domain: RequirementCheck = {
  how: ({ supplied, key }) => {
    if (supplied === undefined) return { stated: "which name it has, no option of the cluster file says" };
    const options = enumerated("option", supplied);
    const texts: Record<string, string> = {
      differs: `${options} of the cluster file are compared`,
      same: `${options} of the cluster file must be one name`,
    };
    return { how: "measured", text: texts[key ?? ""] ?? `${options} of the cluster file must be a name` };
  },
  hindrance: ({ row, options }) => {
    const unset = (row.supplied ?? []).filter((name) => options[name] === undefined);
    return unset.length === 0
      ? undefined
      : `the cluster file does not name it: set the option ${listed(unset)}`;
  },
  judge: ({ row, options }) => {
    const { expected, key } = row;
    const named = (row.supplied ?? []).map((name) => hostsIn(options, name));
    const all = named.flat();
    const finding = { expected, actual: all.join(", "), from };
    if (all.some((host) => familyOf(host) !== undefined)) return [unmet(finding)];
    const distinct = new Set(all).size;
    const isGood = key === "differs" ? distinct === all.length : key === "same" ? distinct === 1 : true;
    return [isGood ? met(finding) : unmet(finding)];
  },
};

/** The hosts that an option names, without their ports. */
export function hostsIn(options: OptionValues, name: string): string[] {
  const value = options[name];
  return value === undefined ? [] : [value].flat().flatMap((text) => parseHost(String(text))?.host ?? []);
}
