/** The crossing that has the focus, that under the pointer, and what is done with one. */
import { computed, signal } from "@preact/signals";
import { slotOf } from "../model/axis.ts";
import { look, picture, view, type Picture } from "../store.ts";
import type { Crossing } from "./walk.ts";

export const focused = signal<Crossing>({ row: 0, column: 0 });
export const pointed = signal<Crossing | undefined>(undefined);

/** The crossing of the pair in the panel. */
export const selected = computed((): Crossing | undefined => {
  const now = picture.value;
  const { from, to } = view.value;
  if (now === undefined || from === undefined || to === undefined) return undefined;
  return crossingOf(now, from, to);
});

/** By names of nodes. */
function crossingOf({ nodes, rows, columns }: Picture, from: string, to: string): Crossing | undefined {
  const position = (name: string): number => nodes.findIndex((node) => node.name === name);
  const row = slotOf(rows, position(from));
  const column = slotOf(columns, position(to));
  return row === undefined || column === undefined ? undefined : { row, column };
}

/** A pair opens its panel, a crossing of groups unfolds them. */
export function enter(now: Picture, { row, column }: Crossing): void {
  const [near, far] = [now.rows.slots[row], now.columns.slots[column]];
  if (near === undefined || far === undefined) return;
  if (near.isGroup || far.isGroup) {
    const open = new Set(view.value.open);
    for (const slot of [near, far]) if (slot.isGroup) open.add(slot.group);
    look({ open: [...open] });
    const first = crossingOf(picture.value!, now.nodes[near.nodes[0]!]!.name, now.nodes[far.nodes[0]!]!.name);
    if (first !== undefined) focused.value = first;
  } else look({ from: near.label, to: far.label });
}
