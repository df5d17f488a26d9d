/** What happened lately, in as few lines as it can be told: a filter that closes a port is one event and not forty. */
import type { HappeningState, TransitionState } from "../../shared/api.ts";
import type { Look } from "./looks.ts";
import { together } from "./together.ts";

export interface NewsItem {
  key: string;
  /** Milliseconds since 1970: of the newest of those that are told together. */
  at: number;
  before: Look | undefined;
  after: Look | undefined;
  text: string;
}

/** Changes that are so close in time may have one cause. */
const togetherMs = 15_000;
const fewestTogether = 3;
const mostFlows = 2;

type Told = Pick<HappeningState, "id" | "at" | "kind" | "node" | "text">;
const ofMany: Readonly<Partial<Record<Told["kind"], string>>> = {
  joined: "agents joined",
  left: "agents left in good order",
  lost: "agents lost the coordinator",
  stale: "agents tell nothing",
  fresh: "agents tell of their paths again",
  restarted: "agents were started again",
};

/** Both newest first. `isCut` where there are more changes than were asked for: of the oldest some are missing. */
export function newsOf(
  { transitions, isCut }: { transitions: readonly TransitionState[]; isCut: boolean },
  happenings: readonly Told[],
  most: number,
): NewsItem[] {
  const oldest = isCut ? Date.parse(transitions.at(-1)!.at) + togetherMs : -Infinity;
  const items = [
    ...clusters(transitions, changeKey).flatMap((some) =>
      tellChanges(some, Date.parse(some.at(-1)!.at) <= oldest),
    ),
    ...clusters(happenings, kindKey).flatMap(tellHappenings),
  ];
  return items.toSorted((a, b) => b.at - a.at).slice(0, most);
}

function changeKey({ before, after }: TransitionState): string {
  return [before.verdict, after.reason].join("\n");
}

function kindKey({ kind }: Told): string {
  return kind;
}

/** Of the same key, as long as each is close to the one before. */
function clusters<Item extends { at: string }>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): Item[][] {
  const found: Item[][] = [];
  const open = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const cluster = open.get(key);
    if (cluster !== undefined && Date.parse(cluster.at(-1)!.at) - Date.parse(item.at) <= togetherMs)
      cluster.push(item);
    else {
      const next = [item];
      found.push(next);
      open.set(key, next);
    }
  }
  return found;
}

function flowsOf(changes: readonly TransitionState[]): string {
  const flows = new Set(changes.map(({ flow }) => flow));
  return flows.size > mostFlows ? `${flows.size} flows` : [...flows].join(", ");
}

function tellChanges(changes: readonly TransitionState[], isCut: boolean): NewsItem[] {
  const orMore = (end: string): string => (isCut ? end.replace(/(?<=^[0-9]+ nodes)$/, " or more") : end);
  return together(changes).map(({ from, to, pairs }) => {
    const { id, at, before, after } = pairs[0]!;
    return {
      key: `change ${id} ${at}`,
      at: Date.parse(at),
      before: before.verdict,
      after: after.reason === "stale" ? "stale" : after.verdict,
      text: `${orMore(from)} → ${orMore(to)}, ${flowsOf(pairs)}: ${after.reason}`,
    };
  });
}

function tellHappenings(told: readonly Told[]): NewsItem[] {
  const words = ofMany[told[0]!.kind];
  const lines =
    words !== undefined && told.length >= fewestTogether
      ? [{ ...told[0]!, text: `${told.length} ${words}` }]
      : told;
  return lines.map(({ id, at, text }) => ({
    key: `told ${id} ${at}`,
    at: Date.parse(at),
    before: undefined,
    after: undefined,
    text,
  }));
}
