/** Random worlds from a seed: hosts, and up to five faults of which no two meet the same traffic. */
import { Random } from "./random.ts";
import { randomFault } from "./random-faults.ts";
import { effectOf } from "./truth.ts";
import { flowsBetween, type Family, type World, type WorldFault, type WorldNode } from "./world.ts";

const mostFaults = 5;
/** Where nothing fits beside what is broken already, the world has fewer faults. */
const attempts = 8;

export function randomWorld(seed: number): World {
  const random = new Random(seed);
  const nodes = randomNodes(random);
  const faults: WorldFault[] = [];
  const wanted = random.between(0, mostFaults);
  for (let attempt = 0; attempt < wanted * attempts && faults.length < wanted; attempt++) {
    const fault = randomFault(random, nodes);
    if (fault !== undefined && fits(fault, faults, nodes)) faults.push(fault);
  }
  return { seed, nodes, faults };
}

function randomNodes(random: Random): WorldNode[] {
  const zones = ["a", "b", "c"].slice(0, random.between(1, 3));
  const families: readonly (readonly Family[])[] = random.pick([
    [["v4"]],
    [["v6"]],
    [["v4", "v6"]],
    [["v4"], ["v6"], ["v4", "v6"]],
  ]);
  return Array.from({ length: random.between(3, 6) }, (_, index) => ({
    name: `n${index + 1}`,
    zone: random.pick(zones),
    families: random.pick(families),
    // Whatever chance says, there is one of each.
    roles: index === 0 ? ["servers"] : index === 1 ? ["clients"] : random.pick(roleSets),
  }));
}

const roleSets = [["servers"], ["clients"], ["servers", "clients"]] as const;

/** Whether it meets something, and nothing that another fault meets or needs to be whole. */
function fits(fault: WorldFault, others: readonly WorldFault[], nodes: readonly WorldNode[]): boolean {
  const own = trafficOf(fault, nodes);
  if (own.met.size === 0) return false;
  return others.every((other) => {
    const { met, needed } = trafficOf(other, nodes);
    return own.met.isDisjointFrom(met) && own.met.isDisjointFrom(needed) && met.isDisjointFrom(own.needed);
  });
}

function trafficOf(
  fault: WorldFault,
  nodes: readonly WorldNode[],
): { met: Set<string>; needed: Set<string> } {
  const met = new Set<string>();
  const needed = new Set<string>();
  for (const from of nodes) {
    for (const to of nodes) {
      // What has no address in common is not probed, so a fault between them would meet nothing.
      if (!from.families.some((family) => to.families.includes(family))) continue;
      for (const { transport, ports } of flowsBetween(from, to)) {
        for (let port = ports[0]; port <= ports[1]; port++) {
          if (effectOf(fault, from.name, to.name, transport, port) === undefined) continue;
          const via = (target: string, at: number): string => `${from.name} ${target} ${transport} ${at}`;
          met.add(via(to.name, port));
          // Where it ends up in the end nothing else may be wrong.
          if (fault.kind === "other-port") needed.add(via(to.name, fault.newPort));
          if (fault.kind === "other-host") needed.add(via(fault.newTarget, port));
        }
      }
    }
  }
  return { met, needed };
}
