/** Which ports of which targets are to be looked at again at once. */
import type { PathRow } from "../../shared/pair-rows.ts";
import type { Plan } from "../../shared/plan.ts";
import { countPorts, intersection, union, type PortSet } from "../../shared/ports.ts";
import type { OddParts } from "./odd-parts.ts";
import type { SweptSource } from "./swept-source.ts";

/** In one order to look again; the others wait for the next sweep. */
const maxPorts = 20_000;

/** By position in the pinglist, what was odd of these rows. Far nodes that fared alike share their sets of ports. */
export function portsOfSuspects(
  source: SweptSource,
  suspects: ReadonlyMap<number, readonly PathRow[]>,
  { pairs }: Plan,
): { asked: ReadonlyMap<number, PortSet>; far: number[] } {
  const asked = new Map<number, PortSet>();
  const far: number[] = [];
  const known = new Map<OddParts, Map<string, PortSet>>();
  const portsOf = (odd: OddParts, rows: readonly PathRow[]): PortSet => {
    let byRows = known.get(odd);
    if (byRows === undefined) known.set(odd, (byRows = new Map()));
    const key = rows.map(({ rank }) => rank).join(" ");
    let ports = byRows.get(key);
    if (ports === undefined)
      byRows.set(key, (ports = intersection(odd.ports, union(rows.map((row) => row.ports)))));
    return ports;
  };
  let count = 0;
  const [start] = pairs.targetsFrom(source.node);
  for (const [to, rows] of suspects) {
    const first = pairs.firstTarget(source.node, to) - start;
    const before = asked.size;
    for (let index = 0; index < pairs.rows(source.node, to).targets.length; index++) {
      const odd = source.oddAt(first + index);
      const ofTarget = rows.filter((row) => row.targets.includes(index));
      if (odd === undefined || ofTarget.length === 0) continue;
      const ports = portsOf(odd, ofTarget);
      const more = countPorts(ports);
      if (more === 0 || count + more > maxPorts) continue;
      count += more;
      asked.set(first + index, ports);
    }
    if (asked.size > before) far.push(to);
  }
  return { asked, far };
}
