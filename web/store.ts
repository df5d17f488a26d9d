/** What the page knows and what is looked at, as signals; whoever reads one is drawn anew when it changes. */
import { computed, signal } from "@preact/signals";
import type { FlowState, NodeState, Status } from "../shared/api.ts";
import { axisOf, type MatrixNode } from "./model/axis.ts";
import { nodeFilterOf } from "./model/node-filter.ts";
import { changesBetween, slotCells, type Cells } from "./model/slot-cells.ts";
import { searchOf, viewOf, type View } from "./model/view.ts";

/** With more nodes than that the first view is group by group. */
const foldedFrom = 60;
/** The matrix of one moment. */
export interface Moment {
  /** Milliseconds since 1970. */
  at: number;
  nodes: readonly MatrixNode[];
  cells: Cells;
}

export const view = signal<View>(viewOf(location.search));
export const status = signal<Status | undefined>(undefined);
export const nodes = signal<readonly NodeState[]>([]);
export const flows = signal<readonly FlowState[]>([]);
/** As the flows that are looked at stand: now, or at the moment that is looked at. */
export const shown = signal<Moment | undefined>(undefined);
/** The moment with which it is compared. */
export const compared = signal<Moment | undefined>(undefined);
/** Whether the live feed is there. */
export const isLive = signal(false);
/** Since when the coordinator does not answer, in milliseconds since 1970; undefined while it does. */
export const lostAt = signal<number | undefined>(undefined);
/** Whether what is shown as now may be long over. */
export const isOld = computed(() => lostAt.value !== undefined && view.value.at === undefined);
/** Counts up with what came over the live feed: whoever shows more than the matrix asks anew. */
export const changes = signal(0);
/** What the coordinator said no to. */
export const trouble = signal<string | undefined>(undefined);
/** The nodes of a finding whose cells stand out, by name. */
export const marked = signal<{ from: ReadonlySet<string>; to: ReadonlySet<string> } | undefined>(undefined);

export const nodeFilter = computed(() => nodeFilterOf(view.value.node));

const isFoldedAtFirst = computed(() => (shown.value?.nodes.length ?? 0) > foldedFrom);

function isFolded(group: string): boolean {
  const { open } = view.value;
  return isFoldedAtFirst.value && !open.includes("*") && !open.includes(group);
}

const axes = computed(() => {
  const all = shown.value?.nodes ?? [];
  const filter = nodeFilter.value;
  const isDirected = filter?.isDirected === true;
  return {
    rows: axisOf(all, { isFolded, isShown: ({ name }) => !isDirected || filter.isFrom(name) }),
    columns: axisOf(all, { isFolded, isShown: ({ name }) => !isDirected || filter.isTo(name) }),
  };
});

/** What is drawn: rows, columns and what stands in their crossings. */
export const picture = computed(() => {
  const moment = shown.value;
  if (moment === undefined) return undefined;
  const before = compared.value;
  const cells =
    before === undefined
      ? moment.cells
      : changesBetween(
          { cells: before.cells, names: before.nodes.map(({ name }) => name) },
          { cells: moment.cells, names: moment.nodes.map(({ name }) => name) },
        );
  const { rows, columns } = axes.value;
  return { nodes: moment.nodes, rows, columns, cells, slots: slotCells(cells, rows, columns) };
});
export type Picture = NonNullable<typeof picture.value>;

/** Changes what is looked at; `isStep` is a step that the browser's way back undoes. */
export function look(change: Partial<View>, isStep = true): void {
  const next = { ...view.value, ...change };
  const search = searchOf(next);
  if (search === searchOf(view.value)) return;
  view.value = next;
  const url = `${location.pathname}${search}`;
  if (isStep) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}

addEventListener("popstate", () => (view.value = viewOf(location.search)));
