/** The MTU of the interfaces that carry nodes' addresses: large packets vanish where two ends differ. */
import { isLoopback } from "../../addresses.ts";
import type { NodeFacts } from "../../node-facts.ts";
import type { PlannedNode } from "../../plan.ts";
import { ownAddresses, type OwnAddress } from "../own-interface.ts";
import { quoted } from "../remedies.ts";
import { met, unmet, type RequirementFinding } from "../requirement-check.ts";

/** RFC 8200 section 5: a link of IPv6. */
const leastMtu = 1_280;

export class LinkMtus {
  /** What most nodes of the cluster have; by the position of the address among a node's addresses, since those may be of several networks. */
  readonly #usual: ReadonlyMap<number, number>;
  /** With whom there is nothing to compare. */
  readonly #isAlone: boolean;

  constructor(all: readonly PlannedNode[], facts: (node: number) => NodeFacts | undefined) {
    const nodes = all.filter(({ outside }) => outside !== true);
    this.#isAlone = nodes.length < 2;
    const counts = new Map<number, Map<number, number>>();
    for (const node of nodes) {
      const told = facts(node.index);
      for (const { position, mtu } of told === undefined ? [] : linksOf(node, told)) {
        const ofPosition = counts.get(position) ?? new Map<number, number>();
        ofPosition.set(mtu, (ofPosition.get(mtu) ?? 0) + 1);
        counts.set(position, ofPosition);
      }
    }
    // Of two that are as frequent the larger: the smaller one is the narrow place.
    this.#usual = new Map(
      Array.from(counts, ([position, ofPosition]) => [
        position,
        [...ofPosition].toSorted((a, b) => b[1] - a[1] || b[0] - a[0])[0]![0],
      ]),
    );
  }

  judge(node: PlannedNode, facts: NodeFacts): RequirementFinding | undefined {
    // Who stands outside has networks of its own.
    const isCompared = node.outside !== true && !this.#isAlone;
    const links = linksOf(node, facts).map((link) => ({
      ...link,
      usual: isCompared ? this.#usual.get(link.position)! : link.mtu,
    }));
    const bad = links.find(({ mtu, usual }) => mtu < leastMtu || (usual >= leastMtu && mtu !== usual));
    const shown = bad ?? links[0];
    if (shown === undefined) return undefined;
    const { own, mtu, usual } = shown;
    const wanted = Math.max(leastMtu, usual);
    const finding = {
      node: node.name,
      expected: isCompared ? `MTU ${wanted}, as most nodes have` : `MTU ${leastMtu} or more`,
      actual: `MTU ${mtu}`,
      from: `${own.link.name}, which has ${own.address}`,
    };
    if (bad === undefined) return met(finding);
    return unmet({ ...finding, remedy: `ip link set dev ${quoted(own.link.name)} mtu ${wanted}` });
  }
}

function linksOf(node: PlannedNode, facts: NodeFacts): { position: number; own: OwnAddress; mtu: number }[] {
  return ownAddresses(node, facts).flatMap((own) => {
    const { mtu } = own.link;
    if (mtu === undefined || isLoopback(own.address)) return [];
    return [{ position: node.addresses.indexOf(own.address), own, mtu }];
  });
}
