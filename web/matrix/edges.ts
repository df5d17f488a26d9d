/** What stands along the top and the left of the picture: bands of roles and zones, then names; and how large cells are beside it. */
import type { Picture } from "../store.ts";
import { fittingSize, layoutOf, type Layout } from "./layout.ts";
import { bandsOf, groupFont, nameFont, widthOf, type Run } from "./texts.ts";

/** Height of a band. */
export const bandEdge = 18;
/** Names of nodes need so much room; below it only groups are named. */
export const smallestName = 11;
/** Names longer than that are cut. */
const widestNames = 200;
const narrowestNames = 60;
const flatNames = 24;

export interface Edges {
  left: number;
  top: number;
  rowBands: Run[][];
  columnBands: Run[][];
  /** Names of columns stand upright, or lie where cells are wide enough. */
  isUpright: boolean;
}

export interface Placed {
  edges: Edges;
  layout: Layout;
}

/** `zoom` is the edge of a cell that was asked for; without it all fits. */
export function placed(
  { rows, columns }: Pick<Picture, "rows" | "columns">,
  room: { width: number; height: number },
  zoom: number | undefined,
): Placed {
  const rowBands = bandsOf(rows);
  const columnBands = bandsOf(columns);
  const longest = (axis: Picture["rows"]): number =>
    axis.slots.reduce(
      (most, { label, isGroup }) => Math.max(most, widthOf(label, isGroup ? groupFont : nameFont)),
      0,
    );
  const [longestRow, longestColumn] = [longest(rows), longest(columns)];
  const place = (isUpright: boolean, isNamed: boolean, most = Infinity): Placed => {
    const roomFor = (names: number): number =>
      isNamed ? Math.min(widestNames, Math.max(narrowestNames, Math.ceil(names) + 16)) : 8;
    const edges = {
      left: rowBands.length * bandEdge + Math.max(roomFor(longestRow), narrowestNames),
      top: columnBands.length * bandEdge + (isUpright ? roomFor(longestColumn) : flatNames),
      rowBands,
      columnBands,
      isUpright,
    };
    const [wide, tall] = [room.width - edges.left - 4, room.height - edges.top - 4];
    const size = zoom ?? Math.min(most, fittingSize(rows, columns, wide, tall));
    return { edges, layout: layoutOf(rows, columns, size) };
  };
  const flat = place(false, true);
  if (flat.layout.size >= longestColumn + 8) return flat;
  const upright = place(true, true);
  if (upright.layout.size >= smallestName || (rowBands.length === 0 && columnBands.length === 0))
    return upright;
  // Without names of nodes there is more room; not so much that they would be wanted after all.
  return place(false, false, smallestName - 1);
}
