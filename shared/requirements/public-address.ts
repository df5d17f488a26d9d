/** Whether the world can reach a node: by an address of its own, or by one that the cluster file says leads to it. */
import { isGlobal } from "../global-addresses.ts";
import { met, unmet, type RequirementCheck } from "./requirement-check.ts";

export const publicAddress: RequirementCheck = {
  how: () => ({
    how: "measured",
    text: "a node's addresses and its publicAddress in the cluster file are looked up in IANA's registries",
  }),
  judge: ({ row: { expected }, on }, { nodes }) =>
    on.map((index) => {
      const node = nodes[index]!;
      const addresses = [
        ...(node.publicAddress === undefined ? [] : [node.publicAddress]),
        ...node.addresses,
      ];
      const found = addresses.find(isGlobal);
      const finding = { node: node.name, expected, from: "the cluster file" };
      if (found !== undefined) return met({ ...finding, actual: found });
      return unmet({
        ...finding,
        actual: `${addresses.join(", ")}: not reachable from the Internet`,
        remedy: "where a NAT or a load balancer has a public address for it, set the node's publicAddress",
      });
    }),
};
