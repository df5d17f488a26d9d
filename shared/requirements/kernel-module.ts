/** Kind `kernel-module`: a module of the kernel (`key`) is loaded, or built in. */
import { loadModule } from "./remedies.ts";
import {
  met,
  unknownYet,
  unmet,
  type RequirementCheck,
  type RequirementFinding,
} from "./requirement-check.ts";

const noName = { stated: "the row names no module of the kernel" };
const from = "/proc/modules, /sys/module, modules.builtin";

export const kernelModule: RequirementCheck = {
  how: ({ key }) =>
    key === undefined
      ? noName
      : { how: "measured", text: `each node looks whether ${key} is loaded or built in` },
  needs: ({ row: { key } }) => (key === undefined ? {} : { modules: [key] }),
  judge({ row: { key }, on }, context) {
    if (key === undefined) return noName;
    const expected = `${key} is loaded`;
    return on.map((index): RequirementFinding => {
      const node = context.nodes[index]!;
      const state = context.facts(index)?.modules[key];
      if (context.facts(index) === undefined) return unknownYet(node, expected, "agent-missing");
      if (state === undefined || state === "unknown")
        return {
          ...unknownYet(node, expected, "never-probed", "the kernel does not say what is built in"),
          from,
        };
      const finding = { node: node.name, expected, actual: state, from };
      return state === "absent" ? unmet({ ...finding, remedy: loadModule(key) }) : met(finding);
    });
  },
};
