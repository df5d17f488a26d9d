/** A node's pinglist as its agent gets it: columns, since most targets differ in their far node only. */
import type { Plan } from "../../shared/plan.ts";
import { formatPorts, subtract, union, type PortSet } from "../../shared/ports.ts";
import type { PairRows } from "../../shared/pair-rows.ts";
import type { PinglistMessage, ServedTarget } from "../../shared/watch-wire.ts";
import type { Membership } from "../membership.ts";
import type { ServicePorts } from "../service-ports.ts";
import { localhostOf } from "../../shared/addresses.ts";
import { wireThresholds } from "../wire-plan.ts";

export interface PinglistContext {
  plan: Plan;
  version: number;
  intervalMs: number;
  probing: { timeoutMs: number; budgetMs: number };
  membership: Membership;
  services: ServicePorts;
  absent: readonly number[];
}

export function pinglistOf(node: number, context: PinglistContext): PinglistMessage {
  const { plan, version, intervalMs, probing, absent } = context;
  const { pairs, nodes } = plan;
  const portSets = new Table();
  const protocols = new Table();
  const columns = { to: [], address: [], protocol: [], ports: [], shut: [] } as Record<
    "to" | "address" | "protocol" | "ports" | "shut",
    number[]
  >;
  for (const to of nodes.keys()) {
    const rows = pairs.rows(node, to);
    for (const [index, { address, protocol, ports }] of rows.targets.entries()) {
      const shut = shutPorts(rows)[index]!;
      columns.to.push(to);
      columns.address.push(address);
      columns.protocol.push(protocols.position(protocol));
      columns.ports.push(portSets.position(formatPorts(ports)));
      columns.shut.push(shut.length === 0 ? -1 : portSets.position(formatPorts(shut)));
    }
  }
  return {
    type: "pinglist",
    plan: version,
    intervalMs,
    timeoutMs: probing.timeoutMs,
    budgetMs: probing.budgetMs,
    ...wireThresholds(plan.thresholds),
    portSets: portSets.texts,
    protocols: protocols.texts as PinglistMessage["protocols"],
    ...columns,
    services: nodes.flatMap(({ index }) =>
      context.membership.occupied(index) === "" ? [] : servedTargets(node, index, context),
    ),
    absent,
  };
}

/** The targets of a pair on which real services are met, with how to speak with them. */
export function servedTargets(
  from: number,
  to: number,
  { plan, membership, services }: Pick<PinglistContext, "plan" | "membership" | "services">,
): ServedTarget[] {
  const { pairs } = plan;
  const first = pairs.firstTarget(from, to) - pairs.targetsFrom(from)[0];
  return pairs.rows(from, to).targets.flatMap((_, index) => {
    const target = pairs.target(pairs.firstTarget(from, to) + index)!;
    // A row that is local to the far host holds its ports there; what serves them may be seen from outside.
    const heldAt = [target.address, localhostOf(target.address)];
    const held = services.of(target, membership.occupiedPorts(to, target.transport, heldAt));
    return held.length === 0 ? [] : [{ target: first + index, services: held }];
  });
}

const shutPortsOf = new WeakMap<PairRows, readonly PortSet[]>();

/** By target: the ports that no row wants open. Pairs share their rows, so this is worked out a few times in all. */
function shutPorts(rows: PairRows): readonly PortSet[] {
  const known = shutPortsOf.get(rows);
  if (known !== undefined) return known;
  const found = rows.targets.map(({ ports }, index) => {
    const ofTarget = rows.paths.filter((row) => row.targets.includes(index));
    const open = union(ofTarget.filter((row) => row.open).map((row) => row.ports));
    return ofTarget.some((row) => !row.open) ? subtract(ports, open) : [];
  });
  shutPortsOf.set(rows, found);
  return found;
}

/** Texts by position. */
class Table {
  readonly texts: string[] = [];
  readonly #positions = new Map<string, number>();

  position(text: string): number {
    const known = this.#positions.get(text);
    if (known !== undefined) return known;
    this.#positions.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}
