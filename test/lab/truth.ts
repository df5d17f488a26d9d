/**
 * What is true of a world: the reason of every port of every path, worked out from what was broken and from nothing
 * else. It knows neither probes nor packets, so it can be wrong in no way that the product is.
 */
import { verdictOf, verdicts, type Reason, type Transport } from "../../shared/names.ts";
import { flowsBetween, type World, type WorldFault, type WorldNode } from "./world.ts";

/** By `n1>n2 rpc`, then by port. */
export type Truth = ReadonlyMap<string, ReadonlyMap<number, Reason>>;

export function truthOf(world: World): Truth {
  const truth = new Map<string, Map<number, Reason>>();
  for (const from of world.nodes) {
    for (const to of world.nodes) {
      for (const { name, transport, ports } of flowsBetween(from, to)) {
        const reasons = new Map<number, Reason>();
        for (let port = ports[0]; port <= ports[1]; port++)
          reasons.set(port, reasonOf(world, from, to, transport, port));
        truth.set(`${from.name}>${to.name} ${name}`, reasons);
      }
    }
  }
  return truth;
}

function reasonOf(world: World, from: WorldNode, to: WorldNode, transport: Transport, port: number): Reason {
  // With no family in common there is nothing to probe.
  if (!from.families.some((family) => to.families.includes(family))) return "never-probed";
  const reasons = world.faults.flatMap((fault) => effectOf(fault, from.name, to.name, transport, port) ?? []);
  return reasons.toSorted((a, b) => badness(b) - badness(a))[0] ?? "reachable";
}

function badness(reason: Reason): number {
  return verdicts.indexOf(verdictOf(reason));
}

/** What a fault does to one port between two nodes; undefined where it does not meet it. */
export function effectOf(
  fault: WorldFault,
  from: string,
  to: string,
  transport: Transport,
  port: number,
): Reason | undefined {
  if (fault.kind === "absent") return from === fault.node || to === fault.node ? "agent-missing" : undefined;
  const isMet =
    fault.transport === transport &&
    fault.probers.includes(from) &&
    fault.targets.includes(to) &&
    port >= fault.ports[0] &&
    port <= fault.ports[1];
  if (!isMet) return undefined;
  switch (fault.kind) {
    case "filter":
      return fault.line.reason;
    case "other-port":
    case "other-host":
      return "misrouted";
    case "stranger":
      return "stranger";
    case "inspected":
      return "intercepted";
    case "tls-only":
      return "app-filtered";
    case "masqueraded":
      return "reachable";
  }
}
