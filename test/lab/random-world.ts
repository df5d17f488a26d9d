/** Random worlds from a seed: hosts, and up to five faults of which no two meet the same traffic. */
import { appliesTo, filters, type FilterLine } from "./filters.ts";
import type { Place } from "./lab.ts";
import { Random } from "./random.ts";
import { effectOf } from "./truth.ts";
import { flowsBetween, type Family, type WorldFault, type WorldFlow, type WorldNode } from "./world.ts";
import type { World } from "./world.ts";

const mostFaults = 5;
/** Where nothing fits beside what is broken already, the world has fewer faults. */
const attempts = 8;
/** A missing agent is waited for, so it is rare. */
const absentShare = 0.04;

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

function randomFault(random: Random, nodes: readonly WorldNode[]): WorldFault | undefined {
  const [prober, target] = [random.pick(nodes), random.pick(nodes)];
  const flows = flowsBetween(prober, target);
  if (flows.length === 0) return undefined;
  if (random.chance(absentShare)) return { kind: "absent", node: target.name };
  const flow = random.pick(flows);
  return random.chance(0.65)
    ? randomFilter(random, nodes, prober, target, flow)
    : randomMiddle(random, nodes, target, flow);
}

function randomFilter(
  random: Random,
  nodes: readonly WorldNode[],
  prober: WorldNode,
  target: WorldNode,
  { transport, ports: [first, last] }: WorldFlow,
): WorldFault {
  const line: FilterLine = random.pick(filters.filter((each) => appliesTo(each, transport)));
  // At a host's own firewall that host is one end, whatever the rule says of the other.
  const from = line.at === "prober" ? prober.name : placeAround(random, prober);
  const to = line.at === "target" ? target.name : placeAround(random, target);
  const start = random.between(first, last);
  return {
    kind: "filter",
    line,
    prober: from,
    target: to,
    probers: namesAt(nodes, from),
    targets: namesAt(nodes, to),
    transport,
    ports: random.chance(0.5) ? [first, last] : [start, random.between(start, last)],
  };
}

/** The host itself, its zone, or everybody. */
function placeAround(random: Random, { name, zone }: WorldNode): Place | undefined {
  return random.pick([name, name, { zone }, undefined]);
}

function namesAt(nodes: readonly WorldNode[], place: Place | undefined): string[] {
  return nodes
    .filter(({ name, zone }) =>
      place === undefined ? true : typeof place === "string" ? name === place : zone === place.zone,
    )
    .map(({ name }) => name);
}

/** What translates or answers on the way to one port of one host, for all who ask. */
function randomMiddle(
  random: Random,
  nodes: readonly WorldNode[],
  target: WorldNode,
  flow: WorldFlow,
): WorldFault | undefined {
  const {
    transport,
    protocol,
    ports: [first, last],
  } = flow;
  const port = random.between(first, last);
  const traffic = {
    probers: nodes.map(({ name }) => name),
    targets: [target.name],
    transport,
    ports: [port, port] as [number, number],
  };
  switch (random.between(0, 5)) {
    case 0: {
      const newPort = port === first ? last : first;
      return { ...traffic, kind: "other-port", newPort, atHome: random.chance(0.5) };
    }
    case 1: {
      // It holds the same port over the same families, and does not itself ask: that would be sent back to its sender.
      const able = nodes.filter(
        (node) =>
          node !== target &&
          node.roles.includes(flow.to) &&
          !node.roles.includes(flow.from) &&
          target.families.every((family) => node.families.includes(family)),
      );
      if (able.length === 0) return undefined;
      return { ...traffic, kind: "other-host", newTarget: random.pick(able).name };
    }
    case 2:
      return protocol === "tcp" || protocol === "udp" ? { ...traffic, kind: "stranger" } : undefined;
    case 3:
      return protocol === "tls" ? { ...traffic, kind: "inspected" } : undefined;
    case 4:
      return protocol === "tcp" ? { ...traffic, kind: "tls-only" } : undefined;
    default:
      return { ...traffic, kind: "masqueraded" };
  }
}

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
