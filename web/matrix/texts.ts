/** Text on the canvas that has to fit. */
import { partsOf, type Axis } from "../model/axis.ts";

export const nameFont = "12px ui-sans-serif, system-ui, sans-serif";
export const groupFont = "600 12px ui-sans-serif, system-ui, sans-serif";
export const figureFont = "11px ui-sans-serif, system-ui, sans-serif";

const measuring = document.createElement("canvas").getContext("2d")!;
const widths = new Map<string, number>();
/** More texts than that are not on a screen. */
const mostKept = 20_000;

export function widthOf(text: string, font: string): number {
  const key = `${font} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  if (widths.size > mostKept) widths.clear();
  measuring.font = font;
  const { width } = measuring.measureText(text);
  widths.set(key, width);
  return width;
}

/** `controller-no…`; empty where there is no room for two letters. */
export function fitted(text: string, font: string, room: number): string {
  if (widthOf(text, font) <= room) return text;
  let length = Math.min(text.length, Math.floor(room / 4));
  while (length > 1 && widthOf(`${text.slice(0, length)}…`, font) > room) length -= 1;
  return length > 1 ? `${text.slice(0, length)}…` : "";
}

/** Runs of slots with one name, `end` excluded: what stands in a band along an edge. */
export interface Run {
  name: string;
  start: number;
  end: number;
}

/** Roles, then zones where there are any: one band each. None where everything is of one group. */
export function bandsOf({ blocks, slots }: Axis): Run[][] {
  if (slots.every(({ isGroup }) => isGroup)) return [];
  const bands: Run[][] = [];
  const roles: Run[] = [];
  for (const { group, start, end } of blocks) {
    const { roles: name } = partsOf(group);
    const last = roles.at(-1);
    if (last?.name === name) last.end = end;
    else roles.push({ name, start, end });
  }
  const zones = blocks.map(({ group, start, end }) => ({ name: partsOf(group).zone ?? "", start, end }));
  if (roles.length > 1) bands.push(roles);
  if (zones.some(({ name }) => name !== "")) bands.push(zones);
  return bands;
}
