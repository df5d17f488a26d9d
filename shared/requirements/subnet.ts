/** Room in the subnets of the nodes. A prefix tells how much there can be; what is free, only who hands it out. */
import { familyOf } from "../addresses.ts";
import type { NodeFacts } from "../node-facts.ts";
import { unknownYet, unmet, type RequirementCheck, type RequirementFinding } from "./requirement-check.ts";

const text = "the addresses that the nodes' subnets can have at most are compared with those that nodes have";
const beyond = "how many are free, only who hands them out can tell";

export const subnet: RequirementCheck = {
  how: () => ({ how: "measured", text: `${text}; ${beyond}` }),
  judge: ({ row, on }, { nodes, facts }) => {
    const members = on.map((index) => nodes[index]!);
    const { expected } = row;
    const silent = members.filter(({ index }) => facts(index) === undefined);
    const subnets = new Map<string, { capacity: number; inside: string[] }>();
    for (const node of members) {
      for (const found of subnetsOf(node.addresses, facts(node.index))) {
        const entry = subnets.get(found.network) ?? { capacity: found.capacity, inside: [] };
        entry.inside.push(node.name);
        subnets.set(found.network, entry);
      }
    }
    const full = Array.from(subnets).filter(([, { capacity, inside }]) => inside.length >= capacity);
    const from = "prefix lengths of the interfaces";
    const findings: RequirementFinding[] = full.flatMap(([network, { capacity, inside }]) =>
      inside.map((node) => {
        const actual = `${network} has ${capacity} addresses for hosts, and ${inside.length} nodes`;
        return unmet({ node, expected, actual, from, remedy: "give the nodes a larger subnet" });
      }),
    );
    if (findings.length > 0) return findings;
    if (subnets.size === 0 && silent.length > 0) return silent.map((node) => unknownYet(node, expected));
    const seen = Array.from(
      subnets,
      ([network, { capacity, inside }]) => `${network}: ${inside.length} of ${capacity} addresses are nodes'`,
    );
    return { stated: [...seen, beyond].join("; ") };
  },
};

/**
 * IPv4 subnets of a node's own addresses, with their room for hosts: all but the network's and the broadcast
 * address (RFC 3021 for /31). A /32 tells of none: clouds give these to hosts whose subnet only their routers know.
 */
function subnetsOf(
  addresses: readonly string[],
  facts: NodeFacts | undefined,
): { network: string; capacity: number }[] {
  const own = facts?.interfaces.flatMap((each) => each.addresses) ?? [];
  return own
    .filter(({ address, prefix }) => familyOf(address) === 4 && prefix < 32 && addresses.includes(address))
    .map(({ address, prefix }) => {
      const size = 2 ** (32 - prefix);
      return { network: networkOf(address, prefix), capacity: prefix === 31 ? size : size - 2 };
    });
}

function networkOf(address: string, prefix: number): string {
  const bits = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(bits / size) * size;
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${octets.join(".")}/${prefix}`;
}
