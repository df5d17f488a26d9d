/** One random fault of a world: a firewall out of the catalogue, or something on the way to one port of one host. */
import { appliesTo, filters, type FilterLine } from "./filters.ts";
import type { Place } from "./lab.ts";
import type { Random } from "./random.ts";
import { flowsBetween, type WorldFault, type WorldFlow, type WorldNode } from "./world.ts";

/** A missing agent is waited for, so it is rare. */
const absentShare = 0.04;

/** Undefined where chance chose what cannot be. */
export function randomFault(random: Random, nodes: readonly WorldNode[]): WorldFault | undefined {
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
