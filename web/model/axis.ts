/**
 * The order of rows and columns. A slot is one row or column: a node, or a whole group of nodes that is folded. Both
 * sides of the matrix have an axis, and all that is drawn, walked and read aloud goes by slots.
 */

/** One node as the matrix knows it; its position is that of its row in the cells. */
export interface MatrixNode {
  name: string;
  /** Roles and zone: `controllers/zone-a`. */
  group: string;
}

export interface Slot {
  label: string;
  group: string;
  /** Positions in the cells. */
  nodes: readonly number[];
  isGroup: boolean;
}

export interface Axis {
  slots: readonly Slot[];
  /** Neighbouring slots of one group, `end` excluded: between them stand the separators. */
  blocks: readonly { group: string; start: number; end: number }[];
}

export interface AxisOptions {
  /** Which groups are shown as one slot. */
  isFolded: (group: string) => boolean;
  /** Which nodes are shown at all. */
  isShown: (node: MatrixNode) => boolean;
}

/** Roles and zone of a group; no zone where it has none. */
export function partsOf(group: string): { roles: string; zone: string | undefined } {
  const at = group.indexOf("/");
  return at < 0
    ? { roles: group, zone: undefined }
    : { roles: group.slice(0, at), zone: group.slice(at + 1) };
}

const natural = new Intl.Collator("en", { numeric: true });

export function axisOf(nodes: readonly MatrixNode[], { isFolded, isShown }: AxisOptions): Axis {
  const groups = Map.groupBy(
    [...nodes.keys()].filter((position) => isShown(nodes[position]!)),
    (position) => nodes[position]!.group,
  );
  const slots: Slot[] = [];
  const blocks: Axis["blocks"][number][] = [];
  for (const group of [...groups.keys()].toSorted(natural.compare)) {
    const members = groups.get(group)!.toSorted((a, b) => natural.compare(nodes[a]!.name, nodes[b]!.name));
    const start = slots.length;
    if (isFolded(group)) slots.push({ label: group, group, nodes: members, isGroup: true });
    else
      for (const position of members)
        slots.push({ label: nodes[position]!.name, group, nodes: [position], isGroup: false });
    blocks.push({ group, start, end: slots.length });
  }
  return { slots, blocks };
}

/** Of a node, the slot that shows it; undefined where none does. */
export function slotOf(axis: Axis, node: number): number | undefined {
  const found = axis.slots.findIndex(({ nodes }) => nodes.includes(node));
  return found < 0 ? undefined : found;
}
