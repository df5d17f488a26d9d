/** The interface of a node that carries one of its addresses, as the node itself told. */
import { isLoopback } from "../addresses.ts";
import type { NodeFacts } from "../node-facts.ts";
import type { PlannedNode } from "../plan.ts";

type Interface = NodeFacts["interfaces"][number];

export interface OwnAddress {
  address: string;
  link: Interface;
  /** Of that interface. */
  entry: Interface["addresses"][number];
}

/** Those of the node's addresses that are on an interface: behind a NAT there may be none. */
export function ownAddresses({ addresses }: PlannedNode, { interfaces }: NodeFacts): OwnAddress[] {
  return addresses.flatMap((address) => {
    for (const link of interfaces) {
      const entry = link.addresses.find((each) => each.address === address);
      if (entry !== undefined) return [{ address, link, entry }];
    }
    return [];
  });
}

/** Several of them share one host, as in a demo. */
export function livesOnLoopback({ addresses }: PlannedNode): boolean {
  return addresses.every(isLoopback);
}
