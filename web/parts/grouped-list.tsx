/** A list of what many nodes have in common, one line a thing, unfolded to what each node found. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { asked } from "./asked.ts";
import type { ComponentChildren } from "preact";
import type { Counts } from "../../shared/api.ts";
import type { Verdict } from "../../shared/names.ts";
import { grouped, type Group } from "../model/grouped.ts";
import { worstFirst, type WorstFirst } from "../net/worst-first.ts";
import { changes, look, nodeFilter, status, view } from "../store.ts";
import { VerdictMark } from "./verdict-mark.tsx";

export interface ListItem {
  spec: string;
  verdict: Verdict;
}

interface Parts<Item extends ListItem> {
  label: string;
  path: string;
  countsOf: "endpoints" | "requirements";
  /** What there is nothing of, for an empty list. */
  none: string;
  keyOf: (item: Item) => string;
  nodeOf: (item: Item) => string | undefined;
  title: (group: Group<Item>) => ComponentChildren;
  row: (item: Item) => ComponentChildren;
  columns: readonly string[];
}

const mostRows = 100;

export function GroupedList<Item extends ListItem>(parts: Parts<Item>) {
  const found = useSignal<WorstFirst<Item> | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  useSignalEffect(() => {
    void changes.value;
    const { spec, verdict } = view.value;
    const counts: Counts | undefined = status.value?.[parts.countsOf];
    if (counts === undefined) return;
    return asked(
      (signal) => worstFirst<Item>(parts.path, { spec }, counts, verdict, signal),
      problem,
      (answer) => {
        found.value = answer;
      },
    );
  });
  const filter = nodeFilter.value;
  const isWanted = (item: Item): boolean => {
    const node = parts.nodeOf(item);
    return filter === undefined || (node !== undefined && filter.isFrom(node));
  };
  const groups = grouped((found.value?.items ?? []).filter(isWanted), parts.keyOf);
  return (
    <div class="list" tabIndex={0} role="region" aria-label={parts.label}>
      {problem.value !== undefined && <p class="problem">{problem.value}</p>}
      {view.value.at !== undefined && <p class="note">This list is of now.</p>}
      {found.value === undefined && problem.value === undefined && <p class="quiet">Asking for the list …</p>}
      {found.value !== undefined && groups.length === 0 && <p class="empty">{parts.none}</p>}
      <div class="groups">
        {groups.map((group) => (
          <Unfolding key={group.key} group={group} parts={parts} />
        ))}
      </div>
      {(found.value?.left ?? 0) > 0 && (
        <p class="quiet">
          {found.value!.left.toLocaleString("en")} more are not listed: filter by spec or verdict.
        </p>
      )}
    </div>
  );
}

function Unfolding<Item extends ListItem>({ group, parts }: { group: Group<Item>; parts: Parts<Item> }) {
  const { key, items, worst } = group;
  const isOpen = view.value.item === key;
  return (
    <details
      class="group"
      open={isOpen}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open !== isOpen) look({ item: currentTarget.open ? key : undefined });
      }}
    >
      <summary>
        <span class="share">{shareText(group)}</span>
        <VerdictMark verdict={worst} isPlain /> {parts.title(group)}
      </summary>
      {isOpen && (
        <table>
          <thead>
            <tr>
              {parts.columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{items.slice(0, mostRows).map(parts.row)}</tbody>
        </table>
      )}
      {isOpen && items.length > mostRows && <p class="quiet">and {items.length - mostRows} more</p>}
    </details>
  );
}

/** `fail, 3 of 24` */
function shareText({ items, worst, count }: Group<ListItem>): string {
  if (items.length === 1) return worst;
  return count === items.length ? `${worst}, all ${count}` : `${worst}, ${count} of ${items.length}`;
}
