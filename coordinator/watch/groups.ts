/** Groups of nodes that are shown and counted together: those with the same roles in the same zone. */
import type { PlannedNode } from "../../shared/plan.ts";

/** More zones or roles than that are not told apart: series and screens have an end. */
const maxGroups = 64;
const others = "other";

export interface Groups {
  names: string[];
  /** By node. */
  groupOf: Uint16Array;
}

/** `controller-nodes+workers/zone-a`: the roles that the cluster file gives, then the zone, each where there is one. */
export function groupsOf(nodes: readonly PlannedNode[]): Groups {
  const names: string[] = [];
  const positions = new Map<string, number>();
  const groupOf = Uint16Array.from(nodes, ({ roles, zone }) => {
    const full = [[...roles].toSorted().join("+") || "nodes", ...(zone === undefined ? [] : [zone])].join(
      "/",
    );
    const name = positions.has(full) || names.length < maxGroups - 1 ? full : others;
    const known = positions.get(name);
    if (known !== undefined) return known;
    positions.set(name, names.length);
    return names.push(name) - 1;
  });
  return { names, groupOf };
}
